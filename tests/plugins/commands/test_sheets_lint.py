from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from commands.main import app
from drivetrain.errors import FatalError, SpecError

REPOSITORY = Path(__file__).parents[3]


def write(include: Path, name: str, workbook: int = 0, **changes: Any) -> None:
    spec: dict[str, Any] = {
        "sync": name,
        "description": f"What {name} shows.",
        "team": "bi_ops",
        "owner": "bi@example.com",
        "schedule": {"cron": "0 9 * * *", "timezone": "Asia/Kolkata"},
        "freshness": "26h",
        "source": {"query": "SELECT ID FROM CARS"},
        "target": {"spreadsheet_id": f"{workbook:030}", "tab": name},
        "mode": "replace",
        "columns": [{"name": "ID", "type": "integer"}],
    }
    path = include / "specs" / "sheets" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(spec | changes))


def lint(include: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["sheets", "lint", "--include", str(include), *arguments])


def test_the_repository_s_own_syncs_pass() -> None:
    result = lint(REPOSITORY / "include", "--accounts", "1", "--day", "2026-11-23")
    assert result.exit_code == 0, result.output
    counted, busiest = result.output.splitlines()
    assert counted.endswith("are well-formed")
    assert busiest.startswith("busiest minute of Mon 2026-11-23: ")


def test_a_busy_minute_is_a_warning(tmp_path: Path) -> None:
    for number in range(40):
        write(tmp_path, f"sync_{number}", number)
    result = lint(tmp_path, "--accounts", "1", "--day", "2026-11-24")
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == (
        "warning: this set needs 80 reads/min at 09:00 Asia/Kolkata, the cap is 60 with 1 account: it drains in 2 min; "
        "use more accounts, or spread these schedules: 0 9 * * * (40 workbooks)"
    )
    assert "warning" not in lint(tmp_path, "--day", "2026-11-24").output


def test_a_sync_that_would_be_late_is_an_error(tmp_path: Path) -> None:
    for number in range(70):
        write(tmp_path, f"sync_{number}", number, freshness="1442m")
    result = lint(tmp_path, "--accounts", "1", "--day", "2026-11-24")
    assert isinstance(result.exception, FatalError)
    assert str(result.exception) == "10 syncs would miss their freshness however well the quota is used"
    assert "due at Tue 09:00, done by Tue 09:03 at best; with freshness 1442m" in result.output


def test_a_column_that_the_query_does_not_select_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    write(tmp_path, "good")
    write(tmp_path, "wrong", columns=[{"name": "VIN", "type": "text"}], drift="ignore")
    write(tmp_path, "starred", columns=[{"name": "VIN", "type": "text"}], source={"query": "SELECT * FROM CARS"})
    result = lint(tmp_path)
    assert isinstance(result.exception, FatalError)
    (line,) = result.output.splitlines()
    path = tmp_path / "specs" / "sheets" / "wrong.yaml"
    assert line.startswith(f"{path}: columns: VIN is not in the query's SELECT")


def test_a_file_that_is_no_spec_is_the_first_thing_said(tmp_path: Path) -> None:
    write(tmp_path, "odd", colour="red")
    assert isinstance(lint(tmp_path).exception, SpecError)


@pytest.mark.parametrize("arguments", [("--accounts", "0"), ("--day", "yesterday")])
def test_arguments_that_mean_nothing_are_refused(tmp_path: Path, arguments: tuple[str, str]) -> None:
    write(tmp_path, "good")
    assert lint(tmp_path, *arguments).exit_code != 0


def test_no_syncs_are_no_problem(tmp_path: Path) -> None:
    result = lint(tmp_path, "--day", "2026-11-24")
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "nothing is due on Tue 2026-11-24"
