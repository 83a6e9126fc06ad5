"""Looks at all sheet syncs, and tells whoever has to know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from drivetrain.alerts.conditions import findings
from drivetrain.alerts.facts import Facts
from drivetrain.alerts.notice import Notice, worst_first
from drivetrain.alerts.routes import load_routes
from drivetrain.alerts.telling import Teller
from drivetrain.errors import DrivetrainError, RetriableError
from drivetrain.metrics.sheets import PREFIX, measures
from drivetrain.sheets.dispatch import KIND
from drivetrain.state.alerts import PostgresAlerts
from drivetrain.state.standings import runs_of_the_last_hour, sync_standings
from hooks.alerts import links, senders
from hooks.job_queue import job_queue
from hooks.metrics import emit
from hooks.sheets_quota_use import quota_use
from hooks.state import StateHook
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.runs import is_dry_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from airflow.sdk import Context

    from drivetrain.alerts.notice import Item, Links

    T = TypeVar("T")

MOST_DEAD_LETTERS = 1_000


class SheetsHealthOperator(BaseOperator):
    """Find what is wrong, send the numbers to where metrics go, and tell the channels what they don't know.

    What can't be looked at (a queue, Redis) is said in the log and in `blind`: the rest goes on without it.

    Args:
        include: the folder with alerts/routes.yaml.
        state_conn_id: Postgres.
        redis_conn_id: the shared count of calls, if there is one.

    Returns (XCom): counts, see drivetrain.alerts.telling.Report; `failed`: channels, and `blind`: what could not be
    looked at, each with the reason.
    """

    ui_color = "#ffe3e0"

    def __init__(
        self,
        *,
        include: str,
        state_conn_id: str = StateHook.default_conn_name,
        redis_conn_id: str = "redis_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.include = include
        self.state_conn_id, self.redis_conn_id = state_conn_id, redis_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """One round."""
        with told_to_airflow():
            refuse_unknown(context, {"dry_run"})
            routes = load_routes(Path(self.include))
            state = StateHook(self.state_conn_id)
            facts = self._look(state)
            found = findings(facts, routes.limits)
            teller = Teller(routes, senders(routes), PostgresAlerts(state.engine), links=links(routes), clock=state.now)
            if is_dry_run(context):
                return self._print(teller.pending(found), facts, links(routes))
            emit(measures(facts, routes.limits), PREFIX)
            report = teller.tell(found)
        self.log.info("%d alerts hold, %d items told", report.alerts, report.told)
        if report.unheard:
            reasons = "; ".join(f"{name}: {report.failed[name]}" for name in report.unheard)
            raise RetriableError(f"channels that can't be told, and no other one could be told so: {reasons}")
        return {"alerts": report.alerts, "told": report.told, "failed": report.failed, "blind": dict(facts.blind)}

    def _look(self, state: StateHook) -> Facts:
        blind: dict[str, str] = {}

        def unless_away(what: str, look: Callable[[], T]) -> T | None:
            try:
                return look()
            except DrivetrainError as error:
                blind[what] = str(error)
                self.log.warning("%s: can't be looked at: %s", what, error)
                return None

        now = state.now()
        queue = job_queue(KIND, state=state)
        return Facts(
            at=now,
            blind=blind,
            # Without these there is nothing to say: the task fails, and says so.
            syncs=sync_standings(state.engine),
            runs=runs_of_the_last_hour(state.engine, now),
            depth=unless_away("queue", queue.depth),
            dead_letters=unless_away("dead letters", lambda: queue.dead_letters(limit=MOST_DEAD_LETTERS)),
            quota=unless_away("quota", lambda: quota_use(self.redis_conn_id)),
        )

    def _print(self, pending: Mapping[str, Sequence[Item]], facts: Facts, where: Links) -> dict[str, Any]:
        would: dict[str, list[str]] = {}
        for channel, items in pending.items():
            notice = Notice(worst_first(items), facts.at, where)
            would[channel] = notice.lines(100)
            self.log.info("channel %s would hear:\n%s", channel, "\n".join(would[channel]))
        if not would:
            self.log.info("no channel would hear anything")
        return {"would_tell": would, "blind": dict(facts.blind), "dry_run": True}
