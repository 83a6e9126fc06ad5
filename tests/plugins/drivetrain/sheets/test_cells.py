# ruff: noqa: DTZ001, DTZ901 - wall clocks have no zone
from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivetrain.sheets.cells import accepts, canonical, encode_rows, infer_type, iso_wall_clock, number_format
from drivetrain.sheets.decode import decode
from drivetrain.sheets.spec import Column, ColumnType
from drivetrain.sheets.spool import RowSpool

if TYPE_CHECKING:
    from collections.abc import Sequence

# Any character but halves of pairs; st.characters would first build Unicode's tables, which takes seconds.
CHARACTERS = (st.integers(0, 0xD7FF) | st.integers(0xE000, 0x10FFFF)).map(chr)
UTC = dt.UTC
ZONES = ["America/New_York", "Asia/Kolkata", "Europe/London", "Australia/Lord_Howe", "Asia/Tokyo", "UTC"]
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
EXACT = Context(prec=100)


def column(kind: str, **more: Any) -> Column:
    return Column(name="C", type=ColumnType(kind), **more)


def cells_of(array: pa.Array, of: Column) -> list[Any]:
    rows = encode_rows(pa.RecordBatch.from_arrays([array], ["C"]), [of])
    assert len(rows) == len(array)
    return [row[0] for row in rows]


