"""A DAG bundle of 75 DAGs: the repository's own, and those of squads that each have some workbooks to sync.

Squads are teams as sheets_sync.py knows them: a DAG each, a task a workbook. Their specs are the only thing made up;
the DAG files and the code are the repository's.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.fleet_uniform import uniform
from standins.fleet.write import write_fleet

if TYPE_CHECKING:
    from standins.fleet.fleet import Fleet

ROOT = Path(__file__).parents[1]
DAGS = 75
ROWS = 50
BROKEN = "broken_squad_sync"  # its task fails in each run, and says why
CONTENT = ("dags", "include", ".airflowignore")


def own_dags(include: Path = ROOT / "include") -> int:
    """How many DAGs the repository's own files make: one a file; four make one a team, feature view or training set."""
    from drivetrain.features.catalog import load_features, load_training_sets
    from drivetrain.sheets.catalog import load_teams
    from drivetrain.sheets.load_catalog import load_load_teams

    files = [file for file in (ROOT / "dags").glob("*.py") if not file.name.startswith("_")]
    made = (
        load_teams(include),
        load_load_teams(include),
        load_features(include).specs,
        load_training_sets(include).sets,
    )
    return len(files) - len(made) + sum(map(len, made))


def squad(number: int) -> str:
    """A squad's name."""
    return f"squad_{number:02}"


def squads_fleet(squads: int, workbooks: int) -> Fleet:
    """The workbooks of all squads, dealt out in turn; one small tab each."""
    return uniform(workbooks, rows=ROWS, tabs=1, team=lambda number: squad(number % squads))


def squads_files(fleet: Fleet, folder: Path, *, broken: str | None = None) -> dict[str, str]:
    """The squads' files by their paths in the bundle.

    Args:
        fleet: see squads_fleet.
        folder: a new one, to write to.
        broken: a squad that gets a spec which can't be used.
    """
    write_fleet(fleet, folder)
    files = files_of(folder)
    if broken is not None:
        files[f"include/specs/sheets/{broken}/{BROKEN}.yaml"] = f"sync: {BROKEN}\nteam: {broken}\n"
    return files


def files_of(folder: Path) -> dict[str, str]:
    """A fleet's files that write_fleet wrote, by their paths in the bundle."""
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted((folder / "include").rglob("*"))
        if path.is_file()
    }


def copy_bundle(folder: Path, files: dict[str, str]) -> Path:
    """The repository's dags/ and include/ in a folder of their own, with files laid over."""
    for name in CONTENT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
