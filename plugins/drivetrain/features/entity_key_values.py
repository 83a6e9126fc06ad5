"""What an entity's key in Redis says: the way back from entity_keys."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from drivetrain.features.entity_keys import head_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from drivetrain.features.value_types import ValueType

_NUMBERS = {"INT32": "<i", "INT64": "<q", "UNIX_TIMESTAMP": "<q"}


def key_values(
    keys: Sequence[bytes], types: Mapping[str, ValueType], project: str
) -> tuple[NDArray[np.int64], Mapping[str, pa.Array]]:
    """Each join key's values, and of which keys they are: those of other entities or projects are left out.

    Args:
        keys: n keys of Redis.
        types: each join key's type, one of entity_keys.KEY_TYPES.
        project: Feast's.
    """
    names = sorted(types)
    head, tail = head_of(names), project.encode()
    chosen = [types[name] for name in names]
    places, rows = [], []
    for place, key in enumerate(keys):
        row = _values(key, head, chosen, tail)
        if row is not None:
            places.append(place)
            rows.append(row)
    columns = {
        name: pa.array([row[number] for row in rows], pa.int64() if kind.name in _NUMBERS else kind.arrow)
        for number, (name, kind) in enumerate(zip(names, chosen, strict=True))
    }
    return np.array(places, dtype=np.int64), {name: columns[name].cast(types[name].arrow) for name in types}


def _values(key: bytes, head: bytes, types: Sequence[ValueType], tail: bytes) -> list[Any] | None:
    """None: it is of another entity, or no key at all."""
    if not key.startswith(head):
        return None
    at, row = len(head), []
    try:
        for kind in types:
            number, size = struct.unpack_from("<II", key, at)
            at += 8
            value = key[at : at + size]
            at += size
            if number != kind.number or len(value) != size:
                return None
            if kind.name in _NUMBERS:
                row.append(struct.unpack(_NUMBERS[kind.name], value)[0])
            else:
                row.append(value.decode() if kind.name == "STRING" else value)
    except (struct.error, UnicodeDecodeError):
        return None
    return row if key[at:] == tail else None
