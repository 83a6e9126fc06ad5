"""How one entity's hash is read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.features.hash_reads import Group, JoinKey
from drivetrain.features.value_types import VALUE_TYPES

NAMES = [b"a", b"b", b"c", b"_ts:cars", b"left from a view that is gone"]
ALL = Group(b"car", (JoinKey("car", VALUE_TYPES["INT64"]),), b"market", (b"_ts:cars", b"a", b"b"), known=4)
HASH = st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=3)).flatmap(
    lambda found: st.permutations(list(found.items()))
)


@given(st.lists(HASH, max_size=5))
def test_whatever_the_hashes_hold_all_of_them_says_the_same_as_field_by_field(
    hashes: list[list[tuple[bytes, bytes]]],
) -> None:
    whole: list[list[bytes | None]] = [[part for pair in pairs for part in pair] for pairs in hashes]
    single = [[dict(pairs).get(field) for field in ALL.fields] for pairs in hashes]
    some = replace(ALL, known=40)
    assert (ALL.operation, some.operation) == ("HGETALL", "HMGET")
    assert [list(row) for row in ALL.rows(whole)] == single == some.rows(single)


@pytest.mark.parametrize(
    ("known", "sent"),
    [
        (4, b"*2\r\n$7\r\nHGETALL\r\n$3\r\nkey\r\n"),
        (5, b"*5\r\n$5\r\nHMGET\r\n$3\r\nkey\r\n$8\r\n_ts:cars\r\n$1\r\na\r\n$1\r\nb\r\n"),
    ],
)
def test_a_request_for_most_of_a_hash_is_sent_as_one_for_all_of_it(known: int, sent: bytes) -> None:
    assert replace(ALL, known=known).read(b"key") == sent
