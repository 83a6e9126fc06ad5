"""Snowflake -> Google Sheets: one query's rows in one tab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.openlineage.facet import Dataset
from airflow.sdk import Asset, AssetAlias, BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from drivetrain.sheets.engine import run_sync
from drivetrain.sheets.lineage import source_tables
from drivetrain.sheets.port import Settings
from drivetrain.sheets.schedule import bind, is_due
from hooks.google_sheets import GoogleSheetsHook
from hooks.snowflake import ArrowSnowflakeHook
from hooks.state import StateHook
from operators.failures import told_to_airflow
from operators.links import GoogleSheetLink

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from drivetrain.sheets.outcome import SyncOutcome
    from drivetrain.sheets.spec import SheetSyncSpec


class SnowflakeToSheetsOperator(BaseOperator):
    """Bring one tab of one workbook in line with one query.

    The task's run is skipped where the DAG run's `syncs` parameter names others, or where a scheduled run is for
    other syncs' times. `dry_run` in the parameters returns the plan and writes nothing.

    Args:
        spec: the sync.
        sql: the query's text; rendered by Airflow and shown in its UI.
        settings: request sizes and patience.
        state_conn_id: Postgres, for rows that were set aside.

    Returns (XCom): the outcome as a dict of numbers and names, see drivetrain.sheets.outcome.SyncOutcome.

    Raises:
        AirflowFailException: somebody has to change something first; the message says who and what.
        RetriableError: a later try may succeed.
    """

    template_fields = ("sql", "parameters")
    template_fields_renderers = {"sql": "sql", "parameters": "json"}  # noqa: RUF012 - Airflow's own attribute
    operator_extra_links = (GoogleSheetLink(),)
    ui_color = "#dff3e4"

    def __init__(
        self,
        *,
        spec: SheetSyncSpec,
        sql: str,
        settings: Settings | None = None,
        state_conn_id: str = StateHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("inlets", [_table_asset(table) for table in source_tables(sql)])
        # An alias, so that only a run that changed the sheet makes an event: not a dry run, not an unchanged one.
        kwargs.setdefault("outlets", [AssetAlias(name=f"sheet:{spec.sync}")])
        super().__init__(**kwargs)
        self.spec = spec
        self.sql = sql
        self.parameters: dict[str, Any] = {
            name: value if isinstance(value, str | int | float | bool | None) else f"from {value.from_}"
            for name, value in spec.source.parameters.items()
        }
        self.settings = settings or Settings()
        self.state_conn_id = state_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the sync."""
        self._skip_unless_wanted(context)
        with told_to_airflow():
            outcome = self._sync(context, dry_run=bool(context["params"].get("dry_run")))
        sheets = GoogleSheetsHook(self.spec.target.connection)
        url = sheets.url(outcome.spreadsheet_id, outcome.gid)
        context["ti"].xcom_push(key=GoogleSheetLink().xcom_key, value=url)
        if outcome.outcome == "written":
            context["outlet_events"][AssetAlias(name=f"sheet:{self.spec.sync}")].add(
                sheet_asset(self.spec), extra={"rows": outcome.rows, "run_id": context["run_id"]}
            )
        return outcome.summary() | {"url": url, "team": self.spec.team}

    def _sync(self, context: Context, *, dry_run: bool) -> SyncOutcome:
        spec, run_id = self.spec, context["run_id"]
        port = GoogleSheetsHook(spec.target.connection).client_for(spec.target.spreadsheet_id)
        snowflake = ArrowSnowflakeHook(spec.source.connection)
        with snowflake.arrow_result(self.sql, self._bound(context), name=f"sync {spec.sync}") as source:
            outcome = run_sync(
                spec,
                source,
                port,
                run_id=run_id,
                dry_run=dry_run,
                settings=self.settings,
                log=self.log.info,
                on_rejects=lambda rejects: StateHook(self.state_conn_id).save_rejects(spec.sync, run_id, rejects),
            )
        self.log.info(
            "%s: %s, %d rows (+%d ~%d -%d, %d rejected), %d write and %d read calls, %d bytes sent",
            spec.sync,
            outcome.outcome,
            outcome.rows,
            outcome.rows_added,
            outcome.rows_changed,
            outcome.rows_deleted,
            outcome.rows_rejected,
            outcome.write_calls,
            outcome.read_calls,
            outcome.bytes_sent,
        )
        return outcome

    def _bound(self, context: Context) -> dict[str, Any]:
        """The query's parameters; a run without a data interval is its own moment."""
        run_after = context["dag_run"].run_after
        run_given = bind(
            self.spec.source.parameters,
            interval_start=context.get("data_interval_start") or run_after,
            interval_end=context.get("data_interval_end") or run_after,
        )
        # What was rendered wins for literals, which may hold a template.
        return {
            name: self.parameters[name] if isinstance(self.spec.source.parameters[name], str) else value
            for name, value in run_given.items()
        }

    def _skip_unless_wanted(self, context: Context) -> None:
        wanted = context["params"].get("syncs") or []
        dag_run = context["dag_run"]
        if wanted and self.spec.sync not in wanted:
            raise AirflowSkipException(f"sync {self.spec.sync}: not among the run's syncs")
        if not wanted and dag_run.run_type == "scheduled" and not is_due(self.spec.schedule, dag_run.run_after):
            raise AirflowSkipException(f"sync {self.spec.sync}: not due at {dag_run.run_after}")

    def get_openlineage_facets_on_complete(self, _: Any) -> OperatorLineage:
        """Tables in, tab out."""
        from airflow.providers.openlineage.extractors import OperatorLineage

        target = self.spec.target
        return OperatorLineage(
            inputs=[
                Dataset(namespace=f"snowflake://{self.spec.source.connection}", name=t) for t in source_tables(self.sql)
            ],
            outputs=[Dataset(namespace=f"googlesheets://{target.spreadsheet_id}", name=target.tab)],
        )


def sheet_asset(spec: SheetSyncSpec) -> Asset:
    """The tab that a sync writes, as an Airflow asset."""
    return Asset(
        name=f"sheet {spec.sync}",
        uri=f"googlesheets://{spec.target.spreadsheet_id}/{spec.sync}",
        group="google-sheets",
    )


def _table_asset(table: str) -> Asset:
    return Asset(name=f"table {table}", uri="snowflake://" + table.lower().replace(".", "/"), group="snowflake")
