"""What a message on the queue may ask for: public input, so it is checked before anything believes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import orjson
from pydantic import AwareDatetime, StringConstraints, ValidationError

from drivetrain.errors import FatalError
from drivetrain.sheets.dispatch import Trigger
from drivetrain.spec_types import Slug
from drivetrain.specs import ClosedModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivetrain.jobs.queue import Job
    from drivetrain.sheets.catalog import Sync


class SyncMessage(ClosedModel):
    """Run one sync.

    Attributes:
        sync: its name.
        due_at: what the run is about; of a request the time of the request.
        trigger: why it runs.
        team: for requests of people and programs: in whose name. Has to be the sync's team.
        requested_by: who asked, for people to read.
    """

    sync: Slug
    due_at: AwareDatetime
    trigger: Trigger
    team: Slug | None = None
    requested_by: Annotated[str, StringConstraints(max_length=200)] | None = None


class MessageRefusedError(FatalError):
    """A message that no worker can do anything with, however often it comes."""


def read_message(job: Job, syncs: Mapping[str, Sync]) -> tuple[SyncMessage, Sync]:
    """Check a job against the specs.

    Raises:
        MessageRefusedError: it is malformed, asks for what is not there, or in the name of another team.
    """
    try:
        message = SyncMessage.model_validate_json(orjson.dumps(dict(job.payload)))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "payload"
        raise MessageRefusedError(f"message {job.key}: {where}: {first['msg']}") from None
    sync = syncs.get(message.sync)
    if sync is None:
        raise MessageRefusedError(f"message {job.key}: no sync is called {message.sync}, or its spec can't be used")
    spec = sync.spec
    if message.trigger is Trigger.DEMAND and message.team is None:
        raise MessageRefusedError(f"message {job.key}: team: a request names the team that it is made for")
    if message.team is not None and message.team != spec.team:
        raise MessageRefusedError(
            f"message {job.key}: team: {message.team} may not run {spec.sync}, which is {spec.team}'s"
        )
    if job.group != spec.target.spreadsheet_id:
        raise MessageRefusedError(
            f"message {job.key}: group: {job.group} is not {spec.target.spreadsheet_id}, the workbook of {spec.sync}"
        )
    return message, sync
