"""Lets Redis forget entities of a feature view that BigQuery has no row of any more."""

from __future__ import annotations

import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivetrain.errors import GuardError
from drivetrain.features.window import Window
from drivetrain.state.features import RunKind, Totals
from hooks.state import StateHook
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.feature_operator import FeatureOperator
from operators.feature_runs import affordable
from operators.runs import is_dry_run

if TYPE_CHECKING:
    import datetime as dt

    from airflow.sdk import Context

    from drivetrain.features.registry import RegisteredView
    from drivetrain.features.spec import FeatureSpec, Prune
    from hooks.feature_store import FeatureStoreHook
    from hooks.feature_warehouse import FeatureWarehouseHook


@dataclass(frozen=True)
class _Candidates:
    """What is to be forgotten, as a table of BigQuery's.

    Attributes:
        online: how many entities Redis has.
        gone: how many of them are to be forgotten.
    """

    table: str
    online: int
    gone: int


class PruneFeaturesOperator(FeatureOperator):
    """Ask BigQuery which of the entities in Redis it has no row of, and take the view's features from those.

    Redis is read first: what it gets while BigQuery is asked is not among the entities, and what is written again
    meanwhile stays. Killed at any place and run again it ends the same.

    Args:
        spec: the view's; its `prune` says how much may go.

    Returns (XCom): `online`, how many entities Redis had, `gone`, how many of them were to go, and of those `removed`,
    and `kept`, which were written meanwhile.

    Raises:
        AirflowFailException: more were to go than the spec lets a run remove, or the question would cost too much.
        RetriableError: BigQuery, Redis or Postgres is away.
    """

    ui_color = "#f1e4e4"

    def __init__(
        self,
        *,
        spec: FeatureSpec,
        **kwargs: Any,
    ) -> None:
        super().__init__(spec=spec, **kwargs)
        if spec.prune is None:
            raise ValueError(f"feature view {spec.view}: its spec has no prune")
        self.prune = spec.prune

    def execute(self, context: Context) -> dict[str, int]:
        """Read, ask, remove."""
        # Not at the top: Arrow, SQLGlot and Google's libraries take seconds to import, a DAG file's parse has none.
        from hooks.feature_store import FeatureStoreHook
        from hooks.feature_warehouse import FeatureWarehouseHook

        spec, run_id = self.spec, f"prune {context['run_id']}"  # a run of the view's own DAG may have the same id
        store, state = FeatureStoreHook(self.feature_store_conn_id), StateHook(self.state_conn_id)
        with told_to_airflow():
            refuse_unknown(context, ("dry_run",))
            registered, now = store.view(spec.view), state.now()
            warehouse = FeatureWarehouseHook(store.settings.gcp_conn_id)
            found = self._candidates(registered, store, warehouse, now)
            told = {"online": found.online, "gone": found.gone, "removed": 0, "kept": 0}
            refusal = _refusal(self.prune, found)
            if is_dry_run(context):
                self.log.info("dry run: %s%s", told, f"; it would be refused: {refusal}" if refusal else "")
                warehouse.drop(found.table)
                return told
            runs = store.runs(spec.view, state)
            refusals = [refusal] if refusal else []
            runs.staged(run_id, RunKind.PRUNE, Window(until=now), now=now, rows=found.gone, bins={}, refusals=refusals)
            if refusal:
                raise GuardError(
                    f"feature view {spec.view}: {refusal}; none was removed, and those that were to go are in "
                    f"{found.table}: mend the source, or raise prune.max_share"
                )
            told["removed"], told["kept"] = self._remove(registered, store, warehouse, found)
            totals = Totals(written=told["removed"], stale=told["kept"], rejected=0)
            runs.written(run_id, totals, now=state.now(), read_until=None)
            warehouse.drop(found.table)
        self.log.info("%s: %s", spec.view, told)
        return told

    def _candidates(
        self, registered: RegisteredView, store: FeatureStoreHook, warehouse: FeatureWarehouseHook, now: dt.datetime
    ) -> _Candidates:
        import pyarrow.parquet as pq

        from drivetrain.features import prune_sql

        spec, view = self.spec, registered.view
        labels = {"drivetrain_view": spec.view, "drivetrain_team": spec.team}
        key = uuid.uuid4().hex  # another each time: what a try before has left is of no use
        online, target = (store.staging_table(spec.view, f"{name}_{key}") for name in ("online", "gone"))
        warehouse.run(prune_sql.online_table(view, target=online), max_gib=spec.max_gib, labels=labels)
        try:
            question = prune_sql.gone(
                registered, online=online, target=target, older_than=self._older_than(registered, now)
            )
            affordable(warehouse, question, spec)
            count = 0
            with tempfile.TemporaryDirectory(prefix="online-") as folder:
                path = Path(folder) / "entities.parquet"
                with pq.ParquetWriter(path, prune_sql.online_schema(view)) as writer:
                    for some in store.entities(view):
                        writer.write_table(some)
                        count += len(some)
                if count:
                    warehouse.load(path, online, key=key)
            warehouse.run(question, max_gib=spec.max_gib, labels=labels)
        finally:
            warehouse.drop(online)
        return _Candidates(target, count, warehouse.rows(target))

    def _older_than(self, registered: RegisteredView, now: dt.datetime) -> dt.datetime | None:
        longer = self.prune.time_after_ttl
        return None if longer is None or registered.ttl is None else now - registered.ttl - longer

    def _remove(
        self, registered: RegisteredView, store: FeatureStoreHook, warehouse: FeatureWarehouseHook, found: _Candidates
    ) -> tuple[int, int]:
        """How many were removed, and how many were not, since they were written meanwhile."""
        import pyarrow as pa

        from drivetrain.features.gone_rows import GoneRows
        from drivetrain.features.prune_sql import KEY, SEEN

        removed = kept = 0
        with store.writer() as writer:
            for batch in warehouse.batches(found.table, [KEY, SEEN], 0):
                keys = batch.column(KEY).cast(pa.large_binary())
                done = writer.write(GoneRows(registered.view, keys, batch.column(SEEN).to_numpy()))
                removed, kept = removed + done.written, kept + done.stale
        return removed, kept


def _refusal(prune: Prune, found: _Candidates) -> str | None:
    if found.gone <= prune.max_share * found.online:
        return None
    return (
        f"{found.gone:,} of {found.online:,} entities in Redis are to be forgotten, more than a share of "
        f"{prune.max_share:g}"
    )
