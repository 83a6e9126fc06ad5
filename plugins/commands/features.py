"""Features by hand: what is defined, and files of rows into Redis: docs/FEATURES.md."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from redis import Redis
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from drivetrain.errors import FatalError
from drivetrain.features.catalog import load_features
from drivetrain.features.landing import landing_topic
from drivetrain.features.materialize import Materialized, materialize
from drivetrain.features.registry import load_registry
from hooks.feature_files import parquet_batches, parquet_rows
from hooks.online_writer import OnlineWriter, Written

if TYPE_CHECKING:
    from drivetrain.features.online_rows import OnlineRows
    from drivetrain.features.registry import RegisteredView

app = typer.Typer(no_args_is_help=True, help=__doc__)

REGISTRY = typer.Option(..., "--registry", envvar="DRIVETRAIN_FEAST_REGISTRY", help="What `feast apply` wrote.")
PROJECT = typer.Option("marketplace", "--project", help="Feast's; a registry may hold several.")
AS_JSON = typer.Option(False, "--json", help="Print JSON for programs.")
STORE = typer.Option(
    "redis://127.0.0.1:6379/0",
    "--store",
    help="Redis. A password comes from the variable DRIVETRAIN_ONLINE_PASSWORD, never from here.",
)
DRY_RUN = typer.Option(False, "--dry-run", help="Read and check all rows, and write nothing.")
TTL = typer.Option(
    0, "--expire-seconds", min=0, help="Let Redis forget entities that nobody wrote for so long; 0: never."
)
_VIEW = typer.Argument(..., help="The feature view.")
_FILES = typer.Argument(..., help="Parquet files with its columns.")
_TIMEOUT_SECONDS = 30.0
_KEEP_DAYS = 7  # as the queue's messages: a week of a platform that is down loses no file
INCLUDE = typer.Option(Path("include"), help="The folder with specs/.")
GCP_CONN = typer.Option("google_cloud_default", "--gcp-conn-id", help="Airflow's connection.")
VIEWS = typer.Option(None, "--view", help="Only this view; may be given several times.")
PRINT = typer.Option(False, "--dry-run", help="Make nothing, print only.")


@app.command()
def views(registry: Path = REGISTRY, project: str = PROJECT, as_json: bool = AS_JSON) -> None:
    """Show every feature view, with its keys, its age limit and its source."""
    found = load_registry(registry, project)
    if as_json:
        typer.echo(json.dumps({name: _as_json(one) for name, one in found.views.items()}, indent=1))
        return
    table = Table("View", "Join keys", "Features", "TTL", "Source", box=None)
    for name, one in sorted(found.views.items()):
        source = one.source.table or one.source.uri or "a query"
        ttl = str(one.ttl or "-").removesuffix(", 0:00:00")
        table.add_row(name, ", ".join(one.view.join_keys), str(len(one.view.features)), ttl, source)
    Console().print(table)
    for reason in found.broken.values():
        typer.secho(reason, fg=typer.colors.RED, err=True)


@app.command()
def write(
    view: str = _VIEW,
    files: list[Path] = _FILES,
    registry: Path = REGISTRY,
    project: str = PROJECT,
    store: str = STORE,
    expire_seconds: int = TTL,
    dry_run: bool = DRY_RUN,
    as_json: bool = AS_JSON,
) -> None:
    """Write rows into Redis where they are not older than what is there. May be repeated."""
    chosen = load_registry(registry, project).online_view(view)
    total = sum(parquet_rows(path) for path in files)
    rows = (batch for path in files for batch in parquet_batches(path, chosen.view))
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    password = os.environ.get("DRIVETRAIN_ONLINE_PASSWORD")
    timeouts = {"socket_timeout": _TIMEOUT_SECONDS, "socket_connect_timeout": _TIMEOUT_SECONDS}
    try:
        client = Redis.from_url(store, password=password, protocol=2, **timeouts)
    except ValueError as error:
        raise FatalError(f"--store {store}: {error}") from None
    writer = OnlineWriter(client, key_ttl_seconds=expire_seconds or None)
    with client, Progress(*columns, console=Console(stderr=True), disable=as_json) as bar:
        task = bar.add_task("checked" if dry_run else view, total=total)
        done = materialize(
            rows,
            chosen.view,
            _nothing if dry_run else writer.write,
            progress=lambda now: bar.update(task, completed=now.read),
        )
    _tell(done, dry_run=dry_run, as_json=as_json)


@app.command()
def landing(
    include: Path = INCLUDE, gcp_conn_id: str = GCP_CONN, view: list[str] | None = VIEWS, dry_run: bool = PRINT
) -> None:
    """Make the topics that files of feature views are told on, and print how to have the buckets tell them."""
    specs = [spec for spec in load_features(include).specs if spec.landing is not None]
    if view and (unknown := sorted(set(view) - {spec.view for spec in specs})):
        known = ", ".join(spec.view for spec in specs)
        raise FatalError(f"feature view {unknown[0]}: has no landing in its spec; those that have: {known or 'none'}")
    for spec in specs:
        if view and spec.view not in view:
            continue
        topic, place = landing_topic(spec.view), spec.landing
        if not dry_run:
            from hooks.pubsub_client import MAX_DEADLINE_SECONDS, PubSubClient
            from hooks.pubsub_wakes import ensure_wake_subscription

            client = PubSubClient(gcp_conn_id)
            client.ensure_topic(topic)
            client.ensure_subscription(
                topic, topic, ordered=False, ack_deadline_seconds=MAX_DEADLINE_SECONDS, keep_days=_KEEP_DAYS
            )
            ensure_wake_subscription(client, topic)
        # https://cloud.google.com/storage/docs/reporting-changes
        typer.echo(
            f"gcloud storage buckets notifications create gs://{place.bucket} --topic={topic} "
            f"--event-types=OBJECT_FINALIZE --object-prefix={place.prefix}"
        )


def _nothing(rows: OnlineRows) -> Written:
    return Written(written=len(rows))


def _tell(done: Materialized, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(done) | {"dry_run": dry_run}))
        return
    verb = "would be written" if dry_run else "written"
    typer.echo(
        f"{done.read:,} rows: {done.written:,} {verb}, {done.stale:,} older than what is there, "
        f"{done.superseded:,} with a later one beside them"
    )
    for reason, count in done.rejected.items():
        places = ", ".join(map(str, done.places[reason][:5]))
        typer.secho(f"{count:,} rejected: {reason} (rows {places}, counted from 0)", fg=typer.colors.YELLOW, err=True)


def _as_json(one: RegisteredView) -> dict[str, object]:
    return {
        "join_keys": {name: kind.name for name, kind in one.view.join_keys.items()},
        "features": {name: kind.name for name, kind in one.view.features.items()},
        "timestamp_field": one.view.timestamp_field,
        "created_field": one.view.created_field,
        "ttl_seconds": one.ttl.total_seconds() if one.ttl else None,
        "source": asdict(one.source),
        "online": one.online,
        "owner": one.owner,
        "description": one.description,
    }
