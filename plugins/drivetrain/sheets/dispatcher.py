"""One round of dispatching: what git says, what is due, into the queue, and only then remembered.

Killed at any line and run again it ends the same: jobs that are in the queue keep their keys, decisions that were not
remembered are made again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from drivetrain.sheets.dispatch import Trigger, decide_all
from drivetrain.sheets.registry import Changes

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from drivetrain.jobs.queue import JobQueue
    from drivetrain.sheets.catalog import Sync
    from drivetrain.sheets.registry import SyncRegistry


@dataclass(frozen=True)
class Dispatched:
    """What a round did.

    Attributes:
        due: jobs that had to be in the queue, of which `new` were not there yet.
        late: jobs for syncs that were beyond their objective although nothing was due.
    """

    added: int
    changed: int
    removed: int
    due: int
    new: int
    late: int

    def summary(self) -> dict[str, Any]:
        """The numbers, for XCom."""
        return asdict(self)


def dispatch(
    specs: Callable[[], Sequence[Sync]], version: str, registry: SyncRegistry, queue: JobQueue, now: dt.datetime
) -> Dispatched:
    """Publish what is due at `now`.

    Args:
        specs: reads all that git has; asked only where `version` is not what the registry knows, since reading
            thousands of files takes seconds.
        version: of the files, see drivetrain.sheets.catalog.specs_version.
        registry: what is known of them.
        queue: of jobs of kind sheet_sync.
        now: aware.

    Raises:
        UnavailableError: the registry or the queue can't be reached; the next round makes up for it.
    """
    changes = Changes((), (), ())
    if registry.specs_version() != version:
        changes = registry.register(specs(), now, version=version)
    decisions = decide_all(registry.due(now), now)
    due = [each for decision in decisions for each in decision.due]
    jobs = [each.job for each in due]
    # For a queue that hands out what came first, as Pub/Sub does.
    new = queue.publish(sorted(jobs, key=lambda job: (-job.priority, job.deadline or now)))
    registry.dispatched(decisions, now)
    return Dispatched(
        added=len(changes.added),
        changed=len(changes.changed),
        removed=len(changes.removed),
        due=len(due),
        new=new,
        late=sum(each.trigger is Trigger.FRESHNESS for each in due),
    )
