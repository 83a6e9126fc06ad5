"""Google Sheets -> Snowflake: one tab's rows in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.openlineage.facet import Dataset
from airflow.sdk import AssetAlias, BaseOperator

from drivetrain.sheets.load import run_load
from drivetrain.sheets.port import Settings
from hooks.google_sheets import GoogleSheetsHook
from hooks.sheets_quota import shared_quota
from hooks.snowflake_load import SnowflakeLoadHook
from hooks.state import StateHook
from operators.failures import told_to_airflow
from operators.links import GoogleSheetLink
from operators.runs import is_dry_run, push_sheet_link, sheet_asset, skip_unless_wanted, table_asset

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from drivetrain.sheets.load_outcome import LoadOutcome
    from drivetrain.sheets.load_spec import SheetLoadSpec


class SheetsToSnowflakeOperator(BaseOperator):
    """Bring one table in line with one tab that people edit.

    The task's run is skipped where the DAG run's `loads` parameter names others, or where a scheduled run is for
    other loads' times. `dry_run` in the parameters returns counts and a preview and writes nothing.

    Args:
        spec: the load.
        settings: cells a call.
        state_conn_id: Postgres, for rows that were set aside.

    Returns (XCom): the outcome as a dict of numbers and names, see drivetrain.sheets.load_outcome.LoadOutcome.

    Raises:
        AirflowFailException: somebody has to change something first; the message says who and what.
        RetriableError: a later try may succeed.
    """

    operator_extra_links = (GoogleSheetLink(),)
    ui_color = "#e4ecf7"

    def __init__(
        self,
        *,
        spec: SheetLoadSpec,
        settings: Settings | None = None,
        state_conn_id: str = StateHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("inlets", [sheet_asset(spec.load, spec.source.spreadsheet_id)])
        # An alias, so that only a run that changed the table makes an event: not a dry run, not an unchanged one.
        kwargs.setdefault("outlets", [AssetAlias(name=f"load:{spec.load}")])
        super().__init__(**kwargs)
        self.spec = spec
        self.settings = settings or Settings()
        self.state_conn_id = state_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the load."""
        spec, dry_run = self.spec, is_dry_run(context)
        with told_to_airflow():
            skip_unless_wanted(context, kind="load", name=spec.load, schedule=spec.schedule)
            outcome = self._load(context["run_id"], dry_run=dry_run)
        url = GoogleSheetsHook(spec.source.connection).url(outcome.spreadsheet_id, outcome.gid)
        push_sheet_link(context, url)
        # An earlier try may have written and died before it could say so; an event too many wakes nobody in vain.
        if outcome.outcome == "written" or (not dry_run and context["ti"].try_number > 1):
            changed = outcome.rows_inserted + outcome.rows_updated + outcome.rows_deleted
            context["outlet_events"][AssetAlias(name=f"load:{spec.load}")].add(
                table_asset(spec.target.connection, spec.target.table),
                extra={"rows_changed": changed, "run_id": context["run_id"]},
            )
        return outcome.summary() | {"url": url, "team": spec.team}

    def _load(self, run_id: str, *, dry_run: bool) -> LoadOutcome:
        spec = self.spec
        port = GoogleSheetsHook(spec.source.connection, quota=shared_quota()).client_for(spec.source.spreadsheet_id)
        with SnowflakeLoadHook(spec.target.connection).table_session(f"load {spec.load}") as table:
            outcome = run_load(
                spec,
                port,
                table,
                dry_run=dry_run,
                settings=self.settings,
                log=self.log.info,
                on_rejects=lambda rejects: StateHook(self.state_conn_id).save_rejects(spec.load, run_id, rejects),
            )
        self.log.info(
            "%s: %s, %d rows of the tab (+%d ~%d -%d in %s, %d rejected), %d read calls, %d bytes",
            spec.load,
            outcome.outcome,
            outcome.rows_read,
            outcome.rows_inserted,
            outcome.rows_updated,
            outcome.rows_deleted,
            outcome.table,
            outcome.rows_rejected,
            outcome.read_calls,
            outcome.bytes_received,
        )
        return outcome

    def get_openlineage_facets_on_complete(self, _: Any) -> OperatorLineage:
        """Tab in, table out."""
        from airflow.providers.openlineage.extractors import OperatorLineage

        source, target = self.spec.source, self.spec.target
        return OperatorLineage(
            inputs=[Dataset(namespace=f"googlesheets://{source.spreadsheet_id}", name=source.tab)],
            outputs=[Dataset(namespace=f"snowflake://{target.connection}", name=target.table)],
        )
