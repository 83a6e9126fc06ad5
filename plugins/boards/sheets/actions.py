"""What people can do with a sync from its page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drivetrain.jobs.queue import Job
from drivetrain.sheets.dispatch import KIND, Trigger
from drivetrain.sheets.message import SyncMessage
from drivetrain.sheets.request import PRIORITY
from hooks.job_queue import job_queue

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy.engine import RowMapping

    from hooks.state import StateHook

_REQUEST = re.compile(r"[0-9a-f]{32}")


def is_request_id(text: str) -> bool:
    """Whether a page made this id; a form that is sent twice carries the same one."""
    return _REQUEST.fullmatch(text) is not None


def sync_now(state: StateHook, facts: RowMapping, *, request_id: str, requested_by: str, now: dt.datetime) -> None:
    """Put a run into the queue; the same request again changes nothing while it waits.

    Args:
        state: whose database has the queue.
        facts: the sync's row of sheet_syncs.
        request_id: of the form.
        requested_by: the user's name.
        now: what the run is about.

    Raises:
        UnavailableError: the queue can't be reached; nothing was published.
    """
    message = SyncMessage(
        sync=facts["sync"], due_at=now, trigger=Trigger.DEMAND, team=facts["team"], requested_by=requested_by
    )
    job = Job(
        key=f"{facts['sync']}!{request_id}",
        group=facts["spreadsheet_id"],
        kind=KIND,
        payload=message.model_dump(mode="json"),
        priority=PRIORITY,
        attempts=facts["attempts"],
    )
    job_queue(KIND, state=state).publish([job])
