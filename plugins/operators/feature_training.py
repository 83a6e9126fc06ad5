"""Builds a training set in BigQuery: labelled rows, each with the features that were known at its time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator

from drivetrain.errors import LimitError
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.feature_runs import FEATURE_STORE, digest, price
from operators.runs import is_dry_run

if TYPE_CHECKING:
    from airflow.sdk import Context

    from drivetrain.features.training_spec import TrainingSetSpec


def training_asset(spec: TrainingSetSpec) -> Asset:
    """The table of a training set."""
    return Asset(
        name=f"training set {spec.training_set}", uri=f"trainingset://{spec.target.replace('.', '/')}", group="features"
    )


class BuildTrainingSetOperator(BaseOperator):
    """Make a training set anew; the one that is there stays until the new one is whole.

    With `dry_run` in the run's parameters the labelled rows are kept for some days, and the rest is priced only.

    Args:
        spec: what of.
        sql: the labelled rows, a SELECT.
        feature_store_conn_id: see hooks.feature_store.

    Returns (XCom): `rows`, the `table`, and `gib` that were scanned.

    Raises:
        AirflowFailException: somebody has to change something first; the message says what.
        RetriableError: BigQuery is away.
    """

    ui_color = "#e9e3f2"

    def __init__(
        self, *, spec: TrainingSetSpec, sql: str, feature_store_conn_id: str = FEATURE_STORE, **kwargs: Any
    ) -> None:
        kwargs.setdefault("outlets", [training_asset(spec)])
        super().__init__(**kwargs)
        self.spec = spec
        # Not `sql`: Airflow would take a file's name for a template.
        self.labelled_sql = sql
        self.feature_store_conn_id = feature_store_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Keep the rows, and join."""
        # Not at the top: SQLGlot and Google's libraries take seconds to import, a DAG file's parse has none.
        from drivetrain.features import training_sql
        from hooks.feature_store import FeatureStoreHook
        from hooks.feature_warehouse import FeatureWarehouseHook

        spec = self.spec
        with told_to_airflow():
            refuse_unknown(context, ("dry_run",))
            store = FeatureStoreHook(self.feature_store_conn_id)
            asked = training_sql.asked_of(store.registry, spec.service, full_names=spec.full_names)
            warehouse = FeatureWarehouseHook(store.settings.gcp_conn_id)
            labels = {"drivetrain_training_set": spec.training_set, "drivetrain_team": spec.team}
            ask = partial(warehouse.run, max_gib=spec.max_gib, labels=labels)
            labelled = store.staging_table(spec.training_set, digest(context["run_id"]))
            ask(training_sql.labelled_rows(self.labelled_sql, where=spec.sql, target=labelled))
            columns = warehouse.columns(labelled)
            training_sql.check_columns(columns, asked, spec.time, where=spec.sql)
            join = training_sql.with_features(
                asked, columns, labelled=labelled, time=spec.time, target=spec.target, as_known=spec.as_known
            )
            gib = warehouse.gib(join)
            if gib > spec.max_gib:
                raise LimitError(
                    f"training set {spec.training_set}: it would scan {gib:,.1f} GiB ({price(gib)}), more than "
                    f"max_gib, {spec.max_gib:g}: raise that, or ask for less"
                )
            rows = warehouse.rows(labelled)
            if is_dry_run(context):
                self.log.info("dry run: %d rows, %s; they are in %s", rows, price(gib), labelled)
                return {"rows": rows, "table": "", "gib": gib}
            ask(join)
            warehouse.drop(labelled)
        self.log.info("%s: %d rows in %s, %s", spec.training_set, rows, spec.target, price(gib))
        return {"rows": rows, "table": spec.target, "gib": gib}
