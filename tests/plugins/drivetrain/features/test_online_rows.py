"""What of a batch is written: each entity's latest row, and nothing that has no entity or no time."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.connection import Connection

from drivetrain.features.decode import decode
from drivetrain.features.encode import ColumnRefusedError
from drivetrain.features.online_rows import prepare
from drivetrain.features.redis_commands import commands, variadic
from drivetrain.features.timestamps import decode_time, encode_times
from drivetrain.features.value_types import VALUE_TYPES
from drivetrain.features.view import View

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
VIEW = View(
    project="market",
    name="cars",
    join_keys={"car": VALUE_TYPES["INT64"], "city": VALUE_TYPES["STRING"]},
    features={"price": VALUE_TYPES["INT64"]},
    timestamp_field="at",
    created_field="made",
)
Row = tuple[int | None, str, int | None, int | None, int]


def batch(rows: list[Row], **columns: Any) -> pa.Table:
    """Rows of car, city, minutes after noon of the event and of its making, and price."""
    cars, cities, events, made, prices = zip(*rows, strict=True) if rows else ([], [], [], [], [])

    def times(minutes: Any) -> pa.Array:
        after = [None if one is None else NOON + dt.timedelta(minutes=one) for one in minutes]
        return pa.array(after, pa.timestamp("us", "UTC"))

    return pa.table(
        {
            "car": pa.array(cars, pa.int64()),
            "city": pa.array(cities, pa.string()),
            "at": times(events),
            "made": times(made),
            "price": pa.array(prices, pa.int64()),
            **columns,
        }
    )


def prices(table: pa.Table) -> list[Any]:
    return [decode(one) for one in prepare(table, VIEW).rows.values[0].to_pylist()]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(["Pune", "Goa"]),
            st.integers(0, 3),
            st.none() | st.integers(0, 3),
            st.integers().filter(lambda one: abs(one) < 2**62),
        ),
        max_size=30,
    )
)
def test_of_an_entity_the_latest_row_counts_and_of_one_time_the_one_made_last(rows: list[Row]) -> None:
    latest: dict[tuple[int | None, str], Row] = {}
    for row in rows:
        before = latest.get(row[:2])
        made = -1 if row[3] is None else row[3]
        if before is None or (row[2], made) >= (before[2], -1 if before[3] is None else before[3]):
            latest[row[:2]] = row
    prepared = prepare(batch(rows), VIEW)
    assert sorted(prices(batch(rows))) == sorted(row[4] for row in latest.values())
    assert len(prepared.rows) + prepared.superseded == len(rows)


def test_a_row_without_an_entity_or_a_time_is_rejected_with_its_place_and_the_others_are_not() -> None:
    table = batch([(1, "Pune", 0, 0, 7), (None, "Pune", 0, 0, 8), (3, "Goa", None, 0, 9), (None, "Goa", None, 0, 1)])
    prepared = prepare(table, VIEW)
    assert prices(table) == [7]
    assert {why: places.tolist() for why, places in prepared.rejected.items()} == {
        "car: is missing": [1, 3],
        "at: is missing": [2],
    }


def test_a_batch_without_a_column_is_refused_by_the_column_s_name() -> None:
    with pytest.raises(ColumnRefusedError, match=r"feature view cars: the batch has no column made, price; it has"):
        prepare(batch([]).drop(["made", "price"]), VIEW)
    with pytest.raises(ColumnRefusedError, match="column at: is int64 and not a timestamp"):
        prepare(batch([(1, "Pune", 0, 0, 7)]).set_column(2, "at", pa.array([5])), VIEW)


def test_an_empty_batch_is_nothing_to_write() -> None:
    prepared = prepare(batch([]), VIEW)
    assert (len(prepared.rows), prepared.superseded, prepared.rejected) == (0, 0, {})


def test_what_is_stored_and_newer_stays_and_what_is_as_old_is_written_again() -> None:
    rows = prepare(batch([(1, "Pune", 5, 0, 7), (2, "Pune", 5, 0, 8), (3, "Pune", 5, 0, 9)]), VIEW).rows
    minute = 60_000_000
    stored = [*encode_times(rows.times[:1] + minute).to_pylist(), *encode_times(rows.times[:1]).to_pylist(), None]
    assert rows.due(stored).tolist() == [1, 2]


@given(st.lists(st.integers(-(10**15), 10**15), max_size=20))
def test_a_time_comes_back_as_it_was(times: list[int]) -> None:
    written = encode_times(np.array(times, dtype=np.int64)).to_pylist()
    assert [decode_time(one) for one in written] == times


@given(st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=1_500)), min_size=1, max_size=20))
def test_commands_are_those_that_the_client_would_send(rows: list[tuple[bytes, bytes]]) -> None:
    first, second = (pa.array(column, pa.large_binary()) for column in zip(*rows, strict=True))
    packed = Connection().pack_commands([(b"HSET", key, b"field", value) for key, value in rows])
    made = commands(b"HSET", first, b"field", second)
    assert (bytes(made.data), len(made)) == (b"".join(packed), len(rows))
    assert variadic(b"WATCH", first) == b"".join(Connection().pack_command(b"WATCH", *(key for key, _ in rows)))
