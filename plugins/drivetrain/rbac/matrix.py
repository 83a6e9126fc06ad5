"""Which role gets how far with which request, worked out from what the files give, and written for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drivetrain.errors import FatalError
from drivetrain.rbac.catalog import role_permissions, team_permissions
from drivetrain.rbac.permissions import ADMIN, ADMIN_ROLE, BUILTIN, DAG_PREFIX, DAGS, Permission, on_dag
from drivetrain.rbac.spec import team_role
from drivetrain.rbac.surfaces import SURFACES, Scope, Surface

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drivetrain.rbac.catalog import Rbac

BEGIN = "<!-- Written by `drivetrain rbac matrix --write`; do not edit. -->"
END = "<!-- The end of what is written by a program. -->"
_ANY_DAG = "a_dag_of_the_team"


class Reach(StrEnum):
    """How far a role gets with a request."""

    NO = "–"
    YES = "yes"
    OWN = "own"
    ALL = "all"
    EMPTY = "empty"


@dataclass(frozen=True)
class Column:
    """A role of the matrix.

    Attributes:
        title: for people.
        role: its name in FAB, {team} standing for a team's; "" for nobody who is logged in.
        permissions: what it gives; None: nobody is logged in.
    """

    title: str
    role: str
    permissions: frozenset[Permission] | None

    @property
    def is_of_a_team(self) -> bool:
        """Whether there is one for each team."""
        return "{team}" in self.role


def reach(permissions: frozenset[Permission] | None, surface: Surface) -> Reach:
    """How far these permissions get.

    Args:
        permissions: of all roles of a user together; None: nobody is logged in.
        surface: the request.
    """
    if surface.closed_by:
        return Reach.NO
    if surface.scope is Scope.OPEN:
        return Reach.YES
    if permissions is None or not surface.needs <= permissions:
        return Reach.NO
    if surface.dag:
        either = {Permission(surface.dag_action, DAGS), on_dag(surface.dag_action, surface.dag)}
        return Reach.YES if either & permissions else Reach.NO
    if surface.scope in (Scope.LOGIN, Scope.RIGHT):
        return Reach.YES
    if Permission(surface.dag_action, DAGS) in permissions:
        return Reach.ALL
    if any(one.action == surface.dag_action and one.resource.startswith(DAG_PREFIX) for one in permissions):
        return Reach.OWN
    return Reach.EMPTY if surface.scope is Scope.PAGE else Reach.NO


def columns(rbac: Rbac) -> tuple[Column, ...]:
    """Nobody, each level of a team, our other roles, and FAB's own with what is added to them."""
    levels = [
        Column(f"team {level}", team_role("{team}", level), team_permissions(rbac, level, (_ANY_DAG,)))
        for level in rbac.levels
    ]
    levels.sort(key=lambda column: len(column.permissions or ()))
    ours = [Column(name, name, role_permissions(role)) for name, role in rbac.roles.items() if not role.builtin]
    fabs = [
        Column(name, name, given | (role_permissions(rbac.roles[name]) if name in rbac.roles else frozenset()))
        for name, given in _fab_roles().items()
    ]
    return (Column("nobody", "", None), *levels, *ours, *fabs)


def rendered(rbac: Rbac, surfaces: Sequence[Surface] = SURFACES) -> str:
    """The part of docs/RBAC.md that is made from the files."""
    return "\n".join([BEGIN, "", *_teams(rbac), "", *_matrix(rbac, surfaces), "", END])


def replaced(page: str, block: str) -> str:
    """A page with the generated part put in place of its old one.

    Raises:
        FatalError: the page has no such part.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise FatalError(f"docs/RBAC.md: there is no line {BEGIN!r} followed by {END!r}: put them back")
    return f"{before}{block}{after}"


def _fab_roles() -> dict[str, frozenset[Permission]]:
    # Admin is given every permission that there is at each start of the API server, so those of FAB's own pages too.
    asked = frozenset[Permission]().union(*(surface.needs for surface in SURFACES))
    return {name: ADMIN | asked if name == ADMIN_ROLE else given for name, given in BUILTIN.items() if name != "Public"}


def _teams(rbac: Rbac) -> list[str]:
    lines = ["| team | DAGs | roles |", "|---|---|---|"]
    for team, dags in rbac.dags.items():
        roles = ", ".join(f"`{team_role(team, level)}`" for level in rbac.levels)
        lines.append(f"| {team} | {', '.join(f'`{dag}`' for dag in dags) or '–'} | {roles} |")
    return lines


def _matrix(rbac: Rbac, surfaces: Iterable[Surface]) -> list[str]:
    titles = columns(rbac)
    lines = [
        f"| about | what | request | {' | '.join(column.title for column in titles)} |",
        f"|---|---|---|{'---|' * len(titles)}",
    ]
    for surface in surfaces:
        cells = [reach(column.permissions, surface).value for column in titles]
        what = f"{surface.what}, closed by `{surface.closed_by}`" if surface.closed_by else surface.what
        path = surface.path.partition("?")[0]
        lines.append(f"| {surface.family} | {what} | `{surface.method} {path}` | {' | '.join(cells)} |")
    return lines
