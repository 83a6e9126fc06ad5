"""The matrix: what it says of the roles that matter, and that the page has it as the files give it."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivetrain.errors import FatalError
from drivetrain.rbac.catalog import Rbac, load_rbac
from drivetrain.rbac.matrix import Reach, columns, reach, rendered, replaced
from drivetrain.rbac.permissions import DAG_PREFIX, KNOWN, leak_of, on_dag
from drivetrain.rbac.spec import team_role
from drivetrain.rbac.surfaces import SURFACES, Scope

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def rbac() -> Rbac:
    return load_rbac(REPOSITORY / "include")


def row(rbac: Rbac, title: str) -> dict[str, Reach]:
    column = next(column for column in columns(rbac) if column.title == title)
    return {f"{one.family}: {one.what}": reach(column.permissions, one) for one in SURFACES}


def test_each_request_has_a_name_of_its_own() -> None:
    assert len({(one.family, one.what) for one in SURFACES}) == len(SURFACES)


def test_nobody_gets_anything_without_a_login_but_health(rbac: Rbac) -> None:
    assert {what for what, how in row(rbac, "nobody").items() if how is not Reach.NO} == {
        "Health: of the parts",
        "Health: version",
    }


@pytest.mark.parametrize("title", ["team viewer", "team operator"])
def test_a_team_never_gets_all_and_gets_of_the_rest_only_what_names_no_team(rbac: Rbac, title: str) -> None:
    found = row(rbac, title)
    assert Reach.ALL not in found.values()
    assert {what for what, how in found.items() if how is Reach.YES} == {
        "Plugins: list",
        "UI: menu",
        "UI: settings of the pages",
        "Health: of the parts",
        "Health: version",
    }


def test_a_viewer_changes_nothing_and_an_operator_does_what_operators_do(rbac: Rbac) -> None:
    changing = {f"{one.family}: {one.what}" for one in SURFACES if one.method != "GET" and one.body != {}}
    changing.add("Sheet syncs: pause, resume")
    viewer, operator = row(rbac, "team viewer"), row(rbac, "team operator")
    assert {what for what in changing if viewer[what] is not Reach.NO} == set()
    assert {what for what in changing if operator[what] is not Reach.NO} == {
        "DAGs: pause, resume",
        "Runs: trigger",
        "Runs: note, mark",
        "Backfills: make (dry run)",
        "Tasks: clear (dry run)",
        "Sheet syncs: sync now",
        "Sheet syncs: pause, resume",
    }
    assert {what for what, how in viewer.items() if how is not operator[what]} <= changing


def test_the_platforms_role_sees_all_and_gives_nobody_rights(rbac: Rbac) -> None:
    found = row(rbac, "platform_admin")
    assert {what for what, how in found.items() if how is Reach.NO} == {
        "Users: list",
        "Roles: list",
        "Configuration: read",  # closed for everybody
    }
    assert Reach.OWN not in found.values()


def test_admin_gets_everything_that_is_open(rbac: Rbac) -> None:
    assert {what for what, how in row(rbac, "Admin").items() if how is Reach.NO} == {"Configuration: read"}


def test_no_team_may_ask_for_what_fab_can_not_limit_to_a_dag() -> None:
    for surface in SURFACES:
        if surface.scope is Scope.RIGHT and surface.family != "Plugins":
            named = [permission for permission in surface.needs if permission in KNOWN]
            assert all(leak_of(permission) for permission in named), surface.request


def test_the_fleets_dag_opens_what_all_teams_share() -> None:
    quota = next(one for one in SURFACES if one.family == "Quota")
    assert reach(frozenset({on_dag("can_read", "sheets_worker")}), quota) is Reach.YES
    assert reach(frozenset({on_dag("can_read", "sheets_sync_growth")}), quota) is Reach.NO


def test_a_page_of_ours_is_empty_for_whoever_may_read_no_dag() -> None:
    page = next(one for one in SURFACES if one.scope is Scope.PAGE)
    assert reach(frozenset(), page) is Reach.EMPTY
    assert reach(None, page) is Reach.NO


def test_the_page_is_up_to_date(rbac: Rbac) -> None:
    page = (REPOSITORY / "docs" / "RBAC.md").read_text(encoding="utf-8")
    assert replaced(page, rendered(rbac)) == page, "run `drivetrain rbac matrix --write`"


def test_a_page_without_its_marks_is_not_guessed_at(rbac: Rbac) -> None:
    with pytest.raises(FatalError, match="there is no line"):
        replaced("# Roles\n", rendered(rbac))


def test_the_block_names_every_team_and_no_right_on_a_dag(rbac: Rbac) -> None:
    block = rendered(rbac)
    for team, dags in rbac.dags.items():
        assert f"`{team_role(team, 'viewer')}`" in block
        assert all(f"`{dag}`" in block for dag in dags)
    assert DAG_PREFIX not in block
