"""Looks at all sheet syncs, and tells whoever has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drivetrain.alerts.conditions import findings
from drivetrain.alerts.facts import Facts
from drivetrain.errors import DrivetrainError
from drivetrain.metrics.sheets import PREFIX, measures
from drivetrain.sheets.dispatch import KIND
from drivetrain.state.standings import runs_of_the_last_hour, sync_standings
from hooks.job_queue import job_queue
from hooks.sheets_quota_use import quota_use
from operators.health import Basis, HealthOperator, Look

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from typing import TypeVar

    from hooks.state import StateHook

    T = TypeVar("T")

MOST_DEAD_LETTERS = 1_000


class SheetsHealthOperator(HealthOperator):
    """Find what is wrong, send the numbers to where metrics go, and tell the channels what they don't know.

    What can't be looked at (a queue, Redis) is said in the log and in `blind`: the rest goes on without it.

    Args:
        redis_conn_id: the shared count of calls, if there is one.

    Returns (XCom): `blind`: what could not be looked at, each with the reason; and see HealthOperator.
    """

    def __init__(self, *, redis_conn_id: str = "redis_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.redis_conn_id = redis_conn_id

    def look(self, basis: Basis) -> Look:
        """See HealthOperator."""
        facts = self._facts(basis.state, basis.now)
        return Look(
            findings(facts, basis.routes.limits),
            {"blind": dict(facts.blind)},
            measures(facts, basis.routes.limits),
            PREFIX,
        )

    def _facts(self, state: StateHook, now: dt.datetime) -> Facts:
        blind: dict[str, str] = {}

        def unless_away(what: str, look: Callable[[], T]) -> T | None:
            try:
                return look()
            except DrivetrainError as error:
                blind[what] = str(error)
                self.log.warning("%s: can't be looked at: %s", what, error)
                return None

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
