"""Snowflake -> Google Sheets: one query's rows in one tab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.openlineage.facet import Dataset
from airflow.sdk import AssetAlias, BaseOperator

from drivetrain.sheets.engine import SyncJob, run_sync
from drivetrain.sheets.lineage import source_tables
from drivetrain.sheets.port import Settings
from drivetrain.sheets.schedule import Window, bind, run_key, run_window
from hooks.google_sheets import GoogleSheetsHook
from hooks.snowflake import ArrowSnowflakeHook
from hooks.state import StateHook
from operators.failures import told_to_airflow
from operators.links import GoogleSheetLink
from operators.runs import is_dry_run, push_sheet_link, sheet_asset, skip_unless_wanted, table_asset

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
        tables = [table for table in source_tables(sql) if table.count(".") == 2]
        kwargs.setdefault("inlets", [table_asset(spec.source.connection, table) for table in tables])
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
        with told_to_airflow():
            skip_unless_wanted(context, kind="sync", name=self.spec.sync, schedule=self.spec.schedule)
            outcome = self._sync(context, dry_run=is_dry_run(context))
        sheets = GoogleSheetsHook(self.spec.target.connection)
        url = sheets.url(outcome.spreadsheet_id, outcome.gid)
        push_sheet_link(context, url)
        # A try that died after its write made no event: the next one, which finds nothing left to do, makes it.
        if outcome.outcome == "written" or (outcome.outcome != "planned" and context["ti"].try_number > 1):
            context["outlet_events"][AssetAlias(name=f"sheet:{self.spec.sync}")].add(
                sheet_asset(self.spec.sync, self.spec.target.spreadsheet_id),
                extra={"rows": outcome.rows, "run_id": context["run_id"]},
            )
        return outcome.summary() | {"url": url, "team": self.spec.team}

    def _sync(self, context: Context, *, dry_run: bool) -> SyncOutcome:
        spec, run_id, window = self.spec, context["run_id"], self._window(context)
        port = GoogleSheetsHook(spec.target.connection).client_for(spec.target.spreadsheet_id)
        snowflake, parameters = ArrowSnowflakeHook(spec.source.connection), self._bound(window)
        job = SyncJob(
            spec=spec,
            open_source=lambda: snowflake.arrow_result(self.sql, parameters, name=f"sync {spec.sync}"),
            run_id=run_key(spec, window, run_id),
            dry_run=dry_run,
            on_rejects=lambda rejects: StateHook(self.state_conn_id).save_rejects(spec.sync, run_id, rejects),
        )
        outcome = run_sync(job, port, settings=self.settings, log=self.log.info)
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

    def _window(self, context: Context) -> Window:
        return run_window(self.spec.schedule, self.spec.freshness_objective, context["dag_run"].run_after)

    def _bound(self, window: Window) -> dict[str, Any]:
        """The query's parameters. What was rendered wins for texts, which may hold a template."""
        given = bind(self.spec.source.parameters, window)
        return {
            name: self.parameters[name] if isinstance(self.spec.source.parameters[name], str) else value
            for name, value in given.items()
        }

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