def google(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """What the API answers for rows that were written: doubles only, whole ones without a point, no blank end."""

    def spell(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        return int(value) if float(value).is_integer() else float(value)

    spelled = []
    for row in rows:
        values = ["" if value is None else spell(value) for value in row]
        while values and values[-1] == "":
            values.pop()
        spelled.append(values)
    answer: list[list[Any]] = orjson.loads(json.dumps(spelled))
    return answer


def round_trip(array: pa.Array, of: Column) -> list[Any]:
    """Encode, send, read back, decode; the rows that come back must hash as those that were sent."""
    rows = encode_rows(pa.RecordBatch.from_arrays([array], ["C"]), [of])
    with RowSpool(1) as sent, RowSpool(1) as found:
        sent.extend(rows)
        found.extend_from_api(google(rows))
        assert found.hashes == sent.hashes
        return [decode(row[0], of) for row in found.rows()]


def arrays(kind: pa.DataType, values: st.SearchStrategy[Any]) -> st.SearchStrategy[pa.Array]:
    """Arrays with nulls, from empty on, and cut out of longer ones, so that their buffers start elsewhere."""

    def build(before: list[Any], there: list[Any], after: list[Any]) -> pa.Array:
        return pa.array(before + there + after, kind).slice(len(before), len(there))

    lists = st.lists(st.none() | values, max_size=8)
    few = st.lists(st.none() | values, max_size=2)
    return st.builds(build, few, lists, few)


def unscaled(digits: int) -> st.SearchStrategy[int]:
    most = 10**digits - 1
    edges = [n + d for n in (10**14, 10**15, 2**53, 2**63, 10**28, 10**29) for d in (-1, 0, 1) if n < most]
    return st.one_of(
        st.sampled_from([*edges, most, 0, 1]).flatmap(lambda n: st.sampled_from([n, -n])),
        st.integers(-min(10**15, most), min(10**15, most)),
        st.integers(-most, most),
        st.integers(1, 9).map(lambda n: n * 10 ** (digits - 1)).map(lambda n: n + 1),
    )


INTEGERS = [(pa.type_for_alias(f"{sign}int{bits}"), sign, bits) for sign in ("", "u") for bits in (8, 16, 32, 64)]


@pytest.mark.parametrize(("kind", "sign", "bits"), INTEGERS, ids=str)
@given(data=st.data())
def test_integers_of_every_width_come_back_exactly(data: st.DataObject, kind: Any, sign: str, bits: int) -> None:
    low, high = (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    array = data.draw(arrays(kind, st.integers(low, high) | st.sampled_from([low, high])))
    assert round_trip(array, column("integer")) == array.to_pylist()
    assert round_trip(array, column("text")) == [None if v is None else str(v) for v in array.to_pylist()]


@pytest.mark.parametrize(
    ("kind", "digits"), [(pa.decimal128(38, 0), 38), (pa.decimal256(76, 0), 76), (pa.decimal128(9, 0), 9)], ids=str
)
@given(data=st.data())
def test_whole_decimals_of_up_to_76_digits_come_back_exactly(data: st.DataObject, kind: Any, digits: int) -> None:
    array = data.draw(arrays(kind, unscaled(digits).map(Decimal)))
    expected = [None if v is None else int(v) for v in array.to_pylist()]
    assert round_trip(array, column("integer")) == expected
    assert round_trip(array, column("text")) == [None if v is None else str(v) for v in expected]


@given(data=st.data(), wide=st.booleans(), scale=st.integers(1, 37))
def test_decimals_of_every_scale_come_back_exactly(data: st.DataObject, wide: bool, scale: int) -> None:
    kind = pa.decimal256(76, scale) if wide else pa.decimal128(38, scale)
    values = unscaled(76 if wide else 38).map(lambda n: Decimal(n).scaleb(-scale, EXACT))
    array = data.draw(arrays(kind, values))
    of = column("decimal", scale=scale)
    assert round_trip(array, of) == array.to_pylist()
    as_text = round_trip(array, column("text"))
    assert [None if v is None else Decimal(v) for v in as_text] == array.to_pylist()


@given(scale=st.integers(0, 37), numbers=st.lists(st.none() | st.integers(-(10**15) + 1, 10**15 - 1), min_size=1))
@example(scale=2, numbers=[10**15 - 1, -(10**15) + 1, 10**14, 1, 0])
@example(scale=0, numbers=[10**15 - 1, -(10**15) + 1])
@example(scale=22, numbers=[10**15 - 1, 1])
@example(scale=23, numbers=[10**15 - 1, 1])
def test_the_vectorized_decimals_equal_the_slow_ones(scale: int, numbers: list[int | None]) -> None:
    values = [None if n is None else Decimal(n).scaleb(-scale, EXACT) for n in numbers]
    long = Decimal(10**20 + 1).scaleb(-scale, EXACT)  # one long value sends its whole batch the slow way
    of = column("decimal") if scale else column("integer")
    fast = cells_of(pa.array(values, pa.decimal128(38, scale)), of)
    slow = cells_of(pa.array([*values, long], pa.decimal128(38, scale)), of)
    assert slow.pop() == f"{long:f}"
    assert [(type(v), v) for v in fast] == [(type(v), v) for v in slow]


@pytest.mark.parametrize("number", [10**15, -(10**15), 10**15 + 1, 2**63 - 1, -(2**63), 2**64 - 1, -(2**64)])
def test_a_decimal_of_sixteen_digits_is_text_unless_its_end_is_zeros(number: int) -> None:
    cell = cells_of(pa.array([Decimal(number).scaleb(-2)], pa.decimal128(38, 2)), column("decimal"))[0]
    if abs(number) == 10**15:
        assert cell == number // 100
        assert type(cell) is int
    else:
        assert cell == f"{Decimal(number).scaleb(-2):f}"


def test_the_smallest_64_bit_integer_in_a_decimal_is_text() -> None:
    assert cells_of(pa.array([Decimal(-(2**63))], pa.decimal128(38, 0)), column("integer")) == [str(-(2**63))]


def test_a_decimal_beyond_28_digits_is_not_rounded() -> None:
    value = Decimal("1.0000000000000000000000000000000000001")
    assert cells_of(pa.array([value], pa.decimal128(38, 37)), column("decimal")) == [str(value)]


def test_integers_are_numbers_up_to_2_to_the_53() -> None:
    array = pa.array([2**53, 2**53 + 1, -(2**53), -(2**53) - 1], pa.int64())
    assert cells_of(array, column("integer")) == [2**53, str(2**53 + 1), -(2**53), str(-(2**53) - 1)]


@pytest.mark.parametrize("width", [16, 32, 64])
@given(data=st.data())
def test_floats_come_back_exactly_with_nan_and_infinity(data: st.DataObject, width: Any) -> None:
    kind = {16: pa.float16(), 32: pa.float32(), 64: pa.float64()}[width]
    edges = [0.0, -0.0, math.nan, math.inf, -math.inf, *([1e300, -1e17, 1e16, 2.0**53, 5e-324] if width == 64 else [])]
    array = data.draw(arrays(kind, st.floats(width=width) | st.sampled_from(edges)))
    came = round_trip(array, column("float"))
    assert [None if v is None else str(v + 0.0) for v in came] == [
        None if v is None else str(v + 0.0) for v in array.to_pylist()
    ]


TEXTS = [
    "",
    "007",
    "=1+1",
    "+49 30",
    "TRUE",
    "1e5",
    "2026-01-31",
    "'quoted",
    "🚗" * 3,
    " padded ",
    "a\nb\t",
    "null",
    "\x00",
]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
@given(data=st.data())
def test_text_comes_back_as_it_was_and_empty_text_as_nothing(data: st.DataObject, kind: pa.DataType) -> None:
    array = data.draw(arrays(kind, st.sampled_from(TEXTS) | st.text(CHARACTERS)))
    assert round_trip(array, column("text")) == [v or None for v in array.to_pylist()]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()], ids=str)
@given(data=st.data())
def test_bytes_come_back_as_they_were(data: st.DataObject, kind: pa.DataType) -> None:
    array = data.draw(arrays(kind, st.binary(max_size=40)))
    assert round_trip(array, column("binary")) == [v or None for v in array.to_pylist()]


@given(arrays(pa.bool_(), st.booleans()))
def test_booleans_come_back_as_booleans(array: pa.Array) -> None:
    assert [(type(v), v) for v in round_trip(array, column("boolean"))] == [(type(v), v) for v in array.to_pylist()]


@given(
    arrays(
        pa.string(),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(CHARACTERS), st.lists, max_leaves=4).map(
            json.dumps
        ),
    )
)
def test_json_comes_back_as_the_same_json(array: pa.Array) -> None:
    assert round_trip(array, column("variant")) == [None if v is None else json.loads(v) for v in array.to_pylist()]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()], ids=str)
