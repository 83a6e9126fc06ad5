from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from drivetrain.errors import GuardError
from drivetrain.sheets.load_rows import RowReader
from drivetrain.sheets.rejects import Reason
from tests.support.loads import load_spec, room_for


def _reader(columns: dict[str, Any] | None = None, types: dict[str, str] | None = None, **changes: Any) -> RowReader:
    spec = load_spec(columns, **changes)
    return RowReader(spec, range(len(spec.columns)), room_for(spec, **(types or {})))


def _faults(reader: RowReader) -> list[tuple[str, str, Reason]]:
    return [(reject.address, reject.column, reject.reason) for reject in reader.tally.rejects]


def test_good_rows_become_typed_columns_in_the_specs_order() -> None:
    spec = load_spec({"CODE": "text", "P": {"type": "decimal", "scale": 2}, "D": "date", "B": "boolean"})
    reader = RowReader(spec, (3, 0, 1, 2), room_for(spec))
    batch = reader.read(1, [[12.5, 46053, True, "a"], ["", "", "", "🚗"]])
    assert [str(kind) for kind in batch.schema.types] == ["string", "decimal128(38, 2)", "date32[day]", "bool"]
    assert batch.to_pylist() == [
        {"C0": "a", "C1": Decimal("12.50"), "C2": dt.date(2026, 1, 31), "C3": True},
        {"C0": "🚗", "C1": None, "C2": None, "C3": None},
    ]


def test_short_rows_are_blank_at_their_end() -> None:
    assert _reader().read(1, [["a"]]).to_pylist() == [{"C0": "a", "C1": None}]


def test_blank_rows_are_skipped_and_do_not_count() -> None:
    reader = _reader()
    assert reader.read(1, [[], ["", ""], [" ", None], ["a", 1], []]).num_rows == 1
    assert (reader.tally.read, reader.tally.rejected) == (1, 0)


def test_a_column_of_unticked_boxes_does_not_make_a_row() -> None:
    reader = _reader({"CODE": "text", "OK": "boolean", "N": "integer"})
    assert reader.read(1, [["", False, ""], ["a", False, ""], ["", True, ""], ["", False, 0]]).num_rows == 1
    assert _faults(reader) == [("A4", "CODE", Reason.NULL_KEY), ("A5", "CODE", Reason.NULL_KEY)]


def test_a_row_of_nothing_but_boxes_is_a_row_where_all_columns_are_boxes() -> None:
    reader = _reader({"CODE": "boolean"}, mode="replace", keys=[])
    assert reader.read(1, [[False], [""]]).num_rows == 1


def test_a_bad_cell_rejects_its_row_and_no_other() -> None:
    reader = _reader(source={"anchor": "C5"})
    batch = reader.read(5, [["a", 1], ["b", "x"], ["c", 3]])
    assert batch.column(0).to_pylist() == ["a", "c"]
    (reject,) = reader.tally.rejects
    assert (reject.row, reject.address, reject.column, reject.reason) == (7, "D7", "N", Reason.BAD_CELL)
    assert (reject.key, reject.value) == ("b", "x")
    assert reject.detail == "the text 'x' is not a whole number; accepted: a whole number such as 1250"


def test_all_bad_cells_of_a_row_are_told_and_the_row_counts_once() -> None:
    reader = _reader({"CODE": "text", "N": "integer", "D": "date"})
    reader.read(1, [["a", "x", "y"]])
    assert _faults(reader) == [("B2", "N", Reason.BAD_CELL), ("C2", "D", Reason.BAD_CELL)]
    assert reader.tally.rejected == 1


def test_a_missing_value_is_told_where_the_spec_or_the_table_wants_one() -> None:
    columns = {"CODE": "text", "A": {"type": "integer", "required": True}, "B": "integer", "C": "integer"}
    reader = _reader(columns, {"B": "NUMBER(38,0) NOT NULL"})
    reader.read(1, [["a", "", "", ""], ["b", 0, 0, ""]])
    assert _faults(reader) == [("B2", "A", Reason.MISSING_VALUE), ("C2", "B", Reason.MISSING_VALUE)]
    assert "must not be blank; accepted: a whole number" in reader.tally.rejects[0].detail


def test_a_key_must_not_be_blank_nor_have_blanks_around_it() -> None:
    reader = _reader()
    reader.read(1, [["", 1], [" a", 1], ["a b", 1]])
    assert _faults(reader) == [("A2", "CODE", Reason.NULL_KEY), ("A3", "CODE", Reason.BAD_CELL)]
    assert reader.tally.accepted == 1


def test_the_first_row_of_a_key_stays_also_across_parts() -> None:
    reader = _reader({"CODE": "date", "N": "integer"})
    assert reader.read(1, [[46053, 1]]).num_rows == 1
    assert reader.read(2, [["2026-01-31", 2], [46054, 3]]).num_rows == 1
    (reject,) = reader.tally.rejects
    assert (reject.address, reject.reason) == ("A3", Reason.DUPLICATE_KEY)
    assert reject.detail == "A2 has the same key: keep one of the two rows"


def test_a_rejected_row_does_not_take_its_key() -> None:
    reader = _reader()
    assert reader.read(1, [["a", "x"], ["a", 2]]).to_pylist() == [{"C0": "a", "C1": Decimal(2)}]


def test_a_key_of_several_columns_is_a_duplicate_only_as_a_whole() -> None:
    reader = _reader({"CODE": "text", "N": "integer"}, keys=["CODE", "N"])
    assert reader.read(1, [["a", 1], ["a", 2], ["a", "1"], ["a1", 2]]).num_rows == 3


def test_more_rows_than_the_limit_stop_the_load() -> None:
    with pytest.raises(GuardError, match=r"more than guards\.row_limit = 2 rows"):
        _reader(guards={"row_limit": 2}).read(1, [["a"], [], ["b"], ["c"]])


def test_the_worst_cells_are_one_of_each_kind_the_most_frequent_first() -> None:
    reader = _reader({"CODE": "text", "N": "integer", "D": "date"})
    reader.read(1, [["a", 1, "x"], ["b", "y", ""], ["c", "z", ""], ["", 1, ""]])
    worst = reader.tally.worst(3)
    assert [line.split(":")[0] for line in worst] == ["B3 (N)", "C2 (D)", "A5 (CODE)"]
    assert worst[0].endswith("(and 1 more like it)")


def test_where_all_cells_are_of_one_kind_three_of_them_are_named() -> None:
    reader = _reader()
    reader.read(1, [[f"k{i}", "x"] for i in range(5)])
    assert [line.split()[0] for line in reader.tally.worst(3)] == ["B2", "B3", "B4"]


def test_a_tab_full_of_faults_keeps_ten_thousand_and_counts_all() -> None:
    reader = _reader()
    reader.read(1, [[f"k{i}", "x"] for i in range(10_500)])
    assert (len(reader.tally.rejects), reader.tally.rejected) == (10_000, 10_500)


def test_the_preview_is_plain_text() -> None:
    reader = _reader()
    reader.read(4, [["a", 1]])
    assert reader.tally.preview == [{"row": 5, "values": {"CODE": "a", "N": "1"}}]
