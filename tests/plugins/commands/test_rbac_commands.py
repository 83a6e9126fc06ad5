from __future__ import annotations

import json
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from commands.main import app
from drivetrain.errors import FatalError
from tests.support.rbac import small, sync, write

REPOSITORY = Path(__file__).parents[3]


def rbac(command: str, include: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["rbac", command, "--include", str(include), *arguments])


def test_the_repositorys_own_roles_pass() -> None:
    result = rbac("lint", REPOSITORY / "include")
    assert result.exit_code == 0, result.output
    assert result.output == "14 roles of 5 teams and of the platform are well-formed\n"


def test_lint_tells_all_problems_at_once(tmp_path: Path) -> None:
    small(tmp_path, "growth")
    sync(tmp_path, "new_cars", "brand_new")
    write(tmp_path, "teams/nobody", {"team": "nobody"})
    result = rbac("lint", tmp_path)
    assert isinstance(result.exception, FatalError)
    assert len(result.output.splitlines()) == 2


def test_the_matrix_is_printed_for_other_files_too(tmp_path: Path) -> None:
    result = rbac("matrix", small(tmp_path, "growth"))
    assert result.exit_code == 0, result.output
    assert "| growth | `sheets_sync_growth` | `team_growth_" in result.output


def test_the_mapping_is_json(tmp_path: Path) -> None:
    small(tmp_path, "growth")
    write(tmp_path, "teams/growth", {"team": "growth", "members": {"viewer": {"groups": ["cn=growth,ou=x"]}}})
    assert json.loads(rbac("mapping", tmp_path).output) == {"cn=growth,ou=x": ["team_growth_viewer"]}


def test_apply_asks_somebody_or_is_told_not_to(tmp_path: Path) -> None:
    result = rbac("apply", small(tmp_path, "growth"))
    assert isinstance(result.exception, FatalError)
    assert "give --yes" in str(result.exception)
