"""The queue of jobs: how much waits, what was given up, and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from drivetrain.errors import FatalError
from drivetrain.sheets.dispatch import KIND

if TYPE_CHECKING:
    from drivetrain.jobs.queue import JobQueue

app = typer.Typer(no_args_is_help=True, help=__doc__)
KIND_OPTION = typer.Option(KIND, help="Of the jobs.")
KEYS = typer.Argument(None, help="Keys of dead letters, as `drivetrain queue dead` shows them.")


@app.command()
def depth(kind: str = KIND_OPTION) -> None:
    """Say how much is waiting."""
    for name, value in vars(_queue(kind).depth()).items():
        typer.echo(f"{name:<16} {'unknown' if value is None else f'{value:g}'}")


@app.command()
def dead(kind: str = KIND_OPTION, limit: int = typer.Option(100, help="The latest so many.")) -> None:
    """List what was given up, and why."""
    for letter in _queue(kind).dead_letters(limit=limit):
        typer.echo(f"{letter.buried_at:%Y-%m-%d %H:%M:%S}  {letter.key}  tries {letter.attempts}\n    {letter.reason}")


@app.command()
def revive(keys: list[str] | None = KEYS, kind: str = KIND_OPTION) -> None:
    """Put dead letters back into the queue, as if they had never been tried."""
    if not keys:
        raise FatalError("name the keys of dead letters: `drivetrain queue dead` lists them")
    count = _queue(kind).revive(keys)
    typer.echo(f"{count} of {len(keys)} are in the queue again")
    if count < len(keys):
        raise FatalError(f"{len(keys) - count} of the keys are no dead letters")


@app.command()
def ensure(kind: str = KIND_OPTION) -> None:
    """Make what the queue needs in Pub/Sub, where it is there; in Postgres `drivetrain state migrate` does it."""
    from hooks.job_queue import QUEUE_CONN_ID
    from hooks.pubsub_client import PubSubClient
    from hooks.pubsub_queue import PubSubQueue
    from hooks.pubsub_wakes import ensure_wake_subscription

    queue = _queue(kind)
    if isinstance(queue, PubSubQueue):
        queue.ensure()
        ensure_wake_subscription(PubSubClient(QUEUE_CONN_ID), queue.topic)
    typer.echo(f"{type(queue).__name__} of {kind} is ready")


def _queue(kind: str) -> JobQueue:
    from hooks.job_queue import job_queue
    from hooks.state import StateHook

    return job_queue(kind, state=StateHook())
