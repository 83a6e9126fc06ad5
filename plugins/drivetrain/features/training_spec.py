"""The spec of one training set: one YAML file in include/specs/training_sets/."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from drivetrain.spec_types import Description, Email, Schedule, Slug
from drivetrain.specs import ClosedModel

_PART = r"[A-Za-z0-9_-]{1,1024}"
Table = Annotated[str, StringConstraints(pattern=rf"^{_PART}\.{_PART}\.{_PART}$")]
Column = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,299}$")]


class TrainingSetSpec(ClosedModel):
    """Rows that somebody labelled, each with the features that were known at its time.

    Attributes:
        sql: the rows, a SELECT of BigQuery's below include/sql/: entities, times, labels, and whatever else there is.
        time: the column of when features would have been asked for, a TIMESTAMP.
        service: the feature service whose features they get.
        target: BigQuery's table, which is replaced as a whole.
        full_names: columns are called view__feature and not feature.
        as_known: only rows of features count that were made by then. Off where the features' history was made later.
        max_gib: a run that would scan more of BigQuery's than that is refused.
    """

    training_set: Slug
    description: Description
    team: Slug
    owner: Email
    schedule: Schedule | None = None
    sql: Annotated[str, StringConstraints(pattern=r"^[\w./-]+\.sql$")]
    time: Column
    service: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    target: Table
    full_names: bool = False
    as_known: bool = True
    max_gib: Annotated[float, Field(gt=0)] = 500

    @field_validator("sql")
    @classmethod
    def _below(cls, sql: str) -> str:
        if sql.startswith("/") or ".." in sql.split("/"):
            raise ValueError("name a file below include/sql/")
        return sql
