"""Where two serialized DAGs differ: the field that makes a new version with each parse."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MISSING = "(missing)"


def first_difference(one: Any, other: Any) -> tuple[str, Any, Any] | None:
    """The first place at which two JSON values differ, and both values there; None where they are equal.

    A task is named by its id, such as `dag.tasks[write].op_kwargs.at`.
    """
    return next(_differences(one, other, ""), None)


def _differences(one: Any, other: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if one == other:
        return
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}, key=str):
            # Airflow wraps a value with its type; for a person that is no step of the path.
            step = path if key in ("__var", "__type") else f"{path}.{key}".lstrip(".")
            yield from _differences(one.get(key, _MISSING), other.get(key, _MISSING), step)
    elif isinstance(one, list) and isinstance(other, list):
        for place, (left, right) in enumerate(zip_longest(one, other, fillvalue=_MISSING)):
            yield from _differences(left, right, f"{path}[{_name(left) or place}]")
    else:
        yield path, one, other


def _name(value: Any) -> str:
    inner = value.get("__var", value) if isinstance(value, dict) else None
    return str(inner["task_id"]) if isinstance(inner, dict) and "task_id" in inner else ""
