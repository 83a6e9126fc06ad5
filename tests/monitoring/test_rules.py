"""Prometheus' rules, by Prometheus' own tool; and the names that they use, against those that we send."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from drivetrain.alerts.facts import QuotaUse
from drivetrain.alerts.features import ViewStanding
from drivetrain.alerts.thresholds import Thresholds
from drivetrain.metrics import features, sheets
from tests.support.alerts import HOUR, NOON, depth, facts, standing

if TYPE_CHECKING:
    from drivetrain.metrics.measure import Measure

FOLDER = Path(__file__).parents[2] / "k8s" / "monitoring"
PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian's package prometheus) is not installed")
@pytest.mark.parametrize(
    "command",
    [("check", "rules", "drivetrain-rules.yaml"), ("test", "rules", "drivetrain-rules-test.yaml")],
    ids=["check", "test"],
)
def test_promtool_agrees(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [str(PROMTOOL), *command], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_test() -> None:
    rules = yaml.safe_load((FOLDER / "drivetrain-rules.yaml").read_text(encoding="utf-8"))
    names = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    tested = yaml.safe_load((FOLDER / "drivetrain-rules-test.yaml").read_text(encoding="utf-8"))
    fires = {case["alertname"] for test in tested["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fires == names


def test_the_rules_name_only_gauges_that_are_sent() -> None:
    text = (FOLDER / "drivetrain-rules.yaml").read_text("utf-8")
    used = set(re.findall(r"airflow_drivetrain_(?:sheets|features)_\w+", text))
    sent = {f"airflow_{prefix.replace('.', '_')}_{measure.name}" for prefix, measure in everything()}
    assert used <= sent


def test_the_mapping_gives_every_name_of_plain_statsd_its_labels_back() -> None:
    mappings = yaml.safe_load((FOLDER / "statsd-mapping.yaml").read_text(encoding="utf-8"))["mappings"]
    for prefix, measure in everything():
        name = ".".join(["airflow", prefix, measure.name, *measure.tags.values()])
        mapping = next(m for m in mappings if matches(m["match"], name))
        parts = re.fullmatch(m_to_re(mapping["match"]), name)
        assert parts is not None
        assert filled(mapping["name"], parts) == f"airflow_{prefix.replace('.', '_')}_{measure.name}"
        assert {key: filled(value, parts) for key, value in mapping.get("labels", {}).items()} == dict(measure.tags)


def test_every_section_of_a_runbook_that_an_alert_names_is_there() -> None:
    root = FOLDER.parents[1]
    sources = [*(root / "plugins/drivetrain/alerts").glob("*.py"), root / "plugins/operators/alert_notifier.py"]
    sources.append(FOLDER / "drivetrain-rules.yaml")
    sources += [root / "plugins/operators/feature_land.py"]
    text = "\n".join(path.read_text("utf-8") for path in sources)
    for runbook, least in (("sheets", 7), ("features", 3)):
        named = set(re.findall(rf"{runbook}\.md#([\w-]+)", text))
        headings = re.findall(r"^## (.+)$", (root / f"docs/runbooks/{runbook}.md").read_text("utf-8"), re.MULTILINE)
        there = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert len(named) >= least
        assert named <= there


def everything() -> list[tuple[str, Measure]]:
    seen = facts(standing(), dead_letters=[], depth=depth(), quota=[QuotaUse("p", "", "read", 1, 2)])
    view = ViewStanding("cars", "pricing", "", HOUR, NOON, is_written=True, refused="", last_run_at=None)
    return [
        *((sheets.PREFIX, measure) for measure in sheets.measures(seen, Thresholds())),
        *((features.PREFIX, measure) for measure in features.measures([view], NOON, Thresholds())),
    ]


def m_to_re(glob: str) -> str:
    return re.escape(glob).replace(r"\*", r"([^.]*)")


def matches(glob: str, name: str) -> bool:
    return re.fullmatch(m_to_re(glob), name) is not None


def filled(text: str, parts: re.Match[str]) -> str:
    return re.sub(r"\$(\d)", lambda number: parts[int(number[1])], text)
