"""Between cell values and Google's ExtendedValue and CellData."""

from __future__ import annotations

from typing import Any

from standins.sheets.errors import invalid
from standins.sheets.grid import ErrorValue, Formula, number
from standins.sheets.limits import Limits

# What a cell shows for an error, by Google's ErrorType.
ERROR_TEXT = {
    "ERROR": "#ERROR!",
    "NULL_VALUE": "#NULL!",
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "VALUE": "#VALUE!",
    "REF": "#REF!",
    "NAME": "#NAME?",
    "NUM": "#NUM!",
    "N_A": "#N/A",
    "LOADING": "Loading...",
}


def too_long(limits: Limits) -> Exception:
    """Google's words (freelabz/secator#96)."""
    return invalid(
        f"Your input contains more than the maximum of {limits.max_cell_characters} characters in a single cell."
    )


def from_extended(value: dict[str, Any] | None, limits: Limits) -> Any:
    """ExtendedValue -> cell value. A stringValue stays what it is: "007" and "=1+1" are text."""
    if not value:
        return None
    ((name, item),) = value.items()
    if name == "numberValue":
        if item != item or item in (float("inf"), float("-inf")):
            raise invalid(f"Invalid number value: {item}")
        return number(item)
    if name == "stringValue":
        if len(item) > limits.max_cell_characters:
            raise too_long(limits)
        return item if item else None
    if name == "formulaValue":
        if len(item) > limits.max_cell_characters:
            raise too_long(limits)
        if not item.startswith("="):
            raise invalid(f"Invalid formula value: {item}. A formula must start with '='.")
        return Formula(item)
    if name == "boolValue":
        return item
    # The reference calls errorValue read-only: "only present for effective values".
    raise invalid("Cannot set errorValue: the field is read-only.")


def to_extended(value: Any) -> dict[str, Any] | None:
    """Cell value -> ExtendedValue; None for an empty cell."""
    kind = type(value)
    if value is None:
        return None
    if kind is str:
        return {"stringValue": value}
    if kind is bool:
        return {"boolValue": value}
    if kind is Formula:
        return {"formulaValue": value.text}
    if kind is ErrorValue:
        return {"errorValue": {"type": value.type, "message": value.message}}
    return {"numberValue": value}
