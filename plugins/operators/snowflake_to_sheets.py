"""Snowflake -> Google Sheets: rows of queries in tabs of one workbook."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.openlineage.facet import Dataset
from airflow.sdk import AssetAlias, BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from drivetrain.quota.port import Priority
from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.dispatch import Trigger
from drivetrain.sheets.engine import SyncJob, run_group
from drivetrain.sheets.lineage import source_tables
from drivetrain.sheets.port import Settings
from drivetrain.sheets.registry import RunRecord, spec_hash
from drivetrain.sheets.schedule import Window, bind, run_key, run_window
from hooks.google_sheets import GoogleSheetsHook
from hooks.guarded_memory import GuardedMemory
from hooks.guarded_port import GuardedPort
from hooks.sheets_quota import shared_quota
from hooks.snowflake import SnowflakeConnections
from hooks.state import StateHook
from operators.failures import raise_all, told_to_airflow
from operators.links import GoogleSheetLink
from operators.runs import is_dry_run, push_sheet_link, sheet_asset, table_asset, why_not

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from drivetrain.sheets.engine import GroupResult
    from drivetrain.sheets.memory import Remembered
    from drivetrain.sheets.outcome import SyncOutcome
    from drivetrain.sheets.spec import SheetSyncSpec

RETURN_VALUE = "return_value"


class SnowflakeToSheetsOperator(BaseOperator):
    """Bring tabs of one workbook in line with one query each.

    Google counts calls and not cells, so the syncs of a workbook share one look at it and one batch. A sync that fails
    fails alone: the others are written, then the task fails with its error.

    Of its syncs the task runs those that the DAG run is for: those that its `syncs` parameter names, or, in a scheduled
    run, those that are due. Without any it is skipped. `dry_run` in the parameters returns plans and writes nothing.

    Args:
        syncs: one or more syncs of one workbook and one connection. Their queries' texts are rendered by Airflow and
            shown in its UI.
        spec, sql: instead of `syncs` a single one, and its query's text.
        settings: request sizes and patience.
        state_conn_id: Postgres, for rows that were set aside.

    Returns (XCom, also of a task that failed): by the name of each sync that ran its outcome as a dict of numbers and
    names, see drivetrain.sheets.outcome.SyncOutcome; of a sync that failed `outcome` "failed" and `error`.

    Raises:
        AirflowFailException: somebody has to change something first; the message says who and what.
        RetriableError: a later try may succeed.
    """

    template_fields = ("sql", "parameters")
    template_fields_renderers = {"sql": "json", "parameters": "json"}  # noqa: RUF012 - Airflow's own attribute
    operator_extra_links = (GoogleSheetLink(),)
    ui_color = "#dff3e4"

    def __init__(
        self,
        *,
        syncs: Sequence[Sync] = (),
        spec: SheetSyncSpec | None = None,
        sql: str | None = None,
        settings: Settings | None = None,
        state_conn_id: str = StateHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        # DAG versions that are still running may be older than this code and give a spec with its text.
        if spec is not None and sql is not None:
            syncs = (*syncs, Sync(spec, sql))
        if len({(sync.spec.target.spreadsheet_id, sync.spec.target.connection) for sync in syncs}) != 1:
            raise ValueError("syncs: give one or more, all of one workbook and one connection")
        tables = {(sync.spec.source.connection, table) for sync in syncs for table in source_tables(sync.sql)}
        inlets = [table_asset(connection, table) for connection, table in sorted(tables) if table.count(".") == 2]
        kwargs.setdefault("inlets", inlets)
        # Aliases, so that only a run that changed the sheet makes an event: not a dry run, not an unchanged one.
        kwargs.setdefault("outlets", [_alias(sync) for sync in syncs])
        super().__init__(**kwargs)
        self.syncs = tuple(syncs)
        self.sql = {sync.spec.sync: sync.sql for sync in syncs}
        self.parameters = {sync.spec.sync: _shown_parameters(sync) for sync in syncs}
        self.settings = settings or Settings()
        self.state_conn_id = state_conn_id
        self._ran: tuple[Sync, ...] = ()

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the syncs that the DAG run is for."""
        with told_to_airflow():
            self._ran = self._wanted(context)
            dry_run, started = is_dry_run(context), StateHook.now()
            result = self._sync(context, dry_run=dry_run)
            if not dry_run:
                self._record(context, result, started)
            returned = self._told(context, result)
            if result.errors:
                context["ti"].xcom_push(key=RETURN_VALUE, value=returned)
                raise_all(result.errors)
        return returned

    def _wanted(self, context: Context) -> tuple[Sync, ...]:
        reasons = {
            sync.spec.sync: why_not(context, kind="sync", name=sync.spec.sync, schedule=sync.spec.schedule)
            for sync in self.syncs
        }
        wanted = tuple(sync for sync in self.syncs if reasons[sync.spec.sync] is None)
        for reason in filter(None, reasons.values()):
            self.log.info(reason)
        if not wanted:
            raise AirflowSkipException(f"none of {len(reasons)} syncs: {next(iter(reasons.values()))}")
        return wanted

    def _sync(self, context: Context, *, dry_run: bool) -> GroupResult:
        target = self.syncs[0].spec.target
        # A person waits for it: it may use what is kept of the quota for that.
        sheets = GoogleSheetsHook(target.connection, quota=shared_quota(), priority=Priority.HIGH)
        port = sheets.client_for(target.spreadsheet_id)
        state = StateHook(self.state_conn_id)
        # A plan only reads: nobody has to wait for it, nor it for anybody.
        alone = nullcontext(lambda: True) if dry_run else state.workbook(target.spreadsheet_id)
        with alone as still_ours, SnowflakeConnections() as snowflake:
            known = state.recall([sync.spec for sync in self._ran], dry_run=dry_run)
            jobs = [self._job(context, sync, snowflake, known, dry_run=dry_run) for sync in self._ran]
            return run_group(
                jobs,
                GuardedPort(port, still_ours),
                settings=self.settings,
                log=self.log.info,
                memory=GuardedMemory(state.memory, still_ours),
            )

    def _job(
        self,
        context: Context,
        sync: Sync,
        snowflake: SnowflakeConnections,
        known: Mapping[str, Remembered],
        *,
        dry_run: bool,
    ) -> SyncJob:
        spec, run_id = sync.spec, context["run_id"]
        window = run_window(spec.schedule, spec.freshness_objective, context["dag_run"].run_after)
        sql, parameters = self.sql[spec.sync], self._bound(sync, window)
        # A worker renders no template, so what a template made is nothing that it could rely on.
        is_plain = sql == sync.sql and parameters == bind(spec.source.parameters, window)
        return SyncJob(
            spec=spec,
            open_source=partial(
                snowflake.arrow_result, spec.source.connection, sql, parameters, name=f"sync {spec.sync}"
            ),
            run_id=run_key(spec, window, run_id),
            dry_run=dry_run,
            on_rejects=lambda rejects: StateHook(self.state_conn_id).save_rejects(spec.sync, run_id, rejects),
            spec_hash=spec_hash(sync) if is_plain else "",
            memory=known.get(spec.sync),
        )

    def _bound(self, sync: Sync, window: Window) -> dict[str, Any]:
        """The query's parameters. What was rendered wins for texts, which may hold a template."""
        given, rendered = sync.spec.source.parameters, self.parameters[sync.spec.sync]
        return {
            name: rendered[name] if isinstance(given[name], str) else value
            for name, value in bind(given, window).items()
        }

    def _record(self, context: Context, result: GroupResult, started: dt.datetime) -> None:
        """Let the board show the run as it shows those of workers."""
        run, ti = context["dag_run"], context["ti"]
        records = [
            RunRecord(
                sync=sync.spec.sync,
                job_key=f"{sync.spec.sync}!{context['run_id']}",
                due_at=run.run_after,
                trigger=Trigger.SCHEDULE if run.run_type == "scheduled" else Trigger.DEMAND,
                attempt=ti.try_number,
                started_at=started,
                finished_at=StateHook.now(),
                outcome="failed",
                is_final=True,
            ).ended(
                result.outcomes.get(sync.spec.sync),
                result.errors.get(sync.spec.sync),
                is_last=ti.try_number > ti.max_tries,
            )
            for sync in self._ran
        ]
        StateHook(self.state_conn_id).registry.record(records)

    def _told(self, context: Context, result: GroupResult) -> dict[str, Any]:
        """What became of each sync, for XCom, the log, links and assets."""
        sheets = GoogleSheetsHook(self.syncs[0].spec.target.connection)
        returned: dict[str, Any] = {}
        for sync in self._ran:
            name, team = sync.spec.sync, sync.spec.team
            if error := result.errors.get(name):
                self.log.error("%s: %s", name, error)
                returned[name] = {"sync": name, "outcome": "failed", "error": str(error), "team": team}
                continue
            outcome = result.outcomes[name]
            self._log(outcome)
            self._report_change(context, sync, outcome)
            url = sheets.url(outcome.spreadsheet_id, outcome.gid)
            returned[name] = outcome.summary() | {"url": url, "team": team}
        if urls := [one["url"] for one in returned.values() if "url" in one]:
            push_sheet_link(context, urls[0])
        return returned

    def _log(self, outcome: SyncOutcome) -> None:
        self.log.info(
            "%s: %s, %d rows (+%d ~%d -%d, %d rejected), %d write and %d read calls, %d bytes sent",
            outcome.sync,
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

    def _report_change(self, context: Context, sync: Sync, outcome: SyncOutcome) -> None:
        # A try that failed after its write made no event: the next one, which finds nothing left to do, makes it.
        if outcome.outcome == "written" or (outcome.outcome != "planned" and context["ti"].try_number > 1):
            context["outlet_events"][_alias(sync)].add(
                sheet_asset(sync.spec.sync, sync.spec.target.spreadsheet_id),
                extra={"rows": outcome.rows, "run_id": context["run_id"]},
            )

    def get_openlineage_facets_on_complete(self, _: Any) -> OperatorLineage:
        """Tables in, tabs out, of the syncs that ran."""
        from airflow.providers.openlineage.extractors import OperatorLineage

        ran = self._ran or self.syncs
        tables = {(sync.spec.source.connection, table) for sync in ran for table in source_tables(sync.sql)}
        return OperatorLineage(
            inputs=[Dataset(namespace=f"snowflake://{connection}", name=table) for connection, table in sorted(tables)],
            outputs=[
                Dataset(namespace=f"googlesheets://{target.spreadsheet_id}", name=target.tab)
                for target in (sync.spec.target for sync in ran)
            ],
        )


def _alias(sync: Sync) -> AssetAlias:
    return AssetAlias(name=f"sheet:{sync.spec.sync}")


def _shown_parameters(sync: Sync) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | int | float | bool | None) else f"from {value.from_}"
        for name, value in sync.spec.source.parameters.items()
    }
