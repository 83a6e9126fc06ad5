"""A query's result as rows of a feature view: its columns by their names, and Snowflake's JSON as lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from drivetrain.features.encode import ColumnRefusedError
from drivetrain.features.file_rows import file_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from drivetrain.features.value_types import ValueType
    from drivetrain.features.view import View


def column_places(names: Sequence[str], view: View, *, where: str) -> list[int]:
    """Where in a result the view's columns are, in the order of file_columns; others are of no interest.

    Snowflake writes a name without quotes in capitals, so that case counts only where two names differ by it alone:
    https://docs.snowflake.com/en/sql-reference/identifiers-syntax

    Args:
        names: of the result's columns.
        view: whose rows they are to be.
        where: the query's file, for errors.

    Raises:
        ColumnRefusedError: one is missing.
    """
    exact = {name: place for place, name in enumerate(names)}
    loose = {name.casefold(): place for place, name in reversed(list(enumerate(names)))}
    found = {name: exact.get(name, loose.get(name.casefold())) for name in file_columns(view)}
    if missing := [name for name, place in found.items() if place is None]:
        raise ColumnRefusedError(
            f"{where}: has no column {', '.join(missing)}, which feature view {view.name} asks for; it has "
            f"{', '.join(names)}"
        )
    return [place for place in found.values() if place is not None]


def view_batches(
    batches: Iterable[pa.RecordBatch], places: Sequence[int], view: View, *, where: str
) -> Iterator[pa.RecordBatch]:
    """The same rows with the view's columns.

    Args:
        batches: of the result.
        places: see column_places.
        view: whose rows they are to be.
        where: the query's file, for errors.

    Raises:
        ColumnRefusedError: a column can't be what the view says.
    """
    names = file_columns(view)
    kinds = {**view.join_keys, **view.features}
    for batch in batches:
        columns = [
            _column(batch.column(place), kinds.get(name), name, where)
            for name, place in zip(names, places, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(columns, names)


def _column(column: pa.Array, kind: ValueType | None, name: str, where: str) -> pa.Array:
    if kind is None:  # the event time
        return column
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if kind.is_collection and is_text:  # ARRAY and VARIANT come as JSON
        try:
            values = [None if text is None else orjson.loads(text) for text in column.to_pylist()]
            return pa.array(values, pa.large_list(kind.arrow))
        except (orjson.JSONDecodeError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ColumnRefusedError(
                f"{where}: column {name}: is text that is no JSON of {kind.name}: {str(error).splitlines()[0]}"
            ) from None
    if pa.types.is_decimal(column.type) and pa.types.is_floating(kind.arrow):
        return pc.cast(column, kind.arrow, safe=False)  # NUMBER(12,2) has no exact binary number
    return column
