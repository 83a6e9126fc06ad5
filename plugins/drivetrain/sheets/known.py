"""The rows that a sync takes for its own: 8 bytes for each row, 8 more for its key where the sync has keys.

With them a later look tells what people did to the tab from what the query did. They are of use only together with the
marker that names them (observe.Marker.content), and only for rows of the same shape.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from drivetrain.sheets.ingest import key_digest
from drivetrain.sheets.spec import Edits, Mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from drivetrain.sheets.ingest import Ingested
    from drivetrain.sheets.plan import RowPlan
    from drivetrain.sheets.spec import SheetSyncSpec
    from drivetrain.sheets.spool import RowSpool

_DIGEST_BYTES = 16  # of key_digest
_SHAPE_BYTES = 8


def short(digest: bytes) -> int:
    """A key's 64 bits: of a million keys, two are the same once in 10**7 syncs."""
    return int.from_bytes(digest[:8], "big")


class RowKeys:
    """The keys of a tab's rows, 16 bytes each; none where the sync has no keys.

    Args:
        rows: the tab's.
        key_at: positions of the key columns.
    """

    def __init__(self, rows: RowSpool, key_at: Sequence[int]) -> None:
        self._digests = b"".join(key_digest([row[i] for i in key_at]) for row in rows.rows()) if key_at else b""

    def __len__(self) -> int:
        return len(self._digests) // _DIGEST_BYTES

    def __getitem__(self, row: int) -> bytes:
        return self._digests[row * _DIGEST_BYTES : (row + 1) * _DIGEST_BYTES]

    def __iter__(self) -> Iterator[bytes]:
        return (self[row] for row in range(len(self)))

    @property
    def shorts(self) -> NDArray[np.uint64]:
        """`short` of each."""
        return np.frombuffer(self._digests, ">u8")[::2].astype(np.uint64)


def shape_of(width: int, key_at: Sequence[int]) -> bytes:
    """Rows of another width, or with other keys, can't be compared by their hashes."""
    return hashlib.blake2b(f"{width} {list(key_at)}".encode(), digest_size=_SHAPE_BYTES).digest()


@dataclass(frozen=True, eq=False)
class KnownRows:
    """Rows that are ours, blank ones left out.

    Attributes:
        shape: see shape_of.
        hashes: of the rows: in the order of their keys, or of the tab where there are none.
        keys: their keys, ascending; None for a sync without keys.
    """

    shape: bytes
    hashes: NDArray[np.uint64]
    keys: NDArray[np.uint64] | None = None

    @classmethod
    def by_keys(cls, shape: bytes, rows: dict[int, int]) -> Self:
        """From hashes by keys."""
        keys = np.fromiter(rows, np.uint64, len(rows))
        return cls.sorted_by_keys(shape, np.fromiter(rows.values(), np.uint64, len(rows)), keys)

    @classmethod
    def sorted_by_keys(cls, shape: bytes, hashes: NDArray[np.uint64], keys: NDArray[np.uint64]) -> Self:
        """From rows in the order of the tab, where a key may stand twice."""
        order = np.argsort(keys, kind="stable")
        return cls(shape, hashes[order], keys[order])

    @cached_property
    def packed(self) -> bytes:
        """For the memory. Not compressed, as hashes don't become smaller."""
        keys = b"" if self.keys is None else self.keys.astype("<u8").tobytes()
        return self.shape + bytes([self.keys is not None]) + keys + self.hashes.astype("<u8").tobytes()

    @classmethod
    def unpack(cls, packed: bytes | None, shape: bytes) -> Self | None:
        """None where there is nothing, or it is of another shape."""
        head = _SHAPE_BYTES + 1
        if packed is None or packed[:_SHAPE_BYTES] != shape or (len(packed) - head) % 8:
            return None
        words = np.frombuffer(packed, "<u8", offset=head).astype(np.uint64) if len(packed) > head else _NONE
        if not packed[_SHAPE_BYTES]:
            return cls(shape, words)
        if len(words) % 2:
            return None
        half = len(words) // 2
        return cls(shape, words[half:], words[:half])

    @cached_property
    def digest(self) -> str:
        """Eight characters for the marker."""
        return base64.urlsafe_b64encode(hashlib.blake2b(self.packed, digest_size=6).digest()).decode("ascii")

    @cached_property
    def by_key(self) -> dict[int, int]:
        """Hashes by `short` keys, of a key that stands twice the first row's; nothing for a sync without keys."""
        if self.keys is None:
            return {}
        return dict(zip(self.keys[::-1].tolist(), self.hashes[::-1].tolist(), strict=True))

    def are_all_of(self, rows: RowSpool) -> bool:
        """Whether a tab has these rows and no others, in any order."""
        there = _words(rows.hashes)
        return np.array_equal(np.sort(there[there != rows.blank_hash]), np.sort(self.hashes))


_NONE: NDArray[np.uint64] = np.array([], np.uint64)


def known_after(
    spec: SheetSyncSpec,
    plan: RowPlan,
    old: RowSpool,
    keys: RowKeys,
    new: Ingested,
    *,
    known: KnownRows | None,
    key_at: Sequence[int],
) -> KnownRows:
    """The rows that are ours once a plan is carried out.

    That is what the tab then has; but where people's edits are kept, what the source said of each row: the edit stays
    an edit, and the source is seen to change.

    Args:
        spec: the sync.
        plan: from plan_rows.
        old: the tab's rows.
        keys: of the tab's rows.
        new: the source's rows.
        known: those that were ours before, as far as that is known.
        key_at: positions of the key columns.
    """
    shape = shape_of(old.width, key_at)
    if spec.edits is not Edits.KEEP or known is None or not key_at:
        return _tab_after(shape, plan, old, keys, new)
    hashes = new.spool.hashes
    said = {short(digest): hashes[row] for digest, row in new.keys.items()}
    match spec.mode:
        case Mode.MIRROR:
            aside = {short(digest) for digest in new.rejected_keys}
            rows = {key: row for key, row in known.by_key.items() if key in aside} | said
        case Mode.APPEND:
            there = set(keys.shorts.tolist())
            rows = known.by_key | {key: row for key, row in said.items() if key not in there}
        case _:
            rows = known.by_key | said
    return KnownRows.by_keys(shape, rows)


def _tab_after(shape: bytes, plan: RowPlan, old: RowSpool, keys: RowKeys, new: Ingested) -> KnownRows:
    total, source = max(len(old), plan.last_row_written), _words(new.spool.hashes)
    hashes = np.full(total, old.blank_hash, np.uint64)
    hashes[: len(old)] = _words(old.hashes)
    keys_after, source_keys = np.zeros(total, np.uint64), np.zeros(len(source), np.uint64)
    keys_after[: len(keys)] = keys.shorts
    for digest, row in new.keys.items():
        source_keys[row] = short(digest)
    stays = np.ones(total, np.bool_)
    for segment in plan.segments:
        here, there = _span(segment.target, segment.count), _span(segment.source, segment.count)
        hashes[here], keys_after[here] = source[there], source_keys[there]
    for start, stop in (*([plan.clear] if plan.clear else []), *plan.deletes):
        stays[start:stop] = False
    stays &= hashes != old.blank_hash
    is_keyed = bool(len(keys)) or bool(new.keys)
    if is_keyed:
        return KnownRows.sorted_by_keys(shape, hashes[stays], keys_after[stays])
    return KnownRows(shape, hashes[stays])


def _span(start: int, count: int) -> slice:
    return slice(start, start + count)


def _words(hashes: Any) -> NDArray[np.uint64]:
    """A copy: an array that numpy looks into can't grow."""
    return np.array(hashes, np.uint64)
