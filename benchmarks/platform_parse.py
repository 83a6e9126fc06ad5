"""What it costs to parse the DAG files: 75 DAGs, and 2,500 sheet specs.

Each is parsed in a fresh process that has imported Airflow before, as the DAG processor's children have; our own code,
the specs and the serialization of the DAGs are in the figure. Beside ours: the 75 DAGs in 75 files, and the 2,500 specs
the usual way, a DAG each. Usage: python -m benchmarks.platform_parse [--syncs N] [--repeats N]
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import typer

from benchmarks.frame import Report, Target, in_own_process, spread
from benchmarks.platform_bundle import DAGS, copy_bundle, files_of, own_dags, squad, squads_files, squads_fleet
from standins.fleet.fleet import draw_fleet
from standins.fleet.write import write_fleet

ONCE = "benchmarks.platform_parse_once"
WORKBOOKS_A_SQUAD = 5
MEASURES = {"seconds": "s", "slowest_file": "s", "peak_mib": "MiB", "serialized_mb": "MB", "dags": "DAGs"}

# Files as teams would have them without specs that share a file: the same code makes the same DAG.
ONE_SQUAD = '''"""Sheets of one squad, in a file of its own."""

from pathlib import Path

from airflow.sdk import DAG

from drivetrain.sheets.catalog import load_teams
from operators.snowflake_to_sheets import SnowflakeToSheetsOperator
from operators.team_dags import team_dag

INCLUDE = Path(__file__).parents[1] / "squads" / Path(__file__).stem

for _team in load_teams(INCLUDE):
    with DAG(description="Sheets", **team_dag(_team, kind="sync", dry_run="Return the plan.")) as _dag:
        for _workbook in _team.workbooks:
            SnowflakeToSheetsOperator(
                task_id=_workbook.task_id, syncs=_workbook.syncs, doc_md=_workbook.documentation
            )
    globals()[_dag.dag_id] = _dag
'''
# The usual way to generate DAGs: one for each entry of a configuration.
A_DAG_A_SPEC = '''"""A DAG for each sync."""

from pathlib import Path

from airflow.sdk import DAG

from drivetrain.sheets.catalog import load_syncs
from operators.snowflake_to_sheets import SnowflakeToSheetsOperator

for _sync in load_syncs(Path(__file__).parents[1] / "include"):
    with DAG(f"sheet_{_sync.spec.sync}", schedule=None, tags=["sheet-sync", f"team:{_sync.spec.team}"]) as _dag:
        SnowflakeToSheetsOperator(task_id="sync", syncs=(_sync,), doc_md=_sync.spec.description)
    globals()[_dag.dag_id] = _dag
'''


def own_75(folder: Path) -> Path:
    """75 DAGs as the repository has them: teams share a file."""
    squads = DAGS - own_dags()
    fleet = squads_fleet(squads, squads * WORKBOOKS_A_SQUAD)
    return copy_bundle(folder / "bundle", squads_files(fleet, folder / "fleet"))


def apart_75(folder: Path) -> Path:
    """75 files with a DAG each."""
    bundle = folder / "bundle"
    for number in range(DAGS):
        home = bundle / "squads" / squad(number)
        fleet = squads_fleet(1, WORKBOOKS_A_SQUAD)
        files = squads_files(fleet, folder / squad(number))
        for name, text in files.items():
            # The fleet of one squad calls it squad_00.
            path = home / Path(name.replace(squad(0), squad(number))).relative_to("include")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace(squad(0), squad(number)), encoding="utf-8")
        file = bundle / "dags" / f"{squad(number)}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(ONE_SQUAD, encoding="utf-8")
    return bundle


def drawn_specs(folder: Path, syncs: int) -> Path:
    """The repository's DAG files with a fleet's specs beside its own; and the usual way, as a_dag_a_spec.py."""
    write_fleet(draw_fleet(syncs), folder / "fleet")
    files = files_of(folder / "fleet")
    return copy_bundle(folder / "bundle", {**files, "dags/a_dag_a_spec.py": A_DAG_A_SPEC})


def main(syncs: int = typer.Option(2_500), repeats: int = typer.Option(5)) -> None:
    """Run the benchmark and write benchmarks/results/platform-parse.json."""
    report = Report(
        "platform-parse",
        {
            "75 DAGs": f"the repository's {own_dags()} and one for each of {DAGS - own_dags()} squads with "
            f"{WORKBOOKS_A_SQUAD} workbooks",
            "specs": f"{syncs:,} sheet syncs of 10 teams (standins.fleet, seed 7) beside the repository's own",
        },
    )
    with tempfile.TemporaryDirectory(prefix="parse-") as name:
        folder = Path(name)
        for part in ("own", "apart", "specs"):
            (folder / part).mkdir()
        own, apart = own_75(folder / "own"), apart_75(folder / "apart")
        specs = drawn_specs(folder / "specs", syncs)
        cases: dict[str, tuple[Path, str]] = {
            "dags_75": (own, "*.py"),
            "in 75 files": (apart, "*.py"),
            "specs": (specs, "sheets_sync.py"),
            "a DAG a spec": (specs, "a_dag_a_spec.py"),
        }
        env = {"AIRFLOW_HOME": str(folder / "airflow"), "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        for repeat in range(-1, repeats):  # the first compiles bytecode, as an image has it
            for case, (bundle, pattern) in cases.items():
                once = in_own_process(ONCE, str(bundle), pattern, env=env)
                if repeat >= 0:
                    report.runs.append({"case": case, "repeat": repeat, **once})
                    typer.echo(f"{repeat} {case:<14}" + "  ".join(f"{key} {once[key]:g}" for key in MEASURES))
    _summarize(report, syncs)
    report.show(write=True)


def _summarize(report: Report, syncs: int) -> None:
    def metrics(case: str) -> dict[str, Any]:
        rows = [row for row in report.runs if row["case"] == case]
        return {name: spread([row[name] for row in rows], unit) for name, unit in MEASURES.items()}

    for case in ("dags_75", "specs"):
        report.metrics |= {f"{case}.{name}": value for name, value in metrics(case).items()}
    seconds, dags = (report.metrics[f"specs.{name}"]["value"] for name in ("seconds", "dags"))
    report.metrics["specs.ms_a_spec"] = {"value": round(seconds * 1000 / syncs, 3), "unit": "ms"}
    for case in ("in 75 files", "a DAG a spec"):
        report.peers[case] = {"version": "the same operators", "metrics": metrics(case)}
    report.targets = [
        Target(f"seconds to parse {syncs:,} specs", "<=", 10, seconds),
        Target("DAGs that they make, one a team", "<=", 20, dags),
        Target("DAGs of the day's bundle", "==", DAGS, report.metrics["dags_75.dags"]["value"]),
    ]


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
