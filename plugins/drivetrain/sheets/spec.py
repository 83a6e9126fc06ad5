"""The spec of one sync, Snowflake -> Google Sheets: one YAML file in include/specs/sheets/."""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from drivetrain.sheets import a1, limits
from drivetrain.spec_types import Description, Duration, Email, Schedule, Slug, Timezone, parse_duration
from drivetrain.specs import ClosedModel


class Mode(StrEnum):
    """What a sync does to rows that the tab already has."""

    REPLACE = "replace"
    APPEND = "append"
    UPSERT = "upsert"
    MIRROR = "mirror"


class Drift(StrEnum):
    """What happens when the query or the tab has other columns than the spec."""

    FAIL = "fail"
    ADD = "add"
    IGNORE = "ignore"


class Edits(StrEnum):
    """What happens to rows that people changed since the sync's last write."""

    OVERWRITE = "overwrite"
    KEEP = "keep"
    REPORT = "report"


class ColumnType(StrEnum):
    """How a column's values are held in cells; see docs/SHEETS.md for each one's exactness."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMESTAMP_TZ = "timestamp_tz"
    VARIANT = "variant"
    BINARY = "binary"


SpreadsheetId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{20,100}$")]


class Priority(StrEnum):
    """Which syncs go first where many wait, and may use what is kept of the quota for them."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class CatchUp(StrEnum):
    """What happens to due times that passed while nothing ran: the last of them, each of them, or none."""

    LATEST = "latest"
    ALL = "all"
    SKIP = "skip"


class FromRun(ClosedModel):
    """A parameter that the run gives: the data interval's ends (timestamps, UTC) or the run's date."""

    from_: Literal["interval_start", "interval_end", "run_date"] = Field(alias="from")


def _parameter(value: object) -> object:
    """One message instead of one for each type that a parameter may have."""
    from_run = get_args(FromRun.model_fields["from_"].annotation)
    is_from = isinstance(value, dict) and list(value) == ["from"] and value["from"] in from_run
    if is_from or value is None or isinstance(value, FromRun | str | int | float):
        return value
    choices = ", ".join(f"{{from: {name}}}" for name in from_run)
    raise ValueError(f"write a text, a number, true, false or null, or one of {choices}")


Parameter = Annotated[FromRun | str | int | float | bool | None, BeforeValidator(_parameter)]


class Source(ClosedModel):
    """A query. Exactly one of `sql` (a file below include/sql/) and `query` (the text).

    Attributes:
        watermark: a query of one value that changes with what the query would give; in place of the tables' own times.
        always_run: run the query even if its tables have not changed.
    """

    connection: str = "snowflake_default"
    sql: Annotated[str, StringConstraints(pattern=r"^[\w./-]+\.sql$")] | None = None
    query: Annotated[str, StringConstraints(min_length=1)] | None = None
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    watermark: Annotated[str, StringConstraints(min_length=1)] | None = None
    always_run: bool = False

    @model_validator(mode="after")
    def _one_query(self) -> Self:
        if (self.sql is None) == (self.query is None):
            raise ValueError("give exactly one of sql (a file below include/sql) and query (the text)")
        if self.sql and (self.sql.startswith("/") or ".." in self.sql.split("/")):
            raise ValueError("sql must stay below include/sql")
        return self

    @model_validator(mode="after")
    def _a_watermark_of_use(self) -> Self:
        if self.watermark is None:
            return self
        if self.always_run:
            raise ValueError("watermark has no use where always_run is true: remove one of them")
        if "{{" in self.watermark or "{%" in self.watermark:
            raise ValueError("watermark: workers render no template, write %(name)s and give parameters")
        if missing := set(re.findall(r"%\((\w+)\)s", self.watermark)) - set(self.parameters):
            raise ValueError(f"watermark: {', '.join(sorted(missing))} has no value: add it to parameters")
        return self


