"""Holds what is served of a feature view to what BigQuery has."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from drivetrain.errors import GuardError
from drivetrain.features.window import Window
from hooks.state import StateHook
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.feature_operator import FeatureOperator
from operators.feature_runs import digest

if TYPE_CHECKING:
    from airflow.sdk import Context


class AuditFeaturesOperator(FeatureOperator):
    """Draw some entities, and compare what Redis has of them with their latest rows in BigQuery, up to the watermark.

    Args: see FeatureOperator.

    Returns (XCom): see drivetrain.features.audit.Audited, and `skew`.

    Raises:
        AirflowFailException: more of them are wrong than the spec lets be.
        RetriableError: BigQuery, Redis or Postgres is away.
    """

    ui_color = "#e6ecf5"

    def execute(self, context: Context) -> dict[str, Any]:
        """Draw, look, compare."""
        # Not at the top: Arrow, SQLGlot and Google's libraries take seconds to import, a DAG file's parse has none.
        import pyarrow as pa

        from drivetrain.features import warehouse_sql
        from drivetrain.features.audit import compare
        from drivetrain.features.online_rows import prepare
        from hooks.feature_store import FeatureStoreHook
        from hooks.feature_warehouse import FeatureWarehouseHook

        spec, run_id = self.spec, context["run_id"]
        store, state = FeatureStoreHook(self.feature_store_conn_id), StateHook(self.state_conn_id)
        with told_to_airflow():
            refuse_unknown(context, ())
            registered = store.view(spec.view)
            runs, now = store.runs(spec.view, state), state.now()
            until = runs.read_until()
            if until is None:
                raise AirflowSkipException(f"feature view {spec.view}: nothing was ever written")
            window = Window(until=until, since=None if registered.ttl is None else now - registered.ttl)
            warehouse = FeatureWarehouseHook(store.settings.gcp_conn_id)
            table = store.staging_table(spec.view, digest(f"audit {run_id}"))
            drawn = warehouse_sql.sample(registered, window, target=table, entities=spec.audit.entities, salt=run_id)
            labels = {"drivetrain_view": spec.view, "drivetrain_team": spec.team}
            warehouse.run(drawn, max_gib=spec.max_gib, labels=labels)
            view = registered.view
            batches = list(warehouse.batches(table, list(dict.fromkeys(view.columns)), 0))
            if not batches:
                raise AirflowSkipException(f"feature view {spec.view}: BigQuery has no rows that Redis should have")
            rows = prepare(pa.Table.from_batches(batches), view).rows
            found = compare(rows, store.stored(rows))
            runs.audited(run_id, found, now=now)
            warehouse.drop(table)
            told = asdict(found) | {"skew": found.skew}
            self.log.info("%s: %s", spec.view, told)
            if found.skew > spec.audit.max_skew:
                wrong = [f"{count:,} of feature {name} differ" for name, count in sorted(found.different.items())]
                raise GuardError(
                    f"feature view {spec.view}: what is served is not what BigQuery has, for {found.skew:.2%} of "
                    f"{found.entities:,} entities (at most {spec.audit.max_skew:.2%}): {found.missing:,} are missing, "
                    f"{found.older:,} are older{''.join(f', {each}' for each in wrong)}; such as "
                    f"{', '.join(found.examples)}: write the range of their event times again, with the DAG's start"
                )
        return told