@given(data=st.data())
def test_dates_from_1800_to_2300_come_back_exactly(data: st.DataObject, kind: pa.DataType) -> None:
    array = data.draw(arrays(kind, st.dates(dt.date(1800, 1, 1), dt.date(2300, 12, 31))))
    assert round_trip(array, column("date")) == array.to_pylist()


@given(arrays(pa.time64("us"), st.times()))
def test_times_come_back_to_the_microsecond(array: pa.Array) -> None:
    assert round_trip(array, column("time")) == array.to_pylist()


@pytest.mark.parametrize("unit", ["s", "ms", "ns"])
@given(data=st.data())
def test_times_of_other_units_come_back_cut_to_the_microsecond(data: st.DataObject, unit: str) -> None:
    kind = pa.time64(unit) if unit == "ns" else pa.time32(unit)
    last = 86_400 * PER_SECOND[unit] - 1
    array = data.draw(arrays(pa.int64(), st.integers(0, last) | st.just(last)))
    times = array.cast(pa.int32() if unit != "ns" else pa.int64()).cast(kind)

    def expected(n: int) -> dt.time:
        return (dt.datetime.min + dt.timedelta(microseconds=n * 10**6 // PER_SECOND[unit])).time()

    assert round_trip(times, column("time")) == [None if n is None else expected(n) for n in array.to_pylist()]


def moments(unit: str) -> st.SearchStrategy[int]:
    """Counts of the unit since 1970, years 1800 to 2300, or as far as nanoseconds reach."""
    first, last = -5_364_662_400, 9_214_646_400 if unit == "ns" else 10_445_414_400
    whole = st.integers(first, last).map(lambda s: s * PER_SECOND[unit])
    return whole | st.integers(first * PER_SECOND[unit], last * PER_SECOND[unit])


def wall_clock(count: int, unit: str) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=count * 10**6 // PER_SECOND[unit])


@pytest.mark.parametrize("unit", list(PER_SECOND))
@given(data=st.data())
def test_timestamps_from_1800_to_2300_come_back_to_the_microsecond(data: st.DataObject, unit: str) -> None:
    counts = data.draw(arrays(pa.int64(), moments(unit)))
    array = counts.cast(pa.timestamp(unit))
    expected = [None if n is None else wall_clock(n, unit) for n in counts.to_pylist()]
    assert round_trip(array, column("timestamp")) == expected
    if unit == "ns":
        for n, cell in zip(counts.to_pylist(), cells_of(array, column("timestamp")), strict=True):
            if n is not None and n % 1000:
                assert cell.split(".")[1].ljust(9, "0") == f"{n % 10**9:09d}"


@pytest.mark.parametrize("unit", list(PER_SECOND))
@given(data=st.data(), zone=st.none() | st.sampled_from(ZONES), source=st.sampled_from(["UTC", "+05:30", *ZONES]))
def test_instants_come_back_as_the_same_instants(data: st.DataObject, unit: str, zone: str | None, source: str) -> None:
    counts = data.draw(arrays(pa.int64(), moments(unit)))
    array = counts.cast(pa.timestamp(unit, tz=source))
    came = round_trip(array, column("timestamp_tz", timezone=zone))
    expected = [None if n is None else wall_clock(n, unit).replace(tzinfo=UTC) for n in counts.to_pylist()]
    assert [v and v.astimezone(UTC) for v in came] == expected


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Europe/Dublin"])
@given(second=st.integers(0, 3 * 86_400), back=st.booleans())
def test_an_hour_that_the_clocks_repeat_keeps_its_two_instants_apart(zone: str, second: int, back: bool) -> None:
    days = {
        "America/New_York": (dt.date(2026, 3, 7), dt.date(2026, 10, 31)),
        "Europe/London": (dt.date(2026, 3, 28), dt.date(2026, 10, 24)),
        "Europe/Dublin": (dt.date(2026, 3, 28), dt.date(2026, 10, 24)),
        "Australia/Lord_Howe": (dt.date(2026, 10, 3), dt.date(2026, 4, 4)),
    }[zone]
    moment = dt.datetime.combine(days[back], dt.time(), UTC) + dt.timedelta(seconds=second)
    array = pa.array([moment], pa.timestamp("us", tz="UTC"))
    of = column("timestamp_tz", timezone=zone)
    local = moment.astimezone(ZoneInfo(zone))
    cell = cells_of(array, of)[0]
    assert isinstance(cell, str) == bool(local.fold)
    assert round_trip(array, of)[0].astimezone(UTC) == moment


def test_the_second_pass_through_a_repeated_hour_says_its_offset() -> None:
    both = [dt.datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (5, 6)]
    cells = cells_of(pa.array(both, pa.timestamp("ns", tz="UTC")), column("timestamp_tz", timezone="America/New_York"))
    assert cells == [46327 + 1.5 / 24, "2026-11-01T01:30:00-05:00"]


def test_summer_time_is_known_beyond_2037() -> None:
    noon = dt.datetime(2050, 7, 1, 16, tzinfo=UTC)
    cells = cells_of(
        pa.array([noon], pa.timestamp("us", tz="UTC")), column("timestamp_tz", timezone="America/New_York")
    )
    assert cells == [(dt.date(2050, 7, 1) - dt.date(1899, 12, 30)).days + 0.5]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("second", [dt.time(0, 0), dt.time(23, 59, 59)])
def test_the_last_day_of_the_calendar_does_not_stop_a_sync(zone: str, second: dt.time) -> None:
    moment = dt.datetime.combine(dt.date(9999, 12, 31), second, UTC)
    array = pa.array([moment], pa.timestamp("us", tz="UTC"))
    came = round_trip(array, column("timestamp_tz", timezone=zone))[0]
    assert came.replace(tzinfo=None) - came.utcoffset() == moment.replace(tzinfo=None)


def test_serials_are_days_since_the_end_of_1899() -> None:
    dates = pa.array([dt.date(1899, 12, 30), dt.date(1900, 1, 1), dt.date(2026, 1, 31), dt.date(1899, 12, 29)])
    assert cells_of(dates, column("date")) == [0, 2, 46053, "1899-12-29"]
    stamps = pa.array([dt.datetime(2026, 1, 31, 18), dt.datetime(2026, 1, 31), dt.datetime(1899, 12, 29, 6)])
    assert cells_of(stamps, column("timestamp")) == [46053.75, 46053, "1899-12-29T06:00:00"]
    assert cells_of(pa.array([dt.time(6), dt.time(0)]), column("time")) == [0.25, 0]


def test_microseconds_stay_numbers_as_long_as_doubles_hold_them() -> None:
    stamps = pa.array(
        [dt.datetime(2079, 6, 4, 0, 0, 0, 1), dt.datetime(2079, 6, 5, 0, 0, 0, 1), dt.datetime(2079, 6, 5)]
    )
    numbers = cells_of(stamps, column("timestamp"))
    assert isinstance(numbers[0], float)
    assert numbers[1:] == ["2079-06-05T00:00:00.000001", 65_536]


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00"),
        (-1, "1969-12-31T23:59:59.999999999"),
        (1_500_000_000, "1970-01-01T00:00:01.5"),
        (10, "1970-01-01T00:00:00.00000001"),
    ],
)
def test_iso_text_has_as_many_digits_as_the_second_has(nanoseconds: int, text: str) -> None:
    assert iso_wall_clock(nanoseconds) == text


