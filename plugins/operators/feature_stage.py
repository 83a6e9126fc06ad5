"""Finds a feature view's rows in BigQuery, puts them aside, and asks whether they are fit to be served."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from drivetrain.errors import GuardError
from drivetrain.features.gates import check_spec, judge
from drivetrain.features.window import backfill_window, next_window
from drivetrain.state.features import RunKind
from hooks.state import StateHook
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.feature_operator import FeatureOperator
from operators.feature_runs import PARAMS, StagedRows, affordable, asked_range, digest, price
from operators.runs import is_dry_run

if TYPE_CHECKING:
    import datetime as dt

    from airflow.sdk import Context

    from drivetrain.features.registry import RegisteredView
    from drivetrain.features.window import Window
    from drivetrain.state.features import PostgresFeatureRuns


class StageFeaturesOperator(FeatureOperator):
    """Make a table of the rows that a run writes, and hold it to the spec's gates. Redis is not touched.

    The run's parameters are `start` and `end`, a range of event times to write again, and `dry_run`, which counts and
    prices and makes no table.

    Args: see FeatureOperator.

    Returns (XCom): see operators.feature_runs.StagedRows.

    Raises:
        AirflowFailException: the rows are not fit to be served, or would cost too much, or somebody has to change
            something first; the message says what.
        RetriableError: BigQuery or Postgres is away.
    """

    ui_color = "#e3f0e4"

    def execute(self, context: Context) -> dict[str, Any]:
        """Find, put aside, judge."""
        # Not at the top: Arrow, SQLGlot and Google's libraries take seconds to import, a DAG file's parse has none.
        from drivetrain.features import warehouse_sql
        from drivetrain.features.look import look
        from hooks.feature_store import FeatureStoreHook
        from hooks.feature_warehouse import FeatureWarehouseHook

        spec, run_id = self.spec, context["run_id"]
        store, state = FeatureStoreHook(self.feature_store_conn_id), StateHook(self.state_conn_id)
        with told_to_airflow():
            refuse_unknown(context, PARAMS)
            registered = store.view(spec.view)
            check_spec(spec.gates, registered.view)
            runs, now = store.runs(spec.view, state), state.now()
            store.views(state).register([spec], now)
            kind, window = self._window(context, registered, runs, now)
            warehouse = FeatureWarehouseHook(store.settings.gcp_conn_id)
            table = store.staging_table(spec.view, digest(run_id))
            statement = warehouse_sql.stage(registered, window, target=table, shards=spec.shards)
            gib = affordable(warehouse, statement, spec)
            labels = {"drivetrain_view": spec.view, "drivetrain_team": spec.team}
            if is_dry_run(context):
                counted = warehouse_sql.count(registered, window)
                (row,) = warehouse.run(counted, max_gib=spec.max_gib, labels=labels)
                self.log.info("dry run: %d rows of %s, %s; nothing was staged", row["n"], spec.view, price(gib))
                return StagedRows("", int(row["n"]), gib, "").as_xcom()
            warehouse.run(statement, max_gib=spec.max_gib, labels=labels)
            bins = runs.bins(now)
            ask = partial(warehouse.run, max_gib=spec.max_gib, labels=labels)
            profile, own = look(registered, spec.gates, bins, staged=table, ask=ask)
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
        self.log.info("%s: %d rows of %s to write, %s", spec.view, profile.rows, kind, price(gib))
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
