"""Makes Airflow's metadata database ready, in one process: each call of Airflow's command line costs seconds.

Run by Airflow's interpreter with `airflow_env` as its environment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(secrets_file: str, admin: str) -> None:
    """Migrate, then make the administrator.

    Args:
        secrets_file: holds the administrator's password, which must be on no command line.
        admin: the administrator's name.
    """
    from airflow.providers_manager import ProvidersManager

    ProvidersManager().initialize_providers_configuration()  # type: ignore[no-untyped-call]

    from airflow.utils import db

    db.initdb()

    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    password = json.loads(Path(secrets_file).read_text())["admin_password"]
    with get_application_builder() as builder:
        builder.sm.sync_roles()
        role = builder.sm.find_role("Admin")
        user = builder.sm.find_user(admin)
        if user is None:
            user = builder.sm.add_user(admin, "Local", "Admin", f"{admin}@example.invalid", role, password)
        else:
            user = builder.sm.reset_password(user.id, password)
        if not user:
            sys.exit(f"cannot make the user {admin}: see the lines above")


if __name__ == "__main__":
    main(*sys.argv[1:])
