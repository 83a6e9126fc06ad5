"""Columns written as Feast's values are read back as they were, whatever is in them."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.features.decode import NotAValueError, decode
from drivetrain.features.encode import ColumnRefusedError, encode
from drivetrain.features.value_types import BY_NUMBER, VALUE_TYPES

VALUES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "BYTES": (pa.binary(), st.binary(max_size=300)),
    "STRING": (pa.string(), st.text(max_size=200)),
    "INT32": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "INT64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "DOUBLE": (pa.float64(), st.floats(allow_nan=False)),
    "FLOAT": (pa.float32(), st.floats(allow_nan=False, width=32)),
    "BOOL": (pa.bool_(), st.booleans()),
    "UNIX_TIMESTAMP": (pa.int64(), st.integers(-(2**40), 2**40)),
}


@pytest.mark.parametrize("name", VALUES)
@given(data=st.data())
def test_a_column_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    arrow, one = VALUES[name]
    values = data.draw(st.lists(st.none() | one, max_size=40))
    written = encode(pa.array(values, arrow), VALUE_TYPES[name], "column")
    assert [decode(each) for each in written.to_pylist()] == values


@pytest.mark.parametrize("name", VALUES)
@given(data=st.data())
def test_a_column_of_lists_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    arrow, one = VALUES[name]
    values = data.draw(st.lists(st.none() | st.lists(one, max_size=9), max_size=20))
    start = data.draw(st.integers(0, len(values)))
    column = pa.array(values, pa.list_(arrow)).slice(start)
    written = encode(column, VALUE_TYPES[f"{name}_LIST"], "column")
    assert [decode(each) for each in written.to_pylist()] == values[start:]


def test_not_a_number_is_nothing_and_in_a_list_stays_what_it_is() -> None:
    assert encode(pa.array([math.nan, 1.0]), VALUE_TYPES["DOUBLE"], "price").to_pylist()[0] == b""
    (written,) = encode(pa.array([[math.nan]]), VALUE_TYPES["DOUBLE_LIST"], "prices").to_pylist()
    assert math.isnan(decode(written)[0])


def test_a_time_is_in_whole_seconds_and_without_a_zone_in_utc() -> None:
    noon = dt.datetime.fromtimestamp(1_795_521_600.999_999, dt.UTC).replace(tzinfo=None)
    column = pa.array([noon, None], pa.timestamp("ns"))
    seconds = int(noon.replace(tzinfo=dt.UTC).timestamp())
    for name, value in (("UNIX_TIMESTAMP", column), ("UNIX_TIMESTAMP_LIST", pa.array([[noon], None]))):
        found = [decode(each) for each in encode(value, VALUE_TYPES[name], "at").to_pylist()]
        assert found == ([[seconds], None] if "LIST" in name else [seconds, None])


@pytest.mark.parametrize(
    ("name", "column", "says"),
    [
        ("INT32", pa.array([2**31]), "column kilometres: is int64, which does not fit INT32"),
        ("INT64", pa.array([1.5]), "column kilometres: is double, which does not fit INT64"),
        ("INT64", pa.array([[1]]), "column kilometres: is list"),
        ("INT64_LIST", pa.array([[1, None]]), "column kilometres: has lists with nulls in them"),
        ("UNIX_TIMESTAMP", pa.array(["yesterday"]), "column kilometres: is string, which does not fit UNIX_TIMESTAMP"),
    ],
)
def test_a_column_that_does_not_fit_is_refused_by_its_name(name: str, column: pa.Array, says: str) -> None:
    with pytest.raises(ColumnRefusedError, match=rf"^{says.replace('[', '.')}"):
        encode(column, VALUE_TYPES[name], "kilometres")


@pytest.mark.parametrize(
    "data", [b"\x92", b"\x12\x05ab", b"\x2a\x00", b"\xff\xff\xff", b"\x0d\x00\x00\x00\x00", b"\x12\x01\xff"]
)
def test_bytes_that_are_no_value_are_refused(data: bytes) -> None:
    with pytest.raises(NotAValueError):
        decode(data)


def test_no_two_types_share_a_number() -> None:
    assert len(BY_NUMBER) == len(VALUE_TYPES) == 35
