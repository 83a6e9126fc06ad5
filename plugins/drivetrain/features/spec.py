"""The spec of one feature view's way into Redis: one YAML file in include/specs/features/.

It says what Feast's definition does not: when, how late rows may come, and what has to be true of rows before anybody
is served them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, field_validator, model_validator

from drivetrain.spec_types import Duration, Email, Schedule, Slug, parse_duration
from drivetrain.specs import ClosedModel

if TYPE_CHECKING:
    import datetime as dt

MAX_SHARDS = 64
PLATFORM_DAGS = ("audit", "health", "prune")  # features_<one of these> is not a view's
SET_ASIDE = "set-aside"  # where files go that are not fit to be loaded
Share = Annotated[float, Field(ge=0, le=1)]


class FeatureGate(ClosedModel):
    """What has to be true of one feature's values in a run.

    Attributes:
        max_null_share: the largest share of rows without a value, 0 to 1.
        min: numbers only: the least that is plausible.
        max: numbers only: the most.
        max_outside_share: the largest share of rows whose value is below `min` or above `max`, 0 to 1.
        max_psi: numbers only: how much the values' distribution may differ from last week's, as a population stability
            index; 0.1 is called little, 0.25 much.
    """

    max_null_share: Share = 1
    min: float | None = None
    max: float | None = None
    max_outside_share: Share = 0
    max_psi: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min: {self.min:g} is more than max, {self.max:g}")
        if self.max_outside_share and not self.is_bounded:
            raise ValueError("max_outside_share: says nothing without min or max")
        return self

    @property
    def is_bounded(self) -> bool:
        """Whether there is a least or a most."""
        return self.min is not None or self.max is not None

    @property
    def is_for_numbers(self) -> bool:
        """Whether it says something that only numbers can be held to."""
        return self.is_bounded or self.max_psi is not None


class RowGate(ClosedModel):
    """How many rows a run may have.

    Attributes:
        min: fewer than that are a mistake. A run that reads only what is new may well have none.
        max_times_usual: more than so many times the median of the runs before are a mistake; it is asked once there are
            five of them.
    """

    min: Annotated[int, Field(ge=0)] = 0
    max_times_usual: Annotated[float, Field(gt=1)] = 10


class Gates(ClosedModel):
    """What has to be true of a run's rows; else none of them is written.

    Attributes:
        rows: how many.
        psi_rows: with fewer rows than that no distribution is compared.
        features: by the feature's name.
    """

    rows: RowGate = RowGate()
    psi_rows: Annotated[int, Field(ge=100)] = 1_000
    features: dict[str, FeatureGate] = Field(default_factory=dict)


class Audit(ClosedModel):
    """How what is served is held to what BigQuery has, once a day.

    Attributes:
        entities: how many, drawn anew each time.
        max_skew: the largest share of them, 0 to 1, for which Redis may have nothing, or a feature of another value.
    """

    entities: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    max_skew: Share = 0.001


class Incoming(ClosedModel):
    """What rows have to be like that are loaded into the view's table, a file or a query's result at a time.

    Attributes:
        max_reject_share: the largest share of rows that may be set aside, 0 to 1; above it none is loaded.
        max_times_usual: with more rows than so many times the median of those before none is loaded; it is asked once
            there are five of them.
    """

    max_reject_share: Share = 0.01
    max_times_usual: Annotated[float, Field(gt=1)] = 10


class Landing(Incoming):
    """Where files with the view's rows arrive.

    Attributes:
        bucket: of Google Cloud Storage.
        prefix: of the files' names; what arrives elsewhere is of no interest.
    """

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")]
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9=._-]+/)+$")]

    @field_validator("prefix")
    @classmethod
    def _not_ours(cls, prefix: str) -> str:
        if prefix.startswith(f"{SET_ASIDE}/"):
            raise ValueError(f"{SET_ASIDE}/ is for files that were set aside, choose another")
        return prefix


class Load(Incoming):
    """A query of Snowflake's whose rows are loaded into the view's table, before each run.

    Attributes:
        sql: its file below include/sql/: a SELECT of the view's columns but the one of when rows were made, of what was
            new from %(since)s on and before %(until)s.
        connection: Airflow's, to Snowflake.
        overlap: how long before the last load's end it asks again, for rows that were on their way then. They are
            loaded twice, which the table has to have room for and nobody else sees.
    """

    sql: Annotated[str, Field(pattern=r"^([a-z0-9_]+/)*[a-z0-9_]+\.sql$")]
    connection: str = "snowflake_default"
    overlap: Duration = "5m"

    @property
    def overlap_time(self) -> dt.timedelta:
        """How long before the last load's end it asks again."""
        return parse_duration(self.overlap)


class Prune(ClosedModel):
    """How Redis forgets entities, once a day: those of which the view's source has no row any more, and old ones.

    Attributes:
        max_share: the largest share of the view's entities in Redis, 0 to 1, that one run may remove; more look like a
            source that lost its rows, and none is removed.
        after_ttl: how long after the view's `ttl` features may still be there, for servers that serve what is too old;
            None: for ever, or until the store's `expire_seconds`.
    """

    max_share: Share = 0.05
    after_ttl: Duration | None = None

    @property
    def time_after_ttl(self) -> dt.timedelta | None:
        """How long after the view's ttl features may still be there."""
        return None if self.after_ttl is None else parse_duration(self.after_ttl)


class FeatureSpec(ClosedModel):
    """How one feature view gets from BigQuery into Redis.

    Attributes:
        view: as feature_repo/ calls it; the file's name too.
        freshness: how old what is served may become.
        overlap: how long before the last run's end a run reads again, for rows that were on their way then.
        lateness: how late a row may come at all: how long before the last run's end its event time may be. It bounds
            what a query scans.
        shards: how many tasks write side by side.
        max_gib: a run that would scan more of BigQuery's than that is refused.
        landing: where files arrive that are loaded into the view's table; None: somebody else fills it.
        load: a query whose rows are loaded into it; None: there is none.
        prune: how Redis forgets what the source has no more; None: it does not.
    """

    view: Slug
    team: Slug
    owner: Email
    schedule: Schedule | None = None
    freshness: Duration = "24h"
    overlap: Duration = "1h"
    lateness: Duration = "7d"
    shards: Annotated[int, Field(ge=1, le=MAX_SHARDS)] = 1
    max_gib: Annotated[float, Field(gt=0)] = 100
    gates: Gates = Gates()
    audit: Audit = Audit()
    landing: Landing | None = None
    load: Load | None = None
    prune: Prune | None = None

    @field_validator("view")
    @classmethod
    def _not_a_dag_of_ours(cls, view: str) -> str:
        if view in PLATFORM_DAGS:
            raise ValueError(f"{view!r}: features_{view} is a DAG of all views, call the view otherwise")
        return view

    @property
    def freshness_objective(self) -> dt.timedelta:
        """How old what is served may become."""
        return parse_duration(self.freshness)

    @property
    def overlap_time(self) -> dt.timedelta:
        """How long before the last run's end a run reads again."""
        return parse_duration(self.overlap)

    @property
    def lateness_time(self) -> dt.timedelta:
        """How late a row may come."""
        return parse_duration(self.lateness)