EVERY_TYPE = {
    "text": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.decimal128(38, 4),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.time64("ns"),
    "timestamp": pa.timestamp("ns"),
    "timestamp_tz": pa.timestamp("ns", tz="UTC"),
    "variant": pa.string(),
    "binary": pa.binary(),
}


def test_every_column_type_is_in_these_tests() -> None:
    assert set(EVERY_TYPE) == {kind.value for kind in ColumnType}


@pytest.mark.parametrize("kind", EVERY_TYPE)
@pytest.mark.parametrize("zone", [None, "Asia/Kolkata"])
def test_columns_of_nulls_and_empty_batches_are_blank(kind: str, zone: str | None) -> None:
    of = column(kind, timezone=zone if kind == "timestamp_tz" else None)
    for source in (EVERY_TYPE[kind], pa.null()):
        assert cells_of(pa.nulls(3, source), of) == [None, None, None]
        assert cells_of(pa.nulls(0, source), of) == []
        assert accepts(of, source) is None


def test_rows_follow_the_spec_s_order_and_find_columns_by_name() -> None:
    batch = pa.RecordBatch.from_pydict({"A": [1, 2], "B": ["x", None]})
    wanted = [Column(name="B", type=ColumnType.TEXT), Column(name="A", type=ColumnType.INTEGER)]
    assert encode_rows(batch, wanted) == [("x", 1), (None, 2)]


