"""Airflow's FAB auth manager: its roles, what they give and who has them, in Airflow's own database.

Its REST API needs a running server, and changes one role a call. So this goes to the tables that the server reads,
through FAB's models and, where Airflow's DAG processor writes at the same time, the security manager that it uses.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa
from airflow.configuration import conf
from airflow.providers.fab.auth_manager.models import (
    Action,
    Resource,
    Role,
    User,
    assoc_group_role,
    assoc_permission_role,
    assoc_user_role,
)
from airflow.providers.fab.auth_manager.models import Permission as FabPermission
from airflow.utils.session import create_session
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from drivetrain.errors import FatalError, RetriableError, UnavailableError
from drivetrain.rbac.permissions import Permission
from drivetrain.rbac.plan import Observed, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session

    from drivetrain.rbac.plan import RoleChange

# Any fixed number: two that reconcile at once wait for each other.
_LOCK = 7_241_554


class FabRoles:
    """FAB's roles within one session.

    Args:
        session: of Airflow's database; who opened it commits.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def observe(self) -> Observed:
        """What there is now."""
        known = self._permissions()
        names = {pk: permission for permission, pk in known.items()}
        roles: dict[str, set[Permission]] = {name: set() for name in self._roles()}
        given = sa.select(Role.name, assoc_permission_role.c.permission_view_id).join(
            assoc_permission_role, assoc_permission_role.c.role_id == Role.id
        )
        for role, pk in self._session.execute(given).tuples():
            if pk in names:  # a pair without its action or resource, which FAB removes at its next start
                roles[role].add(names[pk])
        members: dict[str, set[str]] = defaultdict(set)
        have = (
            sa.select(Role.name, User.username)
            .join(assoc_user_role, assoc_user_role.c.role_id == Role.id)
            .join(User, User.id == assoc_user_role.c.user_id)
        )
        for role, user in self._session.execute(have).tuples():
            members[role].add(user)
        users = self._session.execute(sa.select(User.username, User.active)).tuples()
        return Observed(
            roles={role: frozenset(permissions) for role, permissions in roles.items()},
            members={role: frozenset(names) for role, names in members.items()},
            users={name: bool(active) for name, active in users},
            permissions=frozenset(known),
        )

    def reconcile(self, decide: Callable[[Observed], Plan]) -> Plan:
        """Do what `decide` says about what there is, in one transaction: all of it or nothing.

        Args:
            decide: pure; asked twice, since it is the state under the lock that counts.

        Returns:
            What was done, once the session is committed.

        Raises:
            RetriableError: the DAG processor or somebody else changed the same at the same time.
        """
        self._make(decide(self.observe()).missing)
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        plan = decide(self.observe())
        if plan.missing:
            raise RetriableError(f"FAB did not take the permission {plan.missing[0]}: run this again")
        self._write(plan)
        return plan

    def _make(self, missing: tuple[Permission, ...]) -> None:
        """Make the permissions on single DAGs, as the DAG processor does when it first sees one; each is committed."""
        if not missing:
            return
        # Seconds to import, and needed only for DAGs that are new.
        from airflow.providers.fab.auth_manager.security_manager.override import FabException
        from airflow.providers.fab.www.security_appless import ApplessAirflowSecurityManager

        manager = ApplessAirflowSecurityManager(session=self._session)
        try:
            for permission in missing:
                manager.create_permission(permission.action, permission.resource)
        except FabException as error:
            raise RetriableError(f"FAB could not make a permission: {error}: run this again") from None

    def _write(self, plan: Plan) -> None:
        permissions, roles = self._permissions(), self._roles()
        users = dict(self._session.execute(sa.select(User.username, User.id)).tuples().all())
        for change in plan.changes:
            if change.deletes:
                self._delete(roles[change.role])
            elif not change.is_empty:
                self._change(change, roles, permissions, users)

    def _change(
        self, change: RoleChange, roles: dict[str, int], permissions: dict[Permission, int], users: dict[str, int]
    ) -> None:
        if change.creates:
            role = Role(name=change.role)
            self._session.add(role)
            self._session.flush()
            roles[change.role] = role.id
        pk = roles[change.role]
        self._link(assoc_permission_role, pk, "permission_view_id", [permissions[one] for one in change.grants])
        self._unlink(assoc_permission_role, pk, "permission_view_id", [permissions[one] for one in change.revokes])
        self._link(assoc_user_role, pk, "user_id", [users[name] for name in change.joins])
        self._unlink(assoc_user_role, pk, "user_id", [users[name] for name in change.leaves])

    def _link(self, table: sa.Table, role: int, column: str, others: list[int]) -> None:
        if others:
            self._session.execute(sa.insert(table), [{"role_id": role, column: other} for other in others])

    def _unlink(self, table: sa.Table, role: int, column: str, others: list[int]) -> None:
        if others:
            self._session.execute(sa.delete(table).where(table.c.role_id == role, table.c[column].in_(others)))

    def _delete(self, role: int) -> None:
        # One by one: databases that were made by an older FAB have no ON DELETE CASCADE.
        for table in (assoc_permission_role, assoc_user_role, assoc_group_role):
            self._session.execute(sa.delete(table).where(table.c.role_id == role))
        self._session.execute(sa.delete(Role).where(Role.id == role))

    def _permissions(self) -> dict[Permission, int]:
        query = (
            sa.select(Action.name, Resource.name, FabPermission.id)
            .join(Action, Action.id == FabPermission.action_id)
            .join(Resource, Resource.id == FabPermission.resource_id)
        )
        return {Permission(action, resource): pk for action, resource, pk in self._session.execute(query).tuples()}

    def _roles(self) -> dict[str, int]:
        return dict(self._session.execute(sa.select(Role.name, Role.id)).tuples().all())


@contextmanager
def fab_roles() -> Iterator[FabRoles]:
    """FAB's roles in a session of its own, which is committed at the end.

    Raises:
        FatalError: Airflow runs under another auth manager, or its database has no tables of FAB.
        RetriableError: somebody else changed the same at the same time; nothing was changed.
        UnavailableError: the database does not answer; nothing was changed.
    """
    manager = conf.get("core", "auth_manager")
    if "FabAuthManager" not in manager:  # as Airflow's DAG processor asks
        raise FatalError(f"[core] auth_manager is {manager}: roles are FAB's; set it to FAB's FabAuthManager")
    try:
        with create_session(scoped=False) as session:
            yield FabRoles(session)
    except IntegrityError:
        raise RetriableError(
            "roles: somebody else changed them at the same time, nothing was done: try again"
        ) from None
    except OperationalError as error:
        raise UnavailableError(f"Airflow's database does not answer: {_line(error)}") from None
    except DBAPIError as error:
        raise FatalError(
            f"Airflow's database lacks tables of FAB, or has older ones: run `airflow db migrate` ({_line(error)})"
        ) from None


def _line(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())[:200]
