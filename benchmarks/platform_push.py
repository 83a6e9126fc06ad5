"""How long a push takes until Airflow shows it, and until a task of it starts: stock settings and ours.

Pushes come in pairs: a change of a DAG that was left alone for a while, and at once a correction of it, which Airflow's
default of 30 s between two writes of a DAG holds up. `make bench-platform-push`; with ARGS=--quick it is 2 pairs, and
nothing is written.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.frame import Report, Target, percentile, spread
from standins.platform.airflow_env import BUNDLE
from standins.platform.testing import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Mapping

PAIRS = 10
DAGS = 10
WITHOUT = ("snowflake", "sheets")
TEXT = """
from airflow.sdk import DAG, task
with DAG("{dag_id}", schedule=None, description="{text}", tags=["team:platform"], default_args={{"owner": "platform"}}):
    @task(doc_md="{text}")
    def say():
        return "{text}"
    say()
"""


@dataclass
class Contender:
    """Settings, and what was measured with them.

    Attributes:
        classpath: of the bundle.
        arguments: of the bundle.
        settings: of Airflow, as environment variables.
        pairs: of pushes, at most.
        pushes: one dict a push.
    """

    name: str
    classpath: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    pairs: int = PAIRS
    pushes: list[dict[str, Any]] = field(default_factory=list)

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Percentiles of all pushes, and medians of both kinds."""
        found = {}
        for what in ("parsed", "first_run"):
            every = [push[what] for push in self.pushes]
            for percent in (50, 99):
                value = round(percentile(every, percent), 2)
                found[f"push_to_{what}_p{percent}"] = {
                    "value": value,
                    "unit": "s",
                    "spread": spread(every, "s")["spread"],
                }
            for kind in ("change", "correction"):
                some = [push[what] for push in self.pushes if push["kind"] == kind]
                found[f"push_to_{what}_of_a_{kind}"] = spread(some, "s")
        return found


# Airflow's defaults of all that decides how soon a push is seen, but for the refresh of a bundle every 300 s: who waits
# for that measures the timer.
STOCK = Contender(
    "stock",
    "airflow.providers.git.bundles.git.GitDagBundle",
    settings={
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
    },
)
UNGUARDED = Contender("unguarded", "hooks.guarded_bundle.GuardedGitDagBundle", {"is_guarded": False}, pairs=4)
OURS = Contender("ours", "hooks.guarded_bundle.GuardedGitDagBundle")
REFRESH_SECONDS = 3


def measure(contender: Contender, pairs: int, home: Path) -> None:
    """Start a platform, push pair after pair, take times."""
    bundle = {
        "name": BUNDLE,
        "classpath": contender.classpath,
        "kwargs": {
            "repo_url": str(home / "git" / "bundle.git"),
            "tracking_ref": "main",
            "refresh_interval": REFRESH_SECONDS,
            **contender.arguments,
        },
    }
    settings = {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]), **contender.settings}
    with LocalPlatform(home, without=WITHOUT, airflow=settings) as platform:
        files: dict[str, str | None] = {_path(number): _text(number, "start") for number in range(DAGS)}
        platform.wait_for_version(platform.push(files), timeout_seconds=180)
        for number in range(DAGS):
            platform.api.write("PATCH", f"dags/{_dag(number)}", {"is_paused": False})
        for pair in range(pairs):
            for kind in ("change", "correction"):
                contender.pushes.append(_push(platform, files, pair % DAGS, kind, f"{kind} {pair}"))


def _push(platform: LocalPlatform, files: dict[str, str | None], number: int, kind: str, text: str) -> dict[str, Any]:
    dag_id = _dag(number)
    files[_path(number)] = _text(number, text)
    began = time.time()
    sha = platform.push(files, text)
    deadline = began + 120
    while True:
        dag = platform.api.read(f"dags/{dag_id}")
        # The version of the DAG's row moves with each parse; what a run is made of is written no more than every 30 s.
        if dag["bundle_version"] == sha and _serialized(platform, dag_id) == text:
            break
        if time.time() > deadline:
            raise RuntimeError(f"{dag_id}: {sha[:12]} was not parsed within 120 s")
        time.sleep(0.1)
    parsed = time.time() - began
    run_id = f"push-{text.replace(' ', '-')}"
    platform.api.write("POST", f"dags/{dag_id}/dagRuns", {"dag_run_id": run_id, "logical_date": None})
    while time.time() < deadline:
        (task,) = platform.api.read(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"] or [None]
        if task and task["state"] in ("running", "success"):
            return {"kind": kind, "parsed": round(parsed, 2), "first_run": round(time.time() - began, 2)}
        time.sleep(0.1)
    raise RuntimeError(f"{dag_id}: no task of {sha[:12]} started within 120 s")


def _serialized(platform: LocalPlatform, dag_id: str) -> str:
    """What the serialized DAG says, of which a run is made."""
    return str(platform.api.read(f"dags/{dag_id}/tasks")["tasks"][0]["doc_md"])


def _dag(number: int) -> str:
    return f"push_{number}"


def _path(number: int) -> str:
    return f"dags/{_dag(number)}.py"


def _text(number: int, text: str) -> str:
    return TEXT.format(dag_id=_dag(number), text=text)


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 pairs of pushes each; the result is not written")
    parser.add_argument("--only", choices=["ours", "unguarded", "stock"], help="one contender; not written")
    arguments = parser.parse_args()
    pairs = 2 if arguments.quick else PAIRS
    for contender in (OURS, UNGUARDED, STOCK):
        if arguments.only not in (None, contender.name):
            continue
        home = Path(tempfile.mkdtemp(prefix="drivetrain-push-"))
        try:
            measure(contender, min(pairs, contender.pairs), home)
        finally:
            shutil.rmtree(home, ignore_errors=True)
        print(contender.name, json.dumps(contender.pushes), flush=True)
    if arguments.only:
        return
    metrics, stock = OURS.metrics(), STOCK.metrics()
    report = Report(
        "platform-push",
        load={
            "pushes": f"{2 * pairs}; unguarded {2 * min(pairs, UNGUARDED.pairs)}",
            "DAG files": f"{DAGS} and the repository's own",
            "bundle refresh": f"every {REFRESH_SECONDS} s for all three; Airflow's default is 300 s",
            "stock": "Airflow's GitDagBundle and default intervals (30 s between two writes of a DAG)",
            "unguarded": "our settings without the guard",
            "ours": "our settings; the guard parses each commit before it is taken",
        },
        runs=[{"contender": one.name, "pushes": one.pushes} for one in (OURS, UNGUARDED, STOCK)],
        metrics=metrics,
        peers={
            "stock": {"version": version("apache-airflow"), "metrics": stock},
            "unguarded": {"version": version("apache-airflow"), "metrics": UNGUARDED.metrics()},
        },
        targets=[
            Target("push_to_parsed_p99", "<=", 15.0, metrics["push_to_parsed_p99"]["value"]),
            Target("push_to_first_run_p99", "<=", 20.0, metrics["push_to_first_run_p99"]["value"]),
        ],
        notes=["The parser of the guard is started by the first push, which waits for it."],
    )
    report.show(write=not arguments.quick)


if __name__ == "__main__":
    main()
