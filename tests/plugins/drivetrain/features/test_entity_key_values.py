from __future__ import annotations

import datetime as dt

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.features.entity_key_values import key_values
from drivetrain.features.entity_keys import entity_keys
from drivetrain.features.value_types import VALUE_TYPES

TYPES = {name: VALUE_TYPES[kind] for name, kind in (("when", "UNIX_TIMESTAMP"), ("who", "STRING"), ("raw", "BYTES"))}
TYPES |= {"number": VALUE_TYPES["INT64"], "place": VALUE_TYPES["INT32"]}
rows = st.fixed_dictionaries(
    {
        "when": st.integers(-(2**31), 2**33).map(lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC)),
        "who": st.text(),
        "raw": st.binary(),
        "number": st.integers(-(2**63), 2**63 - 1),
        "place": st.integers(-(2**31), 2**31 - 1),
    }
)


@given(st.lists(rows, max_size=5))
def test_what_was_put_into_keys_is_read_from_them(given_rows: list[dict[str, object]]) -> None:
    columns = {
        name: pa.array([row[name] for row in given_rows], kind.arrow, safe=False) for name, kind in TYPES.items()
    }
    keys = entity_keys(columns, TYPES, "marketplace").to_pylist()
    places, found = key_values(keys, TYPES, "marketplace")
    assert places.tolist() == list(range(len(given_rows)))
    assert list(found) == list(TYPES), "in the view's order"
    assert pa.table(found).to_pylist() == given_rows


def test_keys_of_others_and_what_is_no_key_are_left_out() -> None:
    types = {"car": VALUE_TYPES["INT64"]}
    one = {"car": pa.array([7])}
    mine = entity_keys(one, types, "marketplace")[0].as_py()
    others = [
        entity_keys(one, types, "market")[0].as_py(),
        entity_keys(one, types, "marketplace2")[0].as_py(),
        entity_keys({"bus": one["car"]}, {"bus": types["car"]}, "marketplace")[0].as_py(),
        entity_keys({**one, "x": one["car"]}, {**types, "x": types["car"]}, "marketplace")[0].as_py(),
        entity_keys({"car": pa.array(["7"])}, {"car": VALUE_TYPES["STRING"]}, "marketplace")[0].as_py(),
        *(mine[:size] for size in range(len(mine))),
        b"something else",
    ]
    places, found = key_values([*others, mine], types, "marketplace")
    assert (places.tolist(), found["car"].to_pylist()) == ([len(others)], [7])
