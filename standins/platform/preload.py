"""What Airflow's scheduler and DAG processor import before they fork.

Every task and every parsed file is a fork that would import these anew: 2 s of CPU each, most of what a small sync
costs on a small machine. Only other people's libraries: our own code has to be read anew each time, or an edit would
show up only after a restart.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from standins.platform.layout import Layout

LIBRARIES = (
    "airflow.models.asset",
    "airflow.providers.common.compat.openlineage.facet",
    "airflow.providers.common.compat.sdk",
    "airflow.providers.git.bundles.git",
    "airflow.providers.google.cloud.hooks.gcs",
    "airflow.providers.smtp.notifications.smtp",
    "airflow.providers.snowflake.hooks.snowflake",
    "airflow.sdk.bases.operatorlink",
    "airflow.sdk.execution_time.task_runner",
    "alembic.command",
    "alembic.config",
    "gspread",
    "openlineage.client.client",
    "opentelemetry.sdk.metrics",
    "orjson",
    "pandas",
    "psycopg",
    "pyarrow.parquet",
    "redis",
    "redis.asyncio",
    "snowflake.connector",
    "sqlalchemy.dialects.postgresql",
    "sqlglot.dialects.snowflake",
    "sqlglot.optimizer.scope",
)

_TEMPLATE = '''"""Made by standins.platform.preload at each start."""
import contextlib
import importlib
import sys

if {{"scheduler", "dag-processor"}}.intersection(sys.argv):
    for name in {libraries!r}:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
'''


def preload() -> None:
    """Import them here and now."""
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def write_local_settings(layout: Layout) -> None:
    """Write the module that every process of Airflow imports at its start."""
    file = layout.airflow_home / "config" / "airflow_local_settings.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_TEMPLATE.format(libraries=LIBRARIES))
