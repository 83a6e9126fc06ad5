"""Airflow's configuration, all of it, as environment variables.

There is no airflow.cfg to look into: whatever differs from Airflow's defaults is here, with the reason.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from standins.platform.layout import Layout
    from standins.platform.secrets import Secrets

BUNDLE = "drivetrain"
REFRESH_SECONDS = 3

# What the caller's shell may hold and must not decide here: another Airflow's settings, paths into another Python,
# and PYTHONDONTWRITEBYTECODE, under which each process would compile all of Airflow anew, 2.5 s each.
UNSET = ("AIRFLOW*", "PYTHON*", "VIRTUAL_ENV", "_PIP_USE_IMPORTLIB_METADATA")


def sql_uri(layout: Layout, secrets: Secrets, database: str, scheme: str = "postgresql+psycopg2") -> str:
    """SQLAlchemy URL of one of Postgres' databases."""
    return f"{scheme}://drivetrain:{secrets.postgres_password}@127.0.0.1:{layout.ports.postgres}/{database}"


def airflow_env(layout: Layout, secrets: Secrets) -> dict[str, str]:
    """The environment for every process of Airflow, and for whoever calls its command line."""
    home = layout.airflow_home
    bundle = {
        "name": BUNDLE,
        # Airflow's GitDagBundle, but a commit that would stop DAGs is not taken.
        "classpath": "hooks.guarded_bundle.GuardedGitDagBundle",
        "kwargs": {
            "repo_url": str(layout.bundle_repository),
            "tracking_ref": "main",
            "refresh_interval": REFRESH_SECONDS,
        },
    }
    lineage = {"type": "file", "log_file_path": str(layout.home / "lineage" / "events.jsonl"), "append": True}
    sections: dict[str, dict[str, object]] = {
        "core": {
            "executor": "LocalExecutor",
            "auth_manager": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            "fernet_key": secrets.fernet_key,
            "load_examples": False,
            "dags_are_paused_at_creation": True,
            # An empty one. Ours come by entry points of the installed distribution; a scan of the repository's
            # plugins/ would run each file and put it in sys.modules by its bare name (requests.py for requests).
            "plugins_folder": home / "plugins",
            "dags_folder": home / "dags",
            # All of them are forked at the start, whether or not there is work.
            "parallelism": 8,
            # Else a push shows up only after 30 s.
            "min_serialized_dag_update_interval": 0,
            "execution_api_server_url": f"{layout.airflow_url}/execution/",
            # The default asks the resolver for the full name, which may take seconds where there is none.
            "hostname_callable": "socket.gethostname",
            "test_connection": "Enabled",
            # A busy laptop is no reason to fail a task.
            "dagbag_import_timeout": 120,
        },
        "database": {
            "sql_alchemy_conn": sql_uri(layout, secrets, "airflow"),
            "sql_alchemy_conn_async": sql_uri(layout, secrets, "airflow", "postgresql+asyncpg"),
            # Whoever starts them has migrated before; each of the four would look again, for half a second of CPU.
            "check_migrations": False,
        },
        "api": {
            "host": "127.0.0.1",
            "port": layout.ports.airflow,
            "base_url": layout.airflow_url,
            "secret_key": secrets.api_secret_key,
            "workers": 1,
        },
        "api_auth": {"jwt_secret": secrets.jwt_secret},
        "dag_processor": {
            "dag_bundle_config_list": json.dumps([bundle]),
            "dag_bundle_storage_path": layout.home / "bundles",
            "bundle_refresh_check_interval": 1,
            # What DAGs are made of comes by git, and the bundle has them parsed when it changes.
            "min_file_process_interval": 300,
            "refresh_interval": REFRESH_SECONDS,
        },
        "workers": {"execution_api_timeout": 30},
        "scheduler": {
            "scheduler_idle_sleep_time": 0.5,
            "enable_health_check": False,
            "use_job_schedule": layout.scheduled,
        },
        "secrets": {
            "backend": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
            "backend_kwargs": json.dumps({"connections_file_path": str(layout.connections_file)}),
        },
        "logging": {"base_log_folder": home / "logs", "colored_console_log": False},
        "openlineage": {"transport": json.dumps(lineage), "namespace": "drivetrain-local"},
        "fab": {"config_file": home / "webserver_config.py"},
    }
    env = {
        f"AIRFLOW__{section.upper()}__{key.upper()}": str(value)
        for section, options in sections.items()
        for key, value in options.items()
    }
    # The proxy of a company's network knows nothing of our ports.
    return {**env, "AIRFLOW_HOME": str(home), "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
