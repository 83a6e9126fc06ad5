"""What the tasks of a feature view's run tell each other, and what people ask of it."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from drivetrain.errors import FatalError, LimitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from drivetrain.features.spec import FeatureSpec
    from drivetrain.features.warehouse_sql import Statement
    from hooks.feature_warehouse import FeatureWarehouseHook

PARAMS = ("dry_run", "end", "start")
STAGE = "stage"
# Americas, Europe and most of Asia in November 2026: https://cloud.google.com/bigquery/pricing
USD_A_GIB = 6.25 / 1024
FEATURE_STORE = "feature_store_default"  # see hooks.feature_store


@dataclass(frozen=True)
class StagedRows:
    """What `stage` found, for the tasks behind it; its XCom.

    Attributes:
        table: where the rows are; "": a dry run staged none.
        rows: how many.
        gib: what finding them scanned.
        until: where the watermark goes once they are written; "": it stays, the run is a backfill.
    """

    table: str
    rows: int
    gib: float
    until: str

    def as_xcom(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def of(cls, context: Context) -> StagedRows:
        """Of the same run.

        Raises:
            FatalError: `stage` left nothing.
        """
        found = context["ti"].xcom_pull(task_ids=STAGE)
        if not found:
            raise FatalError(f"task {STAGE}: left no XCom: clear it, and what comes behind it")
        return cls(**found)


def asked_range(params: Mapping[str, Any]) -> tuple[dt.datetime, dt.datetime | None] | None:
    """The range of event times that a run is asked for; None: what is new.

    Raises:
        FatalError: there is an end without a start, or a time has no zone.
    """
    start, end = _time(params, "start"), _time(params, "end")
    if start is None:
        if end is not None:
            raise FatalError("end: there is no start: give both, or none of them for what is new")
        return None
    return start, end


def affordable(warehouse: FeatureWarehouseHook, statement: Statement, spec: FeatureSpec) -> float:
    """GiB that a statement would scan.

    Raises:
        LimitError: more than the spec lets a run.
    """
    gib = warehouse.gib(statement)
    if gib > spec.max_gib:
        raise LimitError(
            f"feature view {spec.view}: the run would scan {gib:,.1f} GiB ({price(gib)}), more than max_gib, "
            f"{spec.max_gib:g}: raise that, shorten lateness, or partition the table by its event time"
        )
    return gib


def price(gib: float) -> str:
    """What a query of so many GiB costs, for people."""
    return f"{gib:,.2f} GiB, {gib * USD_A_GIB:,.4f} USD on demand"


def digest(run_id: str) -> str:
    """A run's id as letters and digits, for names of tables."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:16]


def _time(params: Mapping[str, Any], name: str) -> dt.datetime | None:
    text = params.get(name)
    if not text:
        return None
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise FatalError(f"{name}: {text!r} is no time: write it as 2026-11-27T00:00:00+05:30") from None
    if at.tzinfo is None:
        raise FatalError(f"{name}: {text} has no zone: write it as 2026-11-27T00:00:00+05:30")
    return at
