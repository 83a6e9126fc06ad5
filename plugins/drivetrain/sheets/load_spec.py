"""The spec of one load, Google Sheets -> Snowflake: one YAML file in include/specs/sheet_loads/."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from drivetrain.sheets import limits
from drivetrain.sheets.header import normal
from drivetrain.sheets.spec import Column, ColumnType, Target
from drivetrain.spec_types import Description, Duration, Email, Schedule, Slug, parse_duration
from drivetrain.specs import ClosedModel

if TYPE_CHECKING:
    import datetime as dt

# https://docs.snowflake.com/en/sql-reference/identifiers-syntax: unquoted identifiers
_IDENTIFIER = re.compile(r"^[A-Za-z_][A-Za-z0-9_$]{0,254}$")
# Equal for people and unequal for a database, or the other way around.
_NO_KEYS = (ColumnType.FLOAT, ColumnType.VARIANT)


class LoadMode(StrEnum):
    """What a load does to rows that the table already has."""

    MERGE = "merge"
    REPLACE = "replace"


class HeaderDrift(StrEnum):
    """What happens when the tab has other headers than the spec."""

    FAIL = "fail"
    IGNORE = "ignore"


def _table(name: str) -> str:
    parts = name.split(".")
    if len(parts) != 3 or not all(_IDENTIFIER.match(part) for part in parts):
        raise ValueError("write the table as DATABASE.SCHEMA.TABLE, of letters, digits, _ and $")
    return name.upper()


TableName = Annotated[str, AfterValidator(_table)]


class TabSource(Target):
    """Where the rows come from. The header stands in the anchor's row, from the anchor's column on."""


class TableTarget(ClosedModel):
    """Where the rows go; the table has to exist."""

    connection: str = "snowflake_default"
    table: TableName


class LoadColumn(Column):
    """One column of the table, found in the tab by its header.

    Attributes:
        name: the table's column, as Snowflake keeps it (upper case unless quoted).
        header: what the tab's header says; the name if absent. Case and runs of blanks do not matter.
        scale: digits after the point; decimals need it.
        required: a row without it is set aside. Keys and NOT NULL columns of the table always are.
    """

    required: bool = False

    @model_validator(mode="after")
    def _for_a_load(self) -> Self:
        if self.format is not None:
            raise ValueError("format is for tabs that are written, remove it")
        if self.type is ColumnType.DECIMAL and self.scale is None:
            raise ValueError("type decimal needs a scale, the digits after the point")
        return self


class LoadGuards(ClosedModel):
    """What a run may not do, however right the tab looks.

    Attributes:
        allow_empty: a tab without rows is fine; with mode replace it empties the table.
        max_reject_share: the largest share of the tab's rows that may be set aside, 0 to 1. Above it nothing is
            loaded at all. Give 0 where a table with some rows missing does more harm than an old one.
        max_delete_share: mode replace: how much smaller than before the table may become, 0 to 1.
        row_limit: more rows than this are a mistake.
    """

    allow_empty: bool = False
    max_reject_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    max_delete_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    row_limit: Annotated[int, Field(gt=0, le=limits.MAX_CELLS_PER_WORKBOOK)] = 200_000


class SheetLoadSpec(ClosedModel):
    """One load: a tab's rows in one table.

    Attributes:
        keys: mode merge: what a row is known by. Mode replace: may be left out; if given, they have to be unique.
        drift: headers that the spec does not list: fail, or ignore them. A missing header always fails.
    """

    load: Slug
    description: Description
    team: Slug
    owner: Email
    schedule: Schedule | None = None
    freshness: Duration = "24h"
    source: TabSource
    target: TableTarget
    mode: LoadMode
    keys: tuple[str, ...] = ()
    columns: Annotated[tuple[LoadColumn, ...], Field(min_length=1, max_length=limits.MAX_COLUMNS_PER_TAB)]
    drift: HeaderDrift = HeaderDrift.FAIL
    guards: LoadGuards = LoadGuards()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [column.name for column in self.columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"columns: {', '.join(twice)} appears twice")
        headers = [normal(column.title) for column in self.columns]
        if twice := sorted({column.title for column in self.columns if headers.count(normal(column.title)) > 1}):
            raise ValueError(f"columns: the header {', '.join(twice)} appears twice")
        if self.mode is LoadMode.MERGE and not self.keys:
            raise ValueError("keys: mode merge needs at least one key column")
        if unknown := [key for key in self.keys if key not in names]:
            raise ValueError(f"keys: {', '.join(unknown)} is not among the columns")
        if len(set(self.keys)) < len(self.keys):
            raise ValueError("keys: a column appears twice")
        for column in self.columns:
            if column.name in self.keys and column.type in _NO_KEYS:
                raise ValueError(f"keys: {column.name} is a {column.type.value}, which no row can be known by")
        return self

    @property
    def freshness_objective(self) -> dt.timedelta:
        """How old the table may become."""
        return parse_duration(self.freshness)
