"""The port of what is remembered of each sync between runs: what its query said, and what it left in its tab.

It saves calls and tells people's edits from our own rows. It is never believed over the sheet: a run that looks
compares with what the sheet has, and takes remembered rows for ours only where the marker in the workbook names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence


@dataclass(frozen=True)
class Remembered:
    """What the last good run of a sync left behind.

    Attributes:
        sync: its name.
        spec_hash: drivetrain.sheets.registry.spec_hash; another spec or query is another result.
        source_version: the versions of the source's tables and the bound parameters, as of before the query ran; "" if
            unknown.
        source_read_at: when that version was read: the tab's data is at least as fresh as that.
        result_digest: of the query's whole result; "" where a write began after it, and nothing may be skipped then.
        tab_digest: what the marker in the workbook says of our rows since our last write; "" if no write of ours said.
        row_hashes: the rows that this digest stands for, drivetrain.sheets.known.KnownRows.packed.
        rows: data rows of the tab.
        checked_at: when the sheet itself was last looked at.
        other_rows: packed rows by other digests: those of a write whose end nobody saw, or of the one before it.
    """

    sync: str
    spec_hash: str
    source_version: str
    source_read_at: dt.datetime
    result_digest: str
    tab_digest: str
    row_hashes: bytes
    rows: int
    checked_at: dt.datetime
    other_rows: tuple[tuple[str, bytes], ...] = ()

    def rows_of(self, tab_digest: str) -> bytes | None:
        """The packed rows that a marker speaks of; None where they are not known."""
        if not tab_digest:
            return None
        return self.row_hashes if tab_digest == self.tab_digest else dict(self.other_rows).get(tab_digest)


class SyncMemory(Protocol):
    """Every method may be repeated with the same effect, and may raise UnavailableError."""

    def load(self, syncs: Collection[str]) -> Mapping[str, Remembered]:
        """What is remembered of these syncs; one that never ran well is left out."""

    def writing(self, remembered: Sequence[Remembered], before: Mapping[str, str]) -> None:
        """Before a sheet is written: what it will be remembered by if the write happens.

        Until `save` nothing of these syncs can be skipped: their `result_digest` and `source_version` are forgotten.
        A process that dies in between leaves both kinds of rows, and the marker in the workbook says which are true.

        Args:
            remembered: as the write will leave it.
            before: by sync, the `tab_digest` that its marker has now; the rows of this one are kept too.
        """

    def save(self, remembered: Sequence[Remembered]) -> None:
        """Remember good ends, all or none; rows of other digests are forgotten."""

    def unchanged(self, syncs: Mapping[str, dt.datetime]) -> None:
        """The source is as it was: move `source_read_at` of each sync forward, never back."""
