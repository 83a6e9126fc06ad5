"""What the health checks share: one look, and the channels hear what they don't know."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from drivetrain.alerts.notice import Notice, worst_first
from drivetrain.alerts.routes import load_routes
from drivetrain.alerts.telling import Teller
from drivetrain.errors import RetriableError
from drivetrain.state.alerts import PostgresAlerts
from hooks.alerts import links, senders
from hooks.metrics import emit
from hooks.state import StateHook
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.runs import is_dry_run

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from airflow.sdk import Context

    from drivetrain.alerts.conditions import Findings
    from drivetrain.alerts.routes import AlertRoutes
    from drivetrain.metrics.measure import Measure


@dataclass(frozen=True)
class Basis:
    """What a look goes by.

    Attributes:
        routes: with limits and times.
        state: what we know between runs.
        now: aware.
    """

    routes: AlertRoutes
    state: StateHook
    now: dt.datetime


@dataclass(frozen=True)
class Look:
    """What one look gave.

    Attributes:
        found: what is wrong.
        seen: numbers and names for the XCom.
        measures: gauges to send.
        prefix: of their names.
    """

    found: Findings
    seen: dict[str, Any] = field(default_factory=dict)
    measures: Iterable[Measure] = ()
    prefix: str = ""


class HealthOperator(BaseOperator):
    """Look, send the numbers to where metrics go, and tell the channels what they don't know.

    Args:
        include: the folder with alerts/routes.yaml.
        state_conn_id: Postgres.

    Returns (XCom): what the look says, and see drivetrain.alerts.telling.Report; of a dry run `would_tell`: lines by
    channel.
    """

    ui_color = "#ffe3e0"

    def __init__(self, *, include: str, state_conn_id: str = StateHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.include, self.state_conn_id = include, state_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """One round."""
        with told_to_airflow():
            refuse_unknown(context, {"dry_run"})
            routes = load_routes(Path(self.include))
            state, where = StateHook(self.state_conn_id), links(routes)
            now = state.now()
            look = self.look(Basis(routes, state, now))
            teller = Teller(routes, senders(routes), PostgresAlerts(state.engine), links=where, clock=state.now)
            if is_dry_run(context):
                would = {
                    channel: Notice(worst_first(items), now, where).lines(100)
                    for channel, items in teller.pending(look.found).items()
                }
                self._print(would)
                return {**look.seen, "would_tell": would, "dry_run": True}
            emit(look.measures, look.prefix)
            report = teller.tell(look.found)
        self.log.info("%d alerts hold, %d items told", report.alerts, report.told)
        if report.unheard:
            reasons = "; ".join(f"{name}: {report.failed[name]}" for name in report.unheard)
            raise RetriableError(f"channels that can't be told, and no other one could be told so: {reasons}")
        return {**look.seen, "alerts": report.alerts, "told": report.told, "failed": report.failed}

    def look(self, basis: Basis) -> Look:
        """Find what is wrong."""
        raise NotImplementedError

    def _print(self, would: dict[str, list[str]]) -> None:
        for channel, lines in would.items():
            self.log.info("channel %s would hear:\n%s", channel, "\n".join(lines))
        if not would:
            self.log.info("no channel would hear anything")
