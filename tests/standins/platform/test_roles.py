"""When the roles of include/rbac are applied again at a start: when they or the teams have changed, and not else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standins.platform.revisions import roles_of
from tests.support.rbac import small, sync, write

if TYPE_CHECKING:
    from pathlib import Path


def test_a_change_of_roles_or_of_the_teams_that_have_specs_is_one(tmp_path: Path) -> None:
    small(tmp_path, "growth")
    seen = [roles_of(tmp_path)]
    write(tmp_path, "teams/growth", {"team": "growth", "dags": ["growth_scores"]})
    seen.append(roles_of(tmp_path))
    sync(tmp_path, "lending_cars", "lending")
    seen.append(roles_of(tmp_path))
    load = tmp_path / "specs" / "sheet_loads" / "lending_targets.yaml"
    load.parent.mkdir()
    load.write_text("load: lending_targets\nteam: lending\n")
    seen.append(roles_of(tmp_path))
    (tmp_path / "rbac" / "team_roles" / "operator.yaml").unlink()
    seen.append(roles_of(tmp_path))
    assert len(set(seen)) == len(seen)


def test_one_more_spec_of_a_team_that_has_some_is_none(tmp_path: Path) -> None:
    small(tmp_path, "growth")
    before = roles_of(tmp_path)
    sync(tmp_path, "growth_more", "growth")
    assert roles_of(tmp_path) == before


def test_without_files_there_is_nothing_to_change(tmp_path: Path) -> None:
    assert roles_of(tmp_path) == roles_of(tmp_path / "none")
