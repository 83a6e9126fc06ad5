"""Finds a feature view's rows in BigQuery, puts them aside, and asks whether they are fit to be served."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from drivetrain.errors import GuardError, LimitError
from drivetrain.features import warehouse_sql
from drivetrain.features.drift import Bins, edges_of
from drivetrain.features.gates import Profile, Seen, check_spec, judge
from drivetrain.features.window import backfill_window, next_window
from drivetrain.state.features import RunKind
from hooks.feature_store import FeatureStoreHook
from hooks.feature_warehouse import FeatureWarehouseHook
from hooks.state import StateHook
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.feature_runs import PARAMS, StagedRows, asked_range, digest
from operators.runs import is_dry_run

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from airflow.sdk import Context

    from drivetrain.features.registry import RegisteredView
    from drivetrain.features.spec import FeatureSpec, Gates
    from drivetrain.features.view import View
    from drivetrain.features.warehouse_sql import Statement
    from drivetrain.features.window import Window
    from drivetrain.state.features import PostgresFeatureRuns

# Americas, Europe and most of Asia in November 2026: https://cloud.google.com/bigquery/pricing
USD_A_GIB = 6.25 / 1024


class StageFeaturesOperator(BaseOperator):
    """Make a table of the rows that a run writes, and hold it to the spec's gates. Redis is not touched.

    The run's parameters are `start` and `end`, a range of event times to write again, and `dry_run`, which counts and
    prices and makes no table.

    Args:
        spec: the view's.
        feature_store_conn_id: see hooks.feature_store.
        state_conn_id: Postgres.

    Returns (XCom): see operators.feature_runs.StagedRows.

    Raises:
        AirflowFailException: the rows are not fit to be served, or would cost too much, or somebody has to change
            something first; the message says what.
        RetriableError: BigQuery or Postgres is away.
    """

    ui_color = "#e3f0e4"

    def __init__(
        self,
        *,
        spec: FeatureSpec,
        feature_store_conn_id: str = FeatureStoreHook.default_conn_name,
        state_conn_id: str = StateHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.feature_store_conn_id = feature_store_conn_id
        self.state_conn_id = state_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Find, put aside, judge."""
        spec, run_id = self.spec, context["run_id"]
        store, state = FeatureStoreHook(self.feature_store_conn_id), StateHook(self.state_conn_id)
        with told_to_airflow():
            refuse_unknown(context, PARAMS)
            registered = store.view(spec.view)
            check_spec(spec.gates, registered.view)
            runs, now = store.runs(spec.view, state), state.now()
            kind, window = self._window(context, registered, runs, now)
            warehouse = FeatureWarehouseHook(store.settings.gcp_conn_id)
            table = store.staging_table(spec.view, digest(run_id))
            statement = warehouse_sql.stage(registered, window, target=table, shards=spec.shards)
            gib = self._affordable(warehouse, statement)
            labels = {"drivetrain_view": spec.view, "drivetrain_team": spec.team}
            if is_dry_run(context):
                counted = warehouse_sql.count(registered, window)
                (row,) = warehouse.run(counted, max_gib=spec.max_gib, labels=labels)
                self.log.info("dry run: %d rows of %s, %s; nothing was staged", row["n"], spec.view, _price(gib))
                return StagedRows("", int(row["n"]), gib, "").as_xcom()
            warehouse.run(statement, max_gib=spec.max_gib, labels=labels)
            bins = runs.bins(now)
            ask = partial(warehouse.run, max_gib=spec.max_gib, labels=labels)
            profile, own = look(registered.view, spec.gates, bins, staged=table, ask=ask)
            verdict = judge(spec.gates, profile, usual=runs.usual_rows(kind), bins=bins)
            runs.staged(
                run_id,
                kind,
                window,
                now=now,
                rows=profile.rows,
                bins=own,
                refusals=verdict.refusals,
            )
            for note in verdict.notes:
                self.log.info("not asked: %s", note)
            if verdict.refusals:
                raise GuardError(
                    f"feature view {spec.view}: {profile.rows:,} rows are not fit to be served, and Redis keeps what "
                    f"it has; they are in {table} for {warehouse_sql.STAGED_DAYS} days.\n" + "\n".join(verdict.refusals)
                )
        self.log.info("%s: %d rows of %s to write, %s", spec.view, profile.rows, kind, _price(gib))
        return StagedRows(table, profile.rows, gib, "" if kind is RunKind.BACKFILL else now.isoformat()).as_xcom()

    def _window(
        self, context: Context, registered: RegisteredView, runs: PostgresFeatureRuns, now: dt.datetime
    ) -> tuple[RunKind, Window]:
        if asked := asked_range(context["params"]):
            start, end = asked
            return RunKind.BACKFILL, backfill_window(start, end or now, now)
        spec = self.spec
        return RunKind.NEWS, next_window(
            runs.read_until(), now, overlap=spec.overlap_time, lateness=spec.lateness_time, ttl=registered.ttl
        )

    def _affordable(self, warehouse: FeatureWarehouseHook, statement: Statement) -> float:
        gib = warehouse.gib(statement)
        if gib > self.spec.max_gib:
            raise LimitError(
                f"feature view {self.spec.view}: the run would scan {gib:,.1f} GiB ({_price(gib)}), more than max_gib, "
                f"{self.spec.max_gib:g}: raise that, shorten lateness, or partition the table by its event time"
            )
        return gib


def look(
    view: View, gates: Gates, bins: Mapping[str, Bins], *, staged: str, ask: Callable[[Statement], Sequence[Any]]
) -> tuple[Profile, Mapping[str, Bins]]:
    """Look at staged rows: what the gates ask, and bins of the values, for later runs to be compared with.

    Args:
        view: what the rows are of.
        gates: the spec's.
        bins: last week's, by feature.
        staged: the table.
        ask: runs a statement, and gives its rows.
    """
    (figures,) = ask(warehouse_sql.profile(view, gates, staged=staged))
    own = {
        name: edges_of(quantiles)
        for number, name in enumerate(gates.features)
        if (quantiles := [float(each) for each in figures.get(f"quantiles_{number}") or ()])
    }
    edges = {name: sorted({*found, *(bins[name].edges if name in bins else ())}) for name, found in own.items()}
    edges = {name: found for name, found in edges.items() if found}
    counts: dict[str, dict[float, int]] = {}
    if edges:
        (answer,) = ask(warehouse_sql.at_most(view, edges, staged=staged))
        for number, (name, asked) in enumerate(edges.items()):
            counts[name] = dict(zip(asked, map(int, answer[f"at_most_{number}"]), strict=True))
    features = {name: _seen(figures, number, counts.get(name, {})) for number, name in enumerate(gates.features)}
    rows = int(figures["n"])
    kept = {
        name: Bins(found, tuple(counts[name][edge] / (rows - features[name].nulls) for edge in found))
        for name, found in own.items()
        if found
    }
    return Profile(rows, features), kept


def _seen(figures: Mapping[str, Any], number: int, at_most: Mapping[float, int]) -> Seen:
    least, most = figures.get(f"least_{number}"), figures.get(f"most_{number}")
    return Seen(
        nulls=int(figures[f"nulls_{number}"]),
        outside=int(figures.get(f"outside_{number}") or 0),
        least=None if least is None else float(least),
        most=None if most is None else float(most),
        at_most=at_most,
    )


def _price(gib: float) -> str:
    return f"{gib:,.2f} GiB, {gib * USD_A_GIB:,.4f} USD on demand"
