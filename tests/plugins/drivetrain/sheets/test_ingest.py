from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from drivetrain.errors import GuardError
from drivetrain.sheets.ingest import BATCH_ROWS, Ingested, ingest, key_digest
from drivetrain.sheets.rejects import Reason, Reject
from drivetrain.sheets.spool import RowSpool

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivetrain.sheets.spec import SheetSyncSpec

SCHEMA = pa.schema({"ID": pa.int64(), "NAME": pa.string(), "N": pa.int64()})
LONG = "x" * 50_001


def run(spec: SheetSyncSpec, *batches: list[tuple[Any, ...]], width: int = 3) -> Ingested:
    return ingest(
        spec,
        spec.columns,
        [pa.RecordBatch.from_pylist([dict(zip(SCHEMA.names, r, strict=True)) for r in b], SCHEMA) for b in batches],
        RowSpool(width),
    )


def test_rows_of_all_batches_are_kept_in_order(make_spec: Callable[..., SheetSyncSpec]) -> None:
    new = run(make_spec(), [(1, "a", 10), (2, None, None)], [], [(3, "", 30)])
    assert list(new.spool.rows()) == [[1, "a", 10], [2, None, None], [3, None, 30]]
    assert new.source_rows == 3
    assert new.rejects == []
    assert new.keys == {}


def test_a_batch_larger_than_a_block_keeps_its_order(make_spec: Callable[..., SheetSyncSpec]) -> None:
    count = BATCH_ROWS * 2 + 7
    new = run(make_spec(mode="upsert", keys=["ID"]), [(i, "x", i) for i in range(count)])
    assert [row[0] for row in new.spool.rows()] == list(range(count))
    assert new.keys[key_digest([count - 1])] == count - 1


def test_a_wider_region_is_filled_with_blanks(make_spec: Callable[..., SheetSyncSpec]) -> None:
    new = run(make_spec(), [(1, "a", 10)], width=5)
    assert new.spool.row(0) == [1, "a", 10, None, None]


def test_a_key_that_comes_twice_sets_the_earlier_row_aside(make_spec: Callable[..., SheetSyncSpec]) -> None:
    spec = make_spec(mode="upsert", keys=["ID", "NAME"])
    new = run(spec, [(1, "a", 10), (2, "b", 20)], [(1, "a", 11), (1, "b", 12), (1, "a", 13)])
    assert {new.spool.row(at)[2] for at in new.keys.values()} == {20, 12, 13}
    assert [(r.row, r.column, r.reason, r.key) for r in new.rejects] == [
        (1, "ID, NAME", Reason.DUPLICATE_KEY, "1, a"),
        (3, "ID, NAME", Reason.DUPLICATE_KEY, "1, a"),
    ]
    assert "row 3 has the same key and wins" in new.rejects[0].detail
    assert "make the key unique in the query" in new.rejects[0].detail


def test_the_number_of_a_superseded_row_counts_rejected_rows_too(make_spec: Callable[..., SheetSyncSpec]) -> None:
    new = run(make_spec(mode="upsert", keys=["ID"]), [(None, "a", 1), (7, LONG, 2), (5, "b", 3), (5, "c", 4)])
    assert [(r.row, r.reason) for r in new.rejects] == [
        (1, Reason.NULL_KEY),
        (2, Reason.CELL_TOO_LONG),
        (3, Reason.DUPLICATE_KEY),
    ]


def test_a_null_key_sets_its_row_aside(make_spec: Callable[..., SheetSyncSpec]) -> None:
    new = run(make_spec(mode="mirror", keys=["ID", "NAME"]), [(1, None, 10), (None, "b", 20), (3, "c", 30), (4, "", 1)])
    assert list(new.spool.rows()) == [[3, "c", 30]]
    assert [(r.row, r.column, r.reason) for r in new.rejects] == [
        (1, "NAME", Reason.NULL_KEY),
        (2, "ID", Reason.NULL_KEY),
        (4, "NAME", Reason.NULL_KEY),
    ]
    assert "filter such rows out" in new.rejects[0].detail


def test_without_keys_nulls_and_repeated_rows_are_kept(make_spec: Callable[..., SheetSyncSpec]) -> None:
    rows = [(None, None, None), (1, "a", 1), (1, "a", 1)]
    new = run(make_spec(mode="append"), rows)
    assert [tuple(row) for row in new.spool.rows()] == rows
    assert new.rejects == []


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("x" * 50_000, True),
        (LONG, False),
        ("ü" * 50_000, True),  # 100,000 bytes, 50,000 characters
        ("ü" * 50_001, False),
        ("🚗" * 25_000, True),  # each counts two
        ("🚗" * 25_001, False),
    ],
    ids=["ascii", "ascii+1", "umlauts", "umlauts+1", "emoji", "emoji+1"],
)
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_a_cell_holds_50_000_characters_as_google_counts(
    make_spec: Callable[..., SheetSyncSpec], text: str, fits: bool, kind: pa.DataType
) -> None:
    spec = make_spec({"ID": "integer", "NAME": "text"}, mode="upsert", keys=["ID"])
    batch = pa.RecordBatch.from_arrays([pa.array([1, 2]), pa.array(["ok", text], kind)], ["ID", "NAME"])
    new = ingest(spec, spec.columns, [batch], RowSpool(2))
    assert len(new.spool) == (2 if fits else 1)
    assert new.rejected_keys == (set() if fits else {key_digest([2])})
    if not fits:
        (reject,) = new.rejects
        assert (reject.row, reject.column, reject.key, reject.reason) == (2, "NAME", "2", Reason.CELL_TOO_LONG)
        assert "50,000 characters: shorten it" in reject.detail
        assert len(reject.value) < 250


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()], ids=str)
@pytest.mark.parametrize(("size", "rows"), [(25_000, 1), (25_001, 0)])
def test_bytes_are_counted_by_their_hexadecimal_digits(
    make_spec: Callable[..., SheetSyncSpec], kind: pa.DataType, size: int, rows: int
) -> None:
    spec = make_spec({"B": "binary"})
    batch = pa.RecordBatch.from_arrays([pa.array([b"\x01" * size], kind)], ["B"])
    new = ingest(spec, spec.columns, [batch], RowSpool(1))
    assert len(new.spool) == rows
    assert len(new.rejects) == 1 - rows


def test_more_rows_than_the_limit_stop_the_run(make_spec: Callable[..., SheetSyncSpec]) -> None:
    spec = make_spec(guards={"row_limit": 3})
    assert run(spec, [(1, "a", 1)] * 3).source_rows == 3
    with pytest.raises(
        GuardError, match=r"sync stock_daily: .* more than guards\.row_limit = 3 rows: narrow the query"
    ):
        run(spec, [(1, "a", 1)] * 2, [(1, "a", 1)] * 2)


def test_a_shown_value_is_cut_and_says_its_length() -> None:
    assert Reject.shown("short") == "short"
    assert Reject.shown(5) == "5"
    assert Reject.shown("y" * 300) == "y" * 200 + "… (300 characters)"


def test_key_digests_tell_types_and_places_apart() -> None:
    keys: list[list[Any]] = [[1], ["1"], [True], [None], ["1", "2"], ["12", ""], ["2", "1"]]
    assert len({key_digest(key) for key in keys}) == len(keys)
    assert {len(key_digest(key)) for key in keys} == {16}
