"""Who may see a DAG hangs on its team: the roles know every DAG, and no DAG says otherwise."""

from __future__ import annotations

from typing import Any

from drivetrain.rbac.catalog import load_rbac
from tests.dags.conftest import ROOT


def test_each_dag_is_in_the_roles_of_the_team_that_its_tag_names_and_in_no_others(dags: list[Any]) -> None:
    tagged: dict[str, set[str]] = {}
    for dag in dags:
        team = next(tag.removeprefix("team:") for tag in dag.tags if tag.startswith("team:"))
        tagged.setdefault(team, set()).add(dag.dag_id)
    tagged.pop("platform")
    assert {team: set(found) for team, found in load_rbac(ROOT / "include").dags.items() if found} == tagged


def test_no_dag_sets_access_control(dags: list[Any]) -> None:
    """FAB would take whatever the roles have on that DAG each time it is parsed: docs/adr/0010."""
    assert [dag.dag_id for dag in dags if dag.access_control is not None] == []
