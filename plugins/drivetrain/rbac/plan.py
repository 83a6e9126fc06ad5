"""What has to change in FAB until it is as the files say: pure, and refused where it would lock the last admin out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivetrain.errors import FatalError, GuardError
from drivetrain.rbac.permissions import ADMIN_ROLE, Permission
from drivetrain.rbac.spec import TEAM_PREFIX

# More than this share of the teams' roles is not taken away at once: more likely it is the wrong folder.
MAX_DELETED_SHARE = 0.5
_FEW = 2  # so many may always go: one team's


@dataclass(frozen=True)
class WantedRole:
    """A role as the files have it.

    Attributes:
        name: in FAB.
        permissions: all that it gives; of one of FAB's own, what it gives besides.
        users: who has it; None: whoever was given it.
        is_builtin: it is FAB's own: nothing is taken from it.
    """

    name: str
    permissions: frozenset[Permission]
    users: frozenset[str] | None = None
    is_builtin: bool = False


@dataclass(frozen=True)
class Observed:
    """What FAB has now.

    Attributes:
        roles: the permissions of each role.
        members: the users of each role, by name.
        users: every user, and whether they can log in.
        permissions: all that FAB knows; no other one has an effect.
    """

    roles: Mapping[str, frozenset[Permission]]
    members: Mapping[str, frozenset[str]]
    users: Mapping[str, bool]
    permissions: frozenset[Permission]


@dataclass(frozen=True)
class RoleChange:
    """One role's part of a plan; all names are in order.

    Attributes:
        role: its name.
        creates: it is not there yet.
        deletes: a team's that no file has any more. Its users lose it.
        grants: what it gets.
        revokes: what it loses.
        joins: users who get it.
        leaves: users who lose it.
        absent: users that the files name and FAB does not know yet. They get it by the first run after they are there.
    """

    role: str
    creates: bool = False
    deletes: bool = False
    grants: tuple[Permission, ...] = ()
    revokes: tuple[Permission, ...] = ()
    joins: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.creates or self.deletes or self.grants or self.revokes or self.joins or self.leaves)


@dataclass(frozen=True)
class Plan:
    """Everything that has to change.

    Attributes:
        changes: by role, in the order of their names; those with nothing to do are there if they wait for a user.
        missing: permissions on single DAGs that FAB does not have yet, since it has not seen the DAG.
    """

    changes: tuple[RoleChange, ...] = ()
    missing: tuple[Permission, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether FAB is as the files say."""
        return all(change.is_empty for change in self.changes)


def plan_roles(wanted: Sequence[WantedRole], observed: Observed, *, deletes_many: bool = False) -> Plan:
    """Compare.

    Args:
        wanted: every role of the files.
        observed: FAB.
        deletes_many: whether more than half of the teams' roles may go.

    Raises:
        FatalError: FAB does not know a permission or one of its own roles.
        GuardError: nobody who can log in would be Admin any more, or most of the teams' roles would go.
    """
    _check_known(wanted, observed)
    changes = [_change(role, observed) for role in wanted]
    names = {role.name for role in wanted}
    changes += [_deletion(role, observed) for role in observed.roles if _is_gone(role, names)]
    changes = sorted((one for one in changes if one.absent or not one.is_empty), key=lambda one: one.role)
    _check_admins(changes, observed)
    if not deletes_many:
        _check_deletions(changes, observed)
    given = frozenset[Permission]().union(*(role.permissions for role in wanted))
    return Plan(tuple(changes), tuple(sorted(given - observed.permissions)))


def told(plan: Plan) -> list[str]:
    """The plan for people, a line each: `+` comes, `-` goes, `~` changes, `?` waits."""
    lines: list[str] = []
    for change in plan.changes:
        sign = "+" if change.creates else "-" if change.deletes else "?" if change.is_empty else "~"
        lines.append(f"{sign} role {change.role}")
        lines += [f"    + {permission}" for permission in change.grants]
        lines += [f"    - {permission}" for permission in change.revokes]
        lines += [f"    + user {name}" for name in change.joins]
        lines += [f"    - user {name}" for name in change.leaves]
        lines += [f"    ? user {name} is not there yet" for name in change.absent]
    return lines


def _is_gone(role: str, names: set[str]) -> bool:
    return role.startswith(TEAM_PREFIX) and role not in names


def _change(role: WantedRole, observed: Observed) -> RoleChange:
    has = observed.roles.get(role.name)
    permissions = has or frozenset()
    joins, leaves, absent = _membership(role, observed)
    return RoleChange(
        role=role.name,
        creates=has is None,
        grants=tuple(sorted(role.permissions - permissions)),
        revokes=() if role.is_builtin else tuple(sorted(permissions - role.permissions)),
        joins=joins,
        leaves=leaves,
        absent=absent,
    )


def _membership(role: WantedRole, observed: Observed) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    if role.users is None:
        return (), (), ()
    # As at a login, where Asha and asha are the same user.
    known = {name.lower(): name for name in observed.users}
    users = {known[name.lower()] for name in role.users if name.lower() in known}
    have = observed.members.get(role.name, frozenset())
    absent = sorted(name for name in role.users if name.lower() not in known)
    return tuple(sorted(users - have)), tuple(sorted(have - users)), tuple(absent)


def _deletion(role: str, observed: Observed) -> RoleChange:
    return RoleChange(
        role=role,
        deletes=True,
        revokes=tuple(sorted(observed.roles[role])),
        leaves=tuple(sorted(observed.members.get(role, frozenset()))),
    )


def _check_known(wanted: Sequence[WantedRole], observed: Observed) -> None:
    for role in wanted:
        if role.is_builtin and role.name not in observed.roles:
            raise FatalError(
                f"role {role.name}: FAB has none yet: start Airflow's API server once, then run this again"
            )
        unknown = [one for one in role.permissions - observed.permissions if one.dag_id is None]
        if unknown:
            raise FatalError(
                f"role {role.name}: FAB does not know {min(unknown)}: start Airflow's API server once, which makes its "
                "permissions, then run this again; if it stays, take it out of include/rbac"
            )


def _check_admins(changes: Sequence[RoleChange], observed: Observed) -> None:
    admins = observed.members.get(ADMIN_ROLE, frozenset())
    for change in changes:
        if change.role != ADMIN_ROLE or not change.leaves:
            continue
        left = (admins - set(change.leaves)) | set(change.joins)
        if not any(observed.users.get(name) for name in left):
            raise GuardError(
                f"role {ADMIN_ROLE}: {', '.join(change.leaves)} would lose it, and nobody who can log in would have "
                f"it: name an active user in members.users of include/rbac/roles/{ADMIN_ROLE}.yaml. Nothing was changed"
            )


def _check_deletions(changes: Sequence[RoleChange], observed: Observed) -> None:
    there = sum(role.startswith(TEAM_PREFIX) for role in observed.roles)
    gone = sum(change.deletes for change in changes)
    if gone > _FEW and gone > there * MAX_DELETED_SHARE:
        raise GuardError(
            f"{gone} of {there} roles of teams would go: is --include the right folder? If they should, say "
            "--delete-many. Nothing was changed"
        )
