"""Makes Airflow's metadata database ready, in one process: each call of Airflow's command line costs seconds.

Run by Airflow's interpreter with `airflow_env` as its environment.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

# The user of the connection airflow_api, see standins.platform.secrets; and what its role sees beyond FAB's Viewer.
READER = "platform_health"
READER_SEES = ("Audit Logs", "All Audit Logs", "All Import Errors")


def main(secrets_file: str, admin: str, include: str = "") -> None:
    """Migrate, make the administrator and the clean-up's role in the database, then the roles of teams.

    Args:
        secrets_file: holds passwords, which must be on no command line.
        admin: the administrator's name.
        include: the folder whose rbac/ says which roles there are, and sql/cleanup/ what the clean-up may do; without
            it there are only Airflow's own.
    """
    from airflow.providers_manager import ProvidersManager

    ProvidersManager().initialize_providers_configuration()  # type: ignore[no-untyped-call] # Airflow's, without types

    from airflow.utils import db

    db.initdb()

    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    secrets = json.loads(Path(secrets_file).read_text())
    with get_application_builder() as builder:
        builder.sm.sync_roles()
        _make_user(builder.sm, admin, "Admin", secrets["admin_password"])
        if password := secrets.get("reader_password"):
            reads = [*builder.sm.VIEWER_PERMISSIONS, *(("can_read", resource) for resource in READER_SEES)]
            builder.sm.bulk_sync_roles([{"role": READER, "perms": reads}])
            _make_user(builder.sm, READER, READER, password)
    role = Path(include, "sql", "cleanup", "role.sql")
    if include and role.is_file():
        _make_role(role.read_text(encoding="utf-8"), secrets["cleanup_password"])
    if include:
        # --delete-many: here another branch may well have other teams.
        drivetrain("rbac", "apply", "--yes", "--delete-many", "--include", include)


def _make_user(security: Any, name: str, role: str, password: str) -> None:
    """Make a user with one role, or give the one that is there its password."""
    user = security.find_user(name)
    if user is None:
        email = f"{name}@example.invalid"
        user = security.add_user(name, "Local", name, email, security.find_role(role), password)
    else:
        user = security.reset_password(user.id, password)
    if not user:
        sys.exit(f"cannot make the user {name}: see the lines above")


def _make_role(script: str, password: str) -> None:
    """Make the role that deletes history, with the password of its connection."""
    from airflow import settings

    with settings.get_engine().begin() as connection:
        connection.exec_driver_sql(script)
        # Written into the statement by the driver: Postgres takes no parameters here.
        connection.exec_driver_sql("ALTER ROLE airflow_cleanup PASSWORD %(password)s", {"password": password})


def drivetrain(*arguments: str) -> None:
    """Run a command of ours here: in a process of its own it would import all of Airflow anew.

    Raises:
        SystemExit: it failed.
    """
    (program,) = entry_points(group="console_scripts", name="drivetrain")
    sys.argv = ["drivetrain", *arguments]
    try:
        program.load()()
    except SystemExit as ended:
        if ended.code:
            raise


if __name__ == "__main__":
    main(*sys.argv[1:])
