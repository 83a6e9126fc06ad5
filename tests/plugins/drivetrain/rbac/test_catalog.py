"""The files: what they give each role, and what is refused with the file, the key and the fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drivetrain.errors import SpecError
from drivetrain.rbac.catalog import load_rbac, wanted_roles
from drivetrain.rbac.groups import problems
from drivetrain.rbac.permissions import HOMEPAGE, Permission, on_dag
from tests.support.rbac import OPERATOR, VIEWER, small, sync, write

INCLUDE = Path(__file__).parents[4] / "include"


def wanted(include: Path) -> dict[str, frozenset[Permission]]:
    return {role.name: role.permissions for role in wanted_roles(load_rbac(include))}


def test_the_repositorys_own_files_can_be_used() -> None:
    rbac = load_rbac(INCLUDE)
    assert problems(rbac) == []
    assert rbac.dags["retail"] == ("features_dealer_quality", "sheets_load_retail", "sheets_sync_retail")
    assert rbac.dags["lending"] == ("features_applicant_behaviour", "sheets_sync_lending")
    names = [role.name for role in wanted_roles(rbac)]
    assert names == sorted(names)
    assert {"team_retail_viewer", "team_retail_operator", "platform_admin"} <= set(names)


def test_a_teams_roles_are_about_its_own_dags_and_no_other(tmp_path: Path) -> None:
    found = wanted(small(tmp_path, "growth", "lending"))
    viewer = {HOMEPAGE, Permission("can_read", "DAG Runs"), Permission("can_read", "Task Logs")}
    assert found == {
        f"team_{team}_{level}": frozenset(gives)
        for team in ("growth", "lending")
        for level, gives in {
            "viewer": viewer | {on_dag("can_read", f"sheets_sync_{team}")},
            "operator": viewer
            | {on_dag("can_read", f"sheets_sync_{team}"), on_dag("can_edit", f"sheets_sync_{team}")}
            | {Permission("can_create", "DAG Runs")},
        }.items()
    }


def test_a_team_with_specs_has_its_roles_before_it_has_a_file_and_lint_asks_for_the_file(tmp_path: Path) -> None:
    small(tmp_path, "growth")
    sync(tmp_path, "new_cars", "brand_new")
    assert on_dag("can_read", "sheets_sync_brand_new") in wanted(tmp_path)["team_brand_new_viewer"]
    [problem] = problems(load_rbac(tmp_path))
    assert problem.startswith("include/rbac/teams/brand_new.yaml: there is no such file")


def test_a_team_without_dags_is_well_formed_and_told_by_lint(tmp_path: Path) -> None:
    small(tmp_path, "growth")
    write(tmp_path, "teams/grwoth", {"team": "grwoth"})
    assert wanted(tmp_path)["team_grwoth_viewer"] == wanted(tmp_path)["team_growth_viewer"] - {
        on_dag("can_read", "sheets_sync_growth")
    }
    assert [line.split(":")[0] for line in problems(load_rbac(tmp_path))] == ["include/rbac/teams/grwoth.yaml"]


def test_a_broken_spec_takes_no_rights_and_gives_none(tmp_path: Path) -> None:
    small(tmp_path, "growth", "lending")
    before = wanted(tmp_path)
    (tmp_path / "specs" / "sheets" / "growth_cars.yaml").write_text("sync: growth_cars\nteam: growth\n")
    (tmp_path / "specs" / "sheets" / "nobodys.yaml").write_text("][")
    assert wanted(tmp_path) == before


def test_a_dag_that_comes_from_no_spec_is_named_by_its_team(tmp_path: Path) -> None:
    small(tmp_path, "growth")
    write(tmp_path, "teams/growth", {"team": "growth", "dags": ["growth_scores"]})
    assert on_dag("can_edit", "growth_scores") in wanted(tmp_path)["team_growth_operator"]


def test_members_are_of_one_level_of_one_team(tmp_path: Path) -> None:
    small(tmp_path, "growth", "lending")
    write(tmp_path, "teams/growth", {"team": "growth", "members": {"viewer": {"users": ["asha"]}}})
    users = {role.name: role.users for role in wanted_roles(load_rbac(tmp_path)) if role.users is not None}
    assert users == {"team_growth_viewer": frozenset({"asha"})}


def test_a_role_of_its_own_is_about_all_dags_and_one_of_fabs_only_adds(tmp_path: Path) -> None:
    small(tmp_path, "growth")
    write(tmp_path, "roles/ops", {"role": "ops", "description": "All.", "dags": ["can_read"]})
    added = {"role": "Viewer", "description": "More.", "builtin": True, "permissions": {"Plugins": ["can_read"]}}
    write(tmp_path, "roles/Viewer", added)
    roles = {role.name: role for role in wanted_roles(load_rbac(tmp_path))}
    assert roles["ops"].permissions == {HOMEPAGE, Permission("can_read", "DAGs")}
    assert not roles["ops"].is_builtin
    assert roles["Viewer"].permissions == {Permission("can_read", "Plugins")}
    assert roles["Viewer"].is_builtin


SHARED: dict[str, Any] = {"role": "ops", "description": "All."}


@pytest.mark.parametrize(
    ("path", "document", "words"),
    [
        (
            "team_roles/viewer",
            VIEWER | {"permissions": {"Dag Runs": ["can_read"]}},
            "permissions: FAB has no resource 'Dag Runs'; did you mean DAG Runs?",
        ),
        (
            "team_roles/viewer",
            VIEWER | {"permissions": {"DAG Code": ["can_edit"]}},
            "permissions: DAG Code: nothing asks for can_edit here; possible are can_read",
        ),
        ("team_roles/viewer", VIEWER | {"permissions": {"DAG Code": ["read"]}}, "permissions.DAG Code.0"),
        ("team_roles/viewer", VIEWER | {"permissions": {"DAG Code": []}}, "permissions.DAG Code"),
        (
            "team_roles/viewer",
            VIEWER | {"permissions": {"Assets": ["can_read"]}},
            "permissions.Assets: can_read can't be limited to the team's DAGs",
        ),
        (
            "team_roles/viewer",
            VIEWER | {"permissions": {"DAGs": ["can_read"]}},
            "permissions.DAGs: can_read is about the DAGs of every team; use the key dags",
        ),
        ("team_roles/viewer", VIEWER | {"dags": ["can_create"]}, "dags.0"),
        ("team_roles/viewer", VIEWER | {"dag": ["can_read"]}, "dag: unknown key; known here: dags, description"),
        ("team_roles/viewer", VIEWER | {"level": "watcher"}, "is not the file's name, call the file watcher.yaml"),
        ("team_roles/viewer", VIEWER | {"level": "vie_wer"}, "level"),
        ("team_roles/operator", OPERATOR | {"extends": "watcher"}, "extends: there is no level watcher; there are"),
        ("team_roles/viewer", VIEWER | {"extends": "operator"}, "extends itself by"),
        ("teams/growth", {"team": "growth", "members": {"watcher": {}}}, "members.watcher: there is no such level"),
        (
            "teams/growth",
            {"team": "growth", "members": {"viewer": {"users": ["asha"], "groups": ["growth"]}}},
            "members.viewer: groups or users, not both",
        ),
        ("teams/growth", {"team": "growth", "dags": ["sheets_sync_lending"]}, "is team lending's: a DAG has one team"),
        ("teams/growth", {"team": "growth", "dags": ["a b"]}, "dags.0"),
        ("roles/ops", SHARED | {"role": "team_ops"}, "role: names with team_ are those of teams' roles"),
        ("roles/Viewer", SHARED | {"role": "Viewer"}, "role: Viewer is FAB's own; choose another name, or say builtin"),
        ("roles/ops", SHARED | {"builtin": True}, "role: ops is not FAB's own; leave builtin out"),
        ("roles/Public", SHARED | {"role": "Public", "builtin": True}, "role: Public is who is not logged in"),
        ("roles/ops", SHARED | {"permissions": {"DAG:sheets_sync_growth": ["can_read"]}}, "FAB has no resource"),
    ],
)
def test_a_wrong_file_is_refused_by_file_and_key(
    tmp_path: Path, path: str, document: dict[str, Any], words: str
) -> None:
    small(tmp_path, "growth", "lending")
    file = write(tmp_path, path, document)
    with pytest.raises(SpecError) as refused:
        load_rbac(tmp_path)
    assert words in str(refused.value)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_wrong_folder_is_no_set_of_files_without_roles(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"/rbac: there is no such folder: run this in the repository"):
        load_rbac(tmp_path)
    write(tmp_path, "teams/growth", {"team": "growth"})
    with pytest.raises(SpecError, match="without a level no team has a role"):
        load_rbac(tmp_path)


def test_a_name_that_fab_can_not_hold_is_refused(tmp_path: Path) -> None:
    small(tmp_path, "a" * 51)
    with pytest.raises(SpecError, match="more than FAB's 64 characters"):
        load_rbac(tmp_path)


@pytest.mark.parametrize("groups", [True, False], ids=["somebody maps to Admin", "nobody does"])
def test_groups_without_one_for_admin_are_told_by_lint(tmp_path: Path, groups: bool) -> None:
    small(tmp_path, "growth")
    write(tmp_path, "teams/growth", {"team": "growth", "members": {"viewer": {"groups": ["growth"]}}})
    if groups:
        admin = {"role": "Admin", "description": "FAB's.", "builtin": True, "members": {"groups": ["admins"]}}
        write(tmp_path, "roles/Admin", admin)
    assert len(problems(load_rbac(tmp_path))) == (0 if groups else 1)
