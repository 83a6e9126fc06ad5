from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.sheets.spool import RowSpool, row_hash, row_json

if TYPE_CHECKING:
    from collections.abc import Sequence

CELLS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.sampled_from(["x", "5", "TRUE", "ü🚗", "a\n"])
    | st.just(0.5)
)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=12)


@given(ROWS, st.data())
def test_rows_come_back_as_they_went_in(rows: list[list[Any]], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(rows)))
    stop = data.draw(st.integers(start, len(rows)))
    with RowSpool(3) as spool:
        spool.extend(rows[: len(rows) // 2])
        spool.extend(rows[len(rows) // 2 :])
        assert len(spool) == len(rows)
        assert list(spool.rows()) == rows
        assert list(spool.rows(start, stop)) == rows[start:stop]
        assert [spool.row(i) for i in range(start, stop)] == rows[start:stop]
        assert spool.raw(start, stop) == [row_json(row) for row in rows[start:stop]]
        assert spool.size(start, stop) == sum(len(row_json(row)) for row in rows[start:stop])


@given(ROWS)
def test_hashes_are_equal_where_rows_are(rows: list[list[Any]]) -> None:
    with RowSpool(3) as spool:
        spool.extend(rows)
        assert list(spool.hashes) == [row_hash(row_json(row)) for row in rows]
        for i, one in enumerate(rows):
            for j, other in enumerate(rows):
                same = one == other and [type(c) for c in one] == [type(c) for c in other]
                assert (spool.hashes[i] == spool.hashes[j]) == same


SPELLINGS = [
    ([5, None, "x"], [5.0, "", "x"]),
    ([0, None, None], [-0.0]),
    ([None, None, None], []),
    ([None, None, None], ["", ""]),
    ([1, 2, 3], [1, 2, 3, "beyond the region"]),
    ([2**53, None, None], [float(2**53)]),
    ([1e17, True, "5"], [10**17, True, "5"]),
    ([1e300, None, None], [int(1e300)]),
]


@pytest.mark.parametrize(("ours", "theirs"), SPELLINGS, ids=str)
def test_the_api_s_spelling_of_a_row_hashes_as_ours(ours: Sequence[Any], theirs: Sequence[object]) -> None:
    with RowSpool(3) as written, RowSpool(3) as read:
        written.extend([ours])
        read.extend_from_api([theirs])
        assert read.hashes == written.hashes
        assert read.row(0) == written.row(0)


def test_text_that_looks_like_another_type_is_another_row() -> None:
    with RowSpool(1) as spool:
        spool.extend([[5], ["5"], [True], ["TRUE"], [None], ["null"], [1]])
        assert len(set(spool.hashes)) == 7


def test_only_blank_rows_at_the_end_are_trimmed() -> None:
    with RowSpool(2) as spool:
        spool.extend_from_api([[], [1, 2], [], [3], [], ["", ""]])
        spool.trim()
        assert list(spool.rows()) == [[None, None], [1, 2], [None, None], [3, None]]
        spool.trim()
        assert len(spool) == 4


def test_a_spool_of_blank_rows_is_empty_once_trimmed() -> None:
    with RowSpool(2) as spool:
        spool.extend_from_api([[], [], []])
        spool.trim()
        assert len(spool) == 0
        assert list(spool.rows()) == []
        assert spool.size(0, 0) == 0


def test_rows_that_follow_a_trim_are_read_back_right() -> None:
    with RowSpool(2) as spool:
        spool.extend_from_api([[1, 2], [], []])
        spool.trim()
        spool.extend([["after", 3], [4, 5]])
        assert list(spool.rows()) == [[1, 2], ["after", 3], [4, 5]]


def test_eight_megabytes_stay_in_memory_and_more_goes_to_disk() -> None:
    text = "x" * 1_000
    with RowSpool(2) as spool:
        spool.extend([i, text] for i in range(5_000))
        assert not spool._file._rolled  # type: ignore[attr-defined]
        spool.extend([i, text] for i in range(5_000, 10_000))
        assert spool._file._rolled  # type: ignore[attr-defined]
        assert len(spool) == 10_000
        assert spool.row(4_999) == [4_999, text]
        assert [row[0] for row in spool.rows(4_990, 10_000)] == list(range(4_990, 10_000))
        assert spool.hashes[7_000] == row_hash(row_json([7_000, text]))


def test_a_row_is_held_as_the_json_that_google_takes() -> None:
    assert row_json(["ü", None, 1.5, True, 7]) == '["ü",null,1.5,true,7]'.encode()
    assert json.loads(row_json(["a\n", None])) == orjson.loads(row_json(["a\n", None]))


def test_a_closed_spool_gives_its_file_back() -> None:
    spool = RowSpool(1)
    with spool:
        spool.extend([[1]])
    with pytest.raises(ValueError, match="closed file"):
        spool.row(0)
