"""Airflow's connections to the stand-ins, as the file that its local secrets backend reads.

Not in the environment, where every child process would inherit them, and not in the metadata database.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from standins.platform.secrets import READER, write_private

if TYPE_CHECKING:
    from collections.abc import Sequence

    from standins.platform.layout import Layout
    from standins.platform.secrets import Secrets

SHEETS_ACCOUNTS = ("sync-1", "sync-2", "sync-3")
SHEETS_TIMEOUT_SECONDS = 60
PROJECT = "marketplace"  # Google's, and Feast's
# Made by include/sql/cleanup/role.sql.
CLEANUP_ROLE = "airflow_cleanup"


def connections(layout: Layout, secrets: Secrets) -> dict[str, dict[str, object]]:
    """Connection id -> what Airflow's `Connection` takes."""
    keyfiles = [str(layout.home / "sheets" / "accounts" / f"{name}.json") for name in SHEETS_ACCOUNTS]
    return {
        "snowflake_default": snowflake_connection("127.0.0.1", layout.ports.snowflake),
        "google_sheets_default": sheets_connection(layout.sheets_url, keyfile_paths=keyfiles),
        "drivetrain_state": {
            "conn_type": "postgres",
            "host": "127.0.0.1",
            "port": layout.ports.postgres,
            "login": "drivetrain",
            "password": secrets.postgres_password,
            "schema": "drivetrain",
        },
        # For the nightly clean-up alone: a role that may delete history and see no secret.
        "airflow_db_cleanup": {
            "conn_type": "postgres",
            "host": "127.0.0.1",
            "port": layout.ports.postgres,
            "login": CLEANUP_ROLE,
            "password": secrets.cleanup_password,
            "schema": "airflow",
        },
        # For platform_health and pod_health, which ask Airflow for import errors, versions and the audit log.
        "airflow_api": {
            "conn_type": "http",
            "host": "127.0.0.1",
            "port": layout.ports.airflow,
            "login": READER,
            "password": secrets.reader_password,
        },
        # Whoever knows the token may read /drivetrain/metrics.
        "drivetrain_metrics": {"conn_type": "http", "password": secrets.metrics_token},
        # The bundle needs no login; without this each task logs that it looked for one.
        "git_default": {"conn_type": "git"},
        "redis_default": {"conn_type": "redis", "host": "127.0.0.1", "port": layout.ports.redis},
        **(_feature_store(layout) if layout.features else {}),
    }


def _feature_store(layout: Layout) -> dict[str, dict[str, object]]:
    google = {
        "is_anonymous": True,
        "project": PROJECT,
        "bigquery_url": f"http://127.0.0.1:{layout.ports.bigquery}",
        "bigquery_storage_target": f"127.0.0.1:{layout.ports.bigquery_storage}",
    }
    store = {"registry": str(layout.registry), "project": PROJECT, "staging": f"{PROJECT}.staging"}
    redis = {"conn_type": "redis", "host": "127.0.0.1", "port": layout.ports.redis}
    return {
        "google_cloud_default": {"conn_type": "google_cloud_platform", "extra": json.dumps(google)},
        "feature_store_default": {**redis, "extra": json.dumps(store)},
    }


def snowflake_connection(host: str, port: int) -> dict[str, object]:
    """To the Snowflake stand-in, wherever it runs."""
    extra = {
        "account": "drivetrain",
        "warehouse": "DEMO",
        "database": "MARKETPLACE",
        "host": host,
        "port": port,
        "protocol": "http",
    }
    return {"conn_type": "snowflake", "login": "drivetrain", "password": "drivetrain", "extra": json.dumps(extra)}


def sheets_connection(url: str, **keys: Sequence[object]) -> dict[str, object]:
    """To the Sheets stand-in, wherever it runs.

    Args:
        url: where.
        keys: `keyfile_paths` or `keyfile_dicts`, as the hook has them.
    """
    extra = {"api_root": url, **keys, "timeout_seconds": SHEETS_TIMEOUT_SECONDS}
    return {"conn_type": "googlesheets", "extra": json.dumps(extra)}


def write_connections(layout: Layout, secrets: Secrets) -> None:
    """Write the file that Airflow reads at each look-up."""
    write_private(layout.connections_file, json.dumps(connections(layout, secrets), indent=1))
