"""Syncs that somebody asks for: checked against the specs, then jobs like any others, ahead of those that are due."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.errors import FatalError
from drivetrain.jobs.queue import Job
from drivetrain.sheets.dispatch import KIND, Trigger
from drivetrain.sheets.message import SyncMessage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from drivetrain.sheets.catalog import Sync

PRIORITY = 10  # as a spec's "high": somebody waits for it
_MAX_REQUESTED_BY = 200


class RequestRefusedError(FatalError):
    """Nothing of the request was queued; the message names every sync that is in the way."""


@dataclass(frozen=True)
class SyncRequest:
    """What somebody asks for.

    Attributes:
        syncs: names, each once.
        team: in whose name; has to be every sync's team.
        at: what the runs are about; the same however often the request is made.
        request_id: the same however often it is made. Any text.
        requested_by: who and why, for people to read.
    """

    syncs: Sequence[str]
    team: str
    at: dt.datetime
    request_id: str
    requested_by: str

    def key(self, sync: str) -> str:
        """The job's: a request that is made again is the same job."""
        digest = hashlib.blake2b(self.request_id.encode(), digest_size=16)
        return f"{sync}!{digest.hexdigest()}"


def jobs_of(request: SyncRequest, syncs: Mapping[str, Sync]) -> list[Job]:
    """One job for each sync, in the request's order.

    Args:
        request: not believed.
        syncs: the specs by name, as git has them. Iterating gives also those that can't be used, asking for one of
            those is a KeyError that says why; see drivetrain.sheets.catalog.SyncFiles.

    Raises:
        RequestRefusedError: it names a sync that is not there, is another team's, or has a spec that can't be used.
    """
    names = set(syncs)
    jobs: list[Job] = []
    problems: list[str] = []
    for name in request.syncs:
        if name not in names:
            problems.append(f"no sync is called {name}")
            continue
        try:
            spec = syncs[name].spec
        except KeyError as error:
            problems.append(f"{name}: {error.args[0]}")
            continue
        if spec.team != request.team:
            problems.append(f"{name} is {spec.team}'s, not {request.team}'s")
            continue
        message = SyncMessage(
            sync=name,
            due_at=request.at,
            trigger=Trigger.DEMAND,
            team=request.team,
            requested_by=request.requested_by[:_MAX_REQUESTED_BY],
        )
        jobs.append(
            Job(
                key=request.key(name),
                group=spec.target.spreadsheet_id,
                kind=KIND,
                payload=message.model_dump(mode="json"),
                priority=PRIORITY,
                attempts=spec.attempts,
            )
        )
    if problems:
        raise RequestRefusedError(f"nothing was queued: {'; '.join(problems)}")
    return jobs
