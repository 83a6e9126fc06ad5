"""FAB's tables in a real Airflow database, and our command on them."""

from __future__ import annotations

import os
import subprocess
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from drivetrain.rbac.permissions import Permission
from standins.platform.airflow_env import UNSET, airflow_env, sql_uri
from standins.platform.secrets import Secrets

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from standins.platform.layout import Layout

REPOSITORY = Path(__file__).parents[2]
INCLUDE = REPOSITORY / "include"

_ROLES = """
SELECT r.name, a.name, v.name FROM ab_role r
LEFT JOIN ab_permission_view_role l ON l.role_id = r.id
LEFT JOIN ab_permission_view p ON p.id = l.permission_view_id
LEFT JOIN ab_permission a ON a.id = p.permission_id
LEFT JOIN ab_view_menu v ON v.id = p.view_menu_id
"""
_MEMBERS = """
SELECT u.username, r.name FROM ab_user u
LEFT JOIN ab_user_role l ON l.user_id = u.id LEFT JOIN ab_role r ON r.id = l.role_id
"""
_USER = """
INSERT INTO ab_user (id, first_name, last_name, username, email, active)
VALUES (nextval('ab_user_id_seq'), 'Some', 'One', :name, :email, true) ON CONFLICT DO NOTHING
"""
_ROLE = "INSERT INTO ab_role (id, name) VALUES (nextval('ab_role_id_seq'), :role) ON CONFLICT DO NOTHING"
_JOIN = """
INSERT INTO ab_user_role (id, user_id, role_id)
SELECT nextval('ab_user_role_id_seq'), u.id, r.id FROM ab_user u, ab_role r
WHERE u.username = :name AND r.name = :role ON CONFLICT DO NOTHING
"""
_GRANT = """
INSERT INTO ab_permission_view_role (id, permission_view_id, role_id)
SELECT nextval('ab_permission_view_role_id_seq'), p.id, r.id
FROM ab_permission_view p JOIN ab_permission a ON a.id = p.permission_id JOIN ab_view_menu v ON v.id = p.view_menu_id,
  ab_role r
WHERE a.name = :action AND v.name = :resource AND r.name = :role ON CONFLICT DO NOTHING
"""
_REVOKE = """
DELETE FROM ab_permission_view_role l USING ab_permission_view p, ab_permission a, ab_view_menu v, ab_role r
WHERE p.id = l.permission_view_id AND a.id = p.permission_id AND v.id = p.view_menu_id AND r.id = l.role_id
  AND a.name = :action AND v.name = :resource AND r.name = :role
"""


class Fab:
    """FAB's tables, and the command line on them."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._secrets = Secrets.of(layout.secrets_file)

    @cached_property
    def engine(self) -> Engine:
        return sa.create_engine(sql_uri(self.layout, self._secrets, "airflow", "postgresql+psycopg"))

    @property
    def env(self) -> dict[str, str]:
        """What a process of Airflow has."""
        prefixes = tuple(name.removesuffix("*") for name in UNSET)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
        return {**inherited, **airflow_env(self.layout, self._secrets)}

    def start(self, command: str, *arguments: str, include: Path = INCLUDE) -> subprocess.Popen[str]:
        """`drivetrain rbac ...`, not waited for."""
        argv = [str(self.layout.bin / "drivetrain"), "rbac", command, "--include", str(include), *arguments]
        return subprocess.Popen(
            argv, env=self.env, cwd=self.layout.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, command: str, *arguments: str, include: Path = INCLUDE) -> subprocess.CompletedProcess[str]:
        """`drivetrain rbac ...`, to its end."""
        process = self.start(command, *arguments, include=include)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def python(self, script: str) -> str:
        """What a script prints in a process of Airflow."""
        argv = [str(self.layout.bin / "python"), "-c", script]
        done = subprocess.run(
            argv, env=self.env, cwd=self.layout.home, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def roles(self) -> dict[str, set[Permission]]:
        """What each role gives."""
        found: dict[str, set[Permission]] = {}
        with self.engine.connect() as connection:
            for role, action, resource in connection.execute(sa.text(_ROLES)):
                found.setdefault(role, set()).update([Permission(action, resource)] if action else [])
        return found

    def members(self) -> dict[str, set[str]]:
        """The roles of each user."""
        found: dict[str, set[str]] = {}
        with self.engine.connect() as connection:
            for user, role in connection.execute(sa.text(_MEMBERS)):
                found.setdefault(user, set()).update([role] if role else [])
        return found

    def add_user(self, name: str, *roles: str) -> None:
        """As somebody at FAB's page of users."""
        with self.engine.begin() as connection:
            connection.execute(sa.text(_USER), {"name": name, "email": f"{name}@drivetrain.example"})
            for role in roles:
                connection.execute(sa.text(_ROLE), {"role": role})
                connection.execute(sa.text(_JOIN), {"name": name, "role": role})

    def grant(self, role: str, action: str, resource: str) -> None:
        """As somebody at FAB's page of roles."""
        with self.engine.begin() as connection:
            given = connection.execute(sa.text(_GRANT), {"role": role, "action": action, "resource": resource})
            assert given.rowcount == 1

    def revoke(self, role: str, action: str, resource: str) -> None:
        """Likewise."""
        with self.engine.begin() as connection:
            taken = connection.execute(sa.text(_REVOKE), {"role": role, "action": action, "resource": resource})
            assert taken.rowcount == 1
