"""The routing file: what it takes, and what it refuses with the file, the key and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivetrain.alerts.alert import Severity
from drivetrain.alerts.routes import FILE, load_routes
from drivetrain.errors import SpecError
from tests.support.alerts import HOUR, alert

INCLUDE = Path(__file__).parents[4] / "include"
WHOLE = """
channels:
  ops: {kind: slack, connection: drivetrain_alerts_slack}
  pager: {kind: webhook, connection: pager, at_least: critical}
  mail: {kind: email, to: [retail@drivetrain.example]}
routes:
  default: [ops]
  retail: [mail, pager]
repeat_after: 2h
limits: {failures: 5}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / FILE
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return folder


def test_the_repositorys_own_file_can_be_used() -> None:
    assert load_routes(INCLUDE).channels_of(alert(team="anybody"))


def test_alerts_go_by_team_and_severity(tmp_path: Path) -> None:
    routes = load_routes(written(tmp_path, WHOLE))
    assert routes.channels_of(alert()) == ("mail",)
    assert routes.channels_of(alert(severity=Severity.CRITICAL)) == ("mail", "pager")
    assert routes.channels_of(alert(team="lending")) == ("ops",)
    assert (routes.repeat, routes.quiet, routes.limits.failures) == (2 * HOUR, HOUR, 5)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[mail, pager]", "[male]", "routes.retail: no channel is called male; there are: mail, ops, pager"),
        ("default: [ops]", "other: [ops]", "routes.default: missing, add it"),
        ("kind: slack", "kind: sms", "channels.ops"),
        ("connection: pager,", "connection: 'https://x/y z',", "channels.pager.webhook.connection"),
        ("connection: pager,", "url: 'https://hooks.slack.com/x',", "channels.pager.webhook.url: unknown key"),
        ("to: [retail@drivetrain.example]", "to: []", "channels.mail.email.to"),
        ("to: [retail@drivetrain.example]", "to: [somebody]", "channels.mail.email.to.0"),
        ("repeat_after: 2h", "repeat_after: often", "repeat_after: write a duration as 30m, 6h or 2d"),
        ("{failures: 5}", "{failures: 0}", "limits.failures"),
        ("{failures: 5}", "{late: 5m}", "limits.late: unknown key; known here: dead_for, failures"),
        ("routes:", "channels:", "appears twice"),
        ("retail: [mail, pager]", "retail: []", "routes.retail"),
    ],
)
def test_a_wrong_file_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in WHOLE
    with pytest.raises(SpecError) as refused:
        load_routes(written(tmp_path, WHOLE.replace(old, new, 1)))
    assert words in str(refused.value)
    assert str(tmp_path / FILE) in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"alerts/routes\.yaml: cannot be read"):
        load_routes(tmp_path)
