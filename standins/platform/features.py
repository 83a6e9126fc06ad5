"""What `make up ARGS=--features` starts beside the rest: emulators of Google's parts, the registry, the feature server.

Files that arrive need Pub/Sub, whose emulator comes with Google's SDK; where that is not installed the rest runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from standins.bigquery.program import ENV as BIGQUERY_ENV
from standins.bigquery.program import HEALTH as BIGQUERY_HEALTH
from standins.bigquery.program import bigquery_command
from standins.feast import apply_definitions
from standins.gcs.program import HEALTH as GCS_HEALTH
from standins.gcs.program import Notifications, gcs_command
from standins.platform.airflow_env import UNSET, airflow_env, sql_uri
from standins.platform.connections import PROJECT
from standins.platform.revisions import hash_of
from standins.platform.secrets import Secrets
from standins.pubsub.emulator import ENV as PUBSUB_ENV
from standins.pubsub.emulator import emulator_command
from standins.supervisor import probes
from standins.supervisor.errors import SupervisorError
from standins.supervisor.units import Action, Command, Service, Unit

if TYPE_CHECKING:
    from standins.platform.layout import Layout

# Of the one view that files arrive for: include/specs/features/car_listing.yaml.
LANDING_VIEW, BUCKET, PREFIX = "car_listing", "drivetrain-landing", "features/car_listing/"
_TOPIC = f"drivetrain-features-{LANDING_VIEW}"


def why_no_files() -> str | None:
    """Why files can't arrive here; None: they can."""
    try:
        emulator_command(0)
    except FileNotFoundError as error:
        return str(error)
    return None


def google_env(layout: Layout) -> dict[str, str]:
    """Where Google's clients find what has no place in a connection."""
    ports = layout.ports
    return {
        "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{ports.gcs}",
        "PUBSUB_EMULATOR_HOST": f"127.0.0.1:{ports.pubsub}",
    }


def feature_store(layout: Layout) -> list[Unit]:
    """All of it.

    Raises:
        SupervisorError: the emulator of BigQuery is not installed.
    """
    try:
        emulator = bigquery_command(layout.ports.bigquery, layout.ports.bigquery_storage)
    except FileNotFoundError as error:
        raise SupervisorError(f"a feature store needs BigQuery's emulator: {error}") from None
    url = f"http://127.0.0.1:{layout.ports.bigquery}"
    return [
        Service(
            name="bigquery",
            argv=emulator,
            env=BIGQUERY_ENV,
            unset=UNSET,
            probe=probes.http_ok(layout.ports.bigquery, BIGQUERY_HEALTH),
            port=layout.ports.bigquery,
            port_variable="DRIVETRAIN_PORT_BIGQUERY",
            revision=hash_of((layout.repository / "standins" / "bigquery").glob("*.py")),
        ),
        Command(
            name="feature-tables",
            argv=(str(layout.bin / "python"), "-m", "standins.bigquery.marketplace", "--url", url),
            unset=UNSET,
            depends_on=("bigquery", "state-migrate"),
            done=lambda: _is_filled(url),
            after=lambda: _forget_watermarks(layout),
        ),
        Action("feature-registry", lambda: _apply(layout)),
        _feature_server(layout),
        *(() if why_no_files() else _files(layout)),
    ]


def _is_filled(url: str) -> bool:
    from standins.bigquery.marketplace import is_filled  # not at the top: Google's libraries take a second to import

    return is_filled(url)


def _forget_watermarks(layout: Layout) -> None:
    """The tables are other ones now, and Redis keeps nothing either: how far they were read means nothing any more."""
    import sqlalchemy as sa

    engine = sa.create_engine(sql_uri(layout, Secrets.of(layout.secrets_file), "drivetrain", "postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM feature_watermarks"))
    engine.dispose()


def _apply(layout: Layout) -> str | None:
    stamp = layout.stamp("feature-registry")
    revision = hash_of((layout.repository / "feature_repo").glob("*"))
    if layout.registry.exists() and stamp.exists() and stamp.read_text() == revision:
        return "as it was"
    layout.registry.parent.mkdir(parents=True, exist_ok=True)
    apply_definitions(layout.registry)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(revision)
    return None


def _feature_server(layout: Layout) -> Service:
    settings = {
        "REGISTRY": str(layout.registry),
        "PROJECT": PROJECT,
        "REDIS_URL": f"redis://127.0.0.1:{layout.ports.redis}/0",
    }
    code = (layout.repository / folder for folder in ("services/feature_server", "plugins/drivetrain/features"))
    return Service(
        name="feature-server",
        argv=(
            *(str(layout.bin / "python"), "-m", "services.feature_server"),
            *("--port", str(layout.ports.features)),
        ),
        env={f"DRIVETRAIN_FEATURES_{name}": value for name, value in settings.items()},
        unset=UNSET,
        cwd=layout.repository,  # services/ are no part of the distribution
        depends_on=("redis", "feature-registry"),
        probe=probes.http_ok(layout.ports.features, "/health"),
        port=layout.ports.features,
        port_variable="DRIVETRAIN_PORT_FEATURES",
        revision=hash_of(file for folder in code for file in folder.glob("*.py")),
    )


def _files(layout: Layout) -> list[Unit]:
    pubsub = f"127.0.0.1:{layout.ports.pubsub}"
    command, env = gcs_command(layout.ports.gcs, Notifications(pubsub, PROJECT, _TOPIC, PREFIX))
    return [
        Service(
            name="pubsub",
            argv=emulator_command(layout.ports.pubsub),
            env=PUBSUB_ENV,
            unset=UNSET,
            probe=probes.http_ok(layout.ports.pubsub, "/"),
            port=layout.ports.pubsub,
            port_variable="DRIVETRAIN_PORT_PUBSUB",
        ),
        Command(
            name="feature-topics",
            argv=(
                *(str(layout.bin / "drivetrain"), "features", "landing"),
                *("--include", str(layout.repository / "include")),
            ),
            env=airflow_env(layout, Secrets.of(layout.secrets_file)) | google_env(layout),
            unset=UNSET,
            cwd=layout.home,
            depends_on=("pubsub",),
        ),
        Service(
            name="gcs",
            argv=command,
            env=env,
            unset=UNSET,
            depends_on=("feature-topics",),
            probe=probes.http_ok(layout.ports.gcs, GCS_HEALTH),
            port=layout.ports.gcs,
            port_variable="DRIVETRAIN_PORT_GCS",
        ),
        Action("feature-bucket", lambda: _make_bucket(layout), depends_on=("gcs",)),
    ]


def _make_bucket(layout: Layout) -> str | None:
    with httpx.Client(base_url=f"http://127.0.0.1:{layout.ports.gcs}/storage/v1/", trust_env=False) as client:
        if client.get(f"b/{BUCKET}").is_success:
            return "as it was"
        client.post("b", params={"project": PROJECT}, json={"name": BUCKET}).raise_for_status()
    return None