@pytest.mark.parametrize(
    ("value", "one"),
    [(5.0, 5), (-0.0, 0), ("", None), (None, None), (True, True), (0.5, 0.5), ("x", "x"), (2.0**53, 2**53)],
)
def test_equal_cells_have_one_spelling(value: Any, one: Any) -> None:
    assert (type(canonical(value)), canonical(value)) == (type(one), one)


@pytest.mark.parametrize("number", [1e17, 1e20, 1e300, -1e16])
def test_a_large_double_has_one_spelling_however_it_was_written(number: float) -> None:
    assert orjson.dumps(canonical(int(number))) == orjson.dumps(canonical(number))


ACCEPTED = [
    ("text", pa.int32()),
    ("text", pa.decimal128(10, 2)),
    ("text", pa.large_string()),
    ("integer", pa.uint8()),
    ("integer", pa.decimal128(38, 0)),
    ("decimal", pa.int64()),
    ("decimal", pa.decimal256(60, 5)),
    ("float", pa.float32()),
    ("date", pa.date64()),
    ("time", pa.time32("s")),
    ("binary", pa.large_binary()),
]


@pytest.mark.parametrize(("kind", "source"), ACCEPTED, ids=str)
def test_a_source_type_that_fits_is_accepted(kind: str, source: pa.DataType) -> None:
    assert accepts(column(kind), source) is None