class Target(ClosedModel):
    """Where the rows go. The header stands in the anchor's row, the data below it."""

    connection: str = "google_sheets_default"
    spreadsheet_id: SpreadsheetId
    tab: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    anchor: str = "A1"

    @field_validator("anchor")
    @classmethod
    def _anchor(cls, value: str) -> str:
        row, column = a1.parse_cell(value)
        return a1.cell(row, column)


class Column(ClosedModel):
    """One column of the result.

    Attributes:
        name: the column's name in the query's result, as Snowflake gives it (upper case unless quoted).
        header: what the tab shows; the name if absent.
        scale: digits after the point, decimals only; checked against the source.
        format: Google's number format pattern; a sensible one for the type if absent.
        timezone: timestamp_tz only: show the wall clock of that zone. Without it the cell holds ISO 8601 text.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    header: str | None = None
    type: ColumnType
    scale: Annotated[int, Field(ge=0, le=37)] | None = None
    format: str | None = None
    timezone: Timezone | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.scale is not None and self.type is not ColumnType.DECIMAL:
            raise ValueError(f"scale belongs to type decimal, not to {self.type.value}")
        if self.timezone is not None and self.type is not ColumnType.TIMESTAMP_TZ:
            raise ValueError(f"timezone belongs to type timestamp_tz, not to {self.type.value}")
        return self

    @property
    def title(self) -> str:
        """What the header cell holds."""
        return self.header or self.name

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone whose wall clock the cells show."""
        return ZoneInfo(self.timezone) if self.timezone else None


class Guards(ClosedModel):
    """What a run may not do, however right it looks to the query.

    Attributes:
        allow_empty: an empty result may empty the tab.
        max_delete_share: the largest share of the tab's rows that one run may take away, 0 to 1.
        row_limit: more rows than this are a mistake in the query.
    """

    allow_empty: bool = False
    max_delete_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    row_limit: Annotated[int, Field(gt=0, le=limits.MAX_CELLS_PER_WORKBOOK)] = 200_000


class SheetSyncSpec(ClosedModel):
    """One sync: a query's rows in one tab of one workbook."""

    sync: Slug
    description: Description
    team: Slug
    owner: Email
    schedule: Schedule | None = None
    freshness: Duration = "24h"
    check_every: Duration = "24h"
    catch_up: CatchUp = CatchUp.LATEST
    priority: Priority = Priority.NORMAL
    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    source: Source
    target: Target
    mode: Mode
    keys: tuple[str, ...] = ()
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=limits.MAX_COLUMNS_PER_TAB)]
    drift: Drift = Drift.FAIL
    edits: Edits = Edits.OVERWRITE
    guards: Guards = Guards()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [column.name for column in self.columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"columns: {', '.join(twice)} appears twice")
        headers = [column.title for column in self.columns]
        if twice := sorted({header for header in headers if headers.count(header) > 1}):
            raise ValueError(f"columns: the header {', '.join(twice)} appears twice")
        if self.mode in (Mode.UPSERT, Mode.MIRROR) and not self.keys:
            raise ValueError(f"keys: mode {self.mode.value} needs at least one key column")
        if self.mode is Mode.REPLACE and self.keys:
            raise ValueError("keys: mode replace has no use for keys, remove them or choose mirror")
        if self.mode is Mode.REPLACE and self.edits is Edits.KEEP:
            raise ValueError("edits: keep needs rows with keys: choose mode mirror, or edits: report")
        if unknown := [key for key in self.keys if key not in names]:
            raise ValueError(f"keys: {', '.join(unknown)} is not among the columns")
        _, column = a1.parse_cell(self.target.anchor)
        if column + len(self.columns) > limits.MAX_COLUMNS_PER_TAB:
            raise ValueError(f"target.anchor: a tab has at most {limits.MAX_COLUMNS_PER_TAB} columns")
        return self

    @property
    def freshness_objective(self) -> dt.timedelta:
        """How old the tab may become."""
        return parse_duration(self.freshness)

    @property
    def check_interval(self) -> dt.timedelta:
        """How long the sheet may go without being looked at while its source does not change."""
        return parse_duration(self.check_every)
