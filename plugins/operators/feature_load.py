"""Loads rows of a feature view from Snowflake into its table in BigQuery."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivetrain.errors import GuardError
from drivetrain.state.feature_loads import LoadOutcome
from hooks.state import StateHook
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.feature_operator import FeatureOperator
from operators.feature_runs import PARAMS, asked_range
from operators.runs import is_dry_run

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from airflow.sdk import Context

    from drivetrain.features.registry import RegisteredView
    from drivetrain.features.spec import FeatureSpec
    from drivetrain.state.feature_loads import KnownLoad
    from hooks.incoming_rows import SortedRows

LOAD = "load"
_KEPT_REJECTS = 1_000
_BEGINNING = "1970-01-01 00:00:00+00:00"


class LoadFeatureRowsOperator(FeatureOperator):
    """Ask Snowflake for what is new since the last load, and append it to the view's table, all of it or nothing.

    The run's rows are put into one file, and the file into the table by one job, whose name is the run's: killed at any
    place and tried again, it neither loses nor doubles a row. A run that writes a range again, by `start`, loads
    nothing.

    Args:
        spec: the view's; it has a load.
        include: the folder with sql/.

    Returns (XCom): `rows` that there were, `rejected` of those, `since` and `until`; of a dry run how many there would
    be.

    Raises:
        AirflowFailException: the rows are not fit to be loaded, or somebody has to change something first.
        RetriableError: Snowflake, BigQuery or Postgres is away.
    """

    ui_color = "#e2eaf6"

    def __init__(
        self,
        *,
        spec: FeatureSpec,
        include: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(spec=spec, **kwargs)
        if spec.load is None:
            raise ValueError(f"feature view {spec.view}: its spec has no load")
        self.load = spec.load
        self.include = include

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, check, load."""
        # Not at the top: Arrow, Snowflake's and Google's libraries take seconds to import, a DAG file's parse has none.
        from drivetrain.features.encode import ColumnRefusedError
        from hooks.feature_store import FeatureStoreHook
        from hooks.feature_warehouse import FeatureWarehouseHook
        from hooks.incoming_rows import loaded_table

        run_id = context["run_id"]
        store, state = FeatureStoreHook(self.feature_store_conn_id), StateHook(self.state_conn_id)
        with told_to_airflow():
            refuse_unknown(context, PARAMS)
            if asked_range(context["params"]):
                self.log.info("a range of what is there is written again: nothing is loaded")
                return {}
            registered, now = store.view(self.spec.view), state.now()
            table, loads = loaded_table(registered), store.loads(self.spec.view, state)
            oldest = None if registered.ttl is None else now - registered.ttl
            if is_dry_run(context):
                return self._counted(loads.next_since(self.load.overlap_time, oldest), now)
            known = loads.begin(run_id, now, overlap=self.load.overlap_time, oldest=oldest)
            if known.outcome is LoadOutcome.LOADED:
                return _told(known, known.rows, known.rejected)
            with tempfile.TemporaryDirectory(prefix="loaded-") as folder:
                try:
                    found = self._fetch(registered, known, Path(folder), now)
                except ColumnRefusedError as error:
                    loads.done(run_id, LoadOutcome.REFUSED, now=now, rows=0, rejected=0, rejects=(), detail=str(error))
                    raise
                kept = {"now": now, "rows": found.rows, "rejected": found.rejected, "rejects": _first(found)}
                if (reason := self._refusal(found, loads.usual_rows())) is not None:
                    loads.done(run_id, LoadOutcome.REFUSED, **kept, detail=reason)
                    raise GuardError(
                        f"feature view {self.spec.view}: {self.load.sql}: {reason}; nothing was loaded, and the first "
                        f"{_KEPT_REJECTS:,} rejected rows are in feature_loads in the state database"
                    )
                if found.rows > found.rejected:
                    FeatureWarehouseHook(store.settings.gcp_conn_id).load(found.good, table, key=f"{table}#{run_id}")
            loads.done(run_id, LoadOutcome.LOADED, **kept)
        self.log.info("%s: %d rows, %d rejected%s", self.spec.view, found.rows, found.rejected, found.told)
        return _told(known, found.rows, found.rejected)

    def _refusal(self, found: SortedRows, usual: Any) -> str | None:
        from drivetrain.features.landing import why_unfit

        # No rows are no mistake here: nothing was new.
        reason = why_unfit(self.load, found.rows, found.rejected, usual) if found.rows else None
        return None if reason is None else reason + found.told

    def _fetch(self, registered: RegisteredView, known: KnownLoad, folder: Path, now: dt.datetime) -> SortedRows:
        from drivetrain.features.query_rows import column_places, view_batches
        from hooks.incoming_rows import sort_rows

        with self._asked(self._sql(), known.since, known.until) as result:
            places = column_places(result.schema.names, registered.view, where=self.load.sql)
            batches = view_batches(result.batches(), places, registered.view, where=self.load.sql)
            return sort_rows(batches, folder, registered.view, now)

    def _counted(self, since: dt.datetime | None, now: dt.datetime) -> dict[str, Any]:
        with self._asked(f"SELECT COUNT(*) AS N FROM (\n{self._sql()}\n)", since, now) as result:  # noqa: S608 - the file is git's
            rows = sum(int(batch.column(0)[0].as_py()) for batch in result.batches())
        self.log.info("dry run: %d rows of %s; nothing was loaded", rows, self.load.sql)
        return {"rows": rows, "rejected": 0, "since": since and since.isoformat(), "until": now.isoformat()}

    @contextmanager
    def _asked(self, sql: str, since: dt.datetime | None, until: dt.datetime) -> Iterator[Any]:
        from hooks.snowflake import ArrowSnowflakeHook

        hook = ArrowSnowflakeHook(snowflake_conn_id=self.load.connection)
        parameters = {"since": since.isoformat(" ") if since else _BEGINNING, "until": until.isoformat(" ")}
        with hook.arrow_result(sql, parameters, name=f"feature view {self.spec.view}: {self.load.sql}") as result:
            yield result

    def _sql(self) -> str:
        return (Path(self.include) / "sql" / self.load.sql).read_text(encoding="utf-8").rstrip().rstrip(";")


def _first(found: SortedRows) -> list[dict[str, Any]]:
    """The first rejected rows, as JSON has them."""
    import orjson

    from hooks.feature_files import first_rows

    rows = first_rows(found.bad, _KEPT_REJECTS) if found.rejected else []
    text: list[dict[str, Any]] = orjson.loads(orjson.dumps(rows, default=str))
    return text


def _told(known: KnownLoad, rows: int, rejected: int) -> dict[str, Any]:
    since = known.since.isoformat() if known.since else None
    return {"rows": rows, "rejected": rejected, "since": since, "until": known.until.isoformat()}
