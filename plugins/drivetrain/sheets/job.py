"""What the engine is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from drivetrain.errors import DrivetrainError
    from drivetrain.sheets.memory import Remembered
    from drivetrain.sheets.outcome import SyncOutcome
    from drivetrain.sheets.port import RowSource
    from drivetrain.sheets.rejects import Reject
    from drivetrain.sheets.spec import SheetSyncSpec


@dataclass(frozen=True)
class SyncJob:
    """One sync to run.

    Attributes:
        spec: the sync.
        open_source: opens the query; read once, closed when the group is done.
        run_id: the same for every try of one run: an append that already happened is recognized by it.
        dry_run: plan only, write nothing.
        on_rejects: given the rows that were set aside, before anything is written; not called in a dry run.
        spec_hash: drivetrain.sheets.registry.spec_hash; "" if what is remembered may not be relied on.
        source_version: of the query's tables and parameters, read before the query; "" if unknown.
        source_read_at: when that was; None: when the query is opened.
        memory: what the last run left behind, as SyncMemory.load gave it.
        check_due: look at the sheet even if the query says what it said the last time.
    """

    spec: SheetSyncSpec
    open_source: Callable[[], AbstractContextManager[RowSource]]
    run_id: str
    dry_run: bool = False
    on_rejects: Callable[[Sequence[Reject]], None] = lambda _: None
    spec_hash: str = ""
    source_version: str = ""
    source_read_at: dt.datetime | None = None
    memory: Remembered | None = None
    check_due: bool = True


@dataclass
class GroupResult:
    """What became of each sync of a group, by its name: an outcome or an error."""

    outcomes: dict[str, SyncOutcome] = field(default_factory=dict)
    errors: dict[str, DrivetrainError] = field(default_factory=dict)
