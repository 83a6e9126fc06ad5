"""Rows that were left out, and why. A bad row is set aside; the batch goes on and nothing is lost in silence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_SHOWN_CHARACTERS = 200


class Reason(StrEnum):
    """Why a row was set aside."""

    DUPLICATE_KEY = "duplicate_key"
    NULL_KEY = "null_key"
    CELL_TOO_LONG = "cell_too_long"
    BAD_CELL = "bad_cell"
    MISSING_VALUE = "missing_value"


@dataclass(frozen=True)
class Reject:
    """One row that was set aside.

    Attributes:
        row: its number in the query's result or in the tab, from 1.
        column: the column at fault.
        address: the cell in A1 notation where the source is a tab, else "".
        key: the row's key as text, as far as it is known.
        value: the beginning of the offending value.
        detail: one sentence with what would be accepted.
    """

    row: int
    column: str
    reason: Reason
    key: str
    value: str
    detail: str
    address: str = ""

    @staticmethod
    def shown(value: object) -> str:
        """The beginning of a value, for the reject table."""
        text = str(value)
        return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}… ({len(text)} characters)"