REFUSED = [
    ("text", pa.float64(), "declare type: float"),
    ("text", pa.date32(), "declare type: date"),
    ("integer", pa.decimal128(10, 2), "declare type: decimal"),
    ("integer", pa.float64(), "declare type: float"),
    ("integer", pa.string(), "declare type: text"),
    ("float", pa.decimal128(10, 0), "declare type: integer"),
    ("boolean", pa.int8(), "declare type: integer"),
    ("date", pa.timestamp("us"), "declare type: timestamp or"),
    ("timestamp", pa.timestamp("us", tz="UTC"), "declare type: timestamp_tz"),
    ("timestamp_tz", pa.timestamp("us"), "declare type: timestamp or"),
    ("time", pa.string(), "declare type: text"),
    ("variant", pa.int64(), "declare type: integer"),
    ("decimal", pa.large_binary(), "declare type: binary"),
    ("binary", pa.bool_(), "declare type: boolean"),
]


@pytest.mark.parametrize(("kind", "source", "fix"), REFUSED, ids=str)
def test_a_source_type_that_does_not_fit_is_refused_with_the_one_that_does(
    kind: str, source: pa.DataType, fix: str
) -> None:
    problem = accepts(column(kind), source)
    assert problem is not None
    assert str(source) in problem
    assert fix in problem


def test_a_scale_smaller_than_the_source_s_is_refused() -> None:
    assert accepts(column("decimal", scale=2), pa.decimal128(38, 2)) is None
    assert accepts(column("decimal", scale=4), pa.decimal128(38, 2)) is None
    assert "declare scale: 3" in str(accepts(column("decimal", scale=2), pa.decimal128(38, 3)))


@pytest.mark.parametrize("source", [*EVERY_TYPE.values(), pa.large_binary(), pa.decimal128(38, 0), pa.null()], ids=str)
def test_the_inferred_type_is_one_that_holds_the_source(source: pa.DataType) -> None:
    assert accepts(column(infer_type(source).value), source) is None


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (column("text"), None),
        (column("integer"), None),
        (column("decimal"), None),
        (column("decimal", scale=2), {"type": "NUMBER", "pattern": "0.00"}),
        (column("decimal", scale=2, format="#,##0"), {"type": "NUMBER", "pattern": "#,##0"}),
        (column("date"), {"type": "DATE", "pattern": "yyyy-mm-dd"}),
        (column("date", format="dd.mm.yyyy"), {"type": "DATE", "pattern": "dd.mm.yyyy"}),
        (column("time"), {"type": "TIME", "pattern": "hh:mm:ss"}),
        (column("timestamp"), {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"}),
        (column("timestamp_tz"), None),
        (column("timestamp_tz", timezone="UTC"), {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"}),
    ],
)
def test_a_column_s_number_format_follows_its_type(of: Column, expected: dict[str, str] | None) -> None:
    assert number_format(of) == expected
