"""A memory that is changed only under a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.errors import RetriableError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping, Sequence

    from drivetrain.sheets.memory import Remembered, SyncMemory


class GuardedMemory:
    """See SyncMemory. One who lost a workbook meanwhile must not overwrite what the next one remembers of it."""

    def __init__(self, memory: SyncMemory, still_ours: Callable[[], bool]) -> None:
        self._memory, self._still_ours = memory, still_ours

    def load(self, syncs: Collection[str]) -> Mapping[str, Remembered]:
        """See SyncMemory."""
        return self._memory.load(syncs)

    def writing(self, remembered: Sequence[Remembered], before: Mapping[str, str]) -> None:
        """See SyncMemory."""
        self._check(remembered)
        self._memory.writing(remembered, before)

    def save(self, remembered: Sequence[Remembered]) -> None:
        """See SyncMemory."""
        self._check(remembered)
        self._memory.save(remembered)

    def unchanged(self, syncs: Mapping[str, dt.datetime]) -> None:
        """See SyncMemory."""
        self._memory.unchanged(syncs)

    def _check(self, remembered: Sequence[Remembered]) -> None:
        if not self._still_ours():
            names = ", ".join(one.sync for one in remembered)
            raise RetriableError(f"{names}: the workbook's lease is about to end: nothing is remembered any more")
