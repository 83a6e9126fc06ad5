"""A client's servers, with what its calls share: which servers rest, and how many requests may be sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from drivetrain_triton.attempts import Attempts, RetryRules
from drivetrain_triton.breaker import BreakerRules
from drivetrain_triton.replicas import Replicas
from drivetrain_triton.retry_budget import RetryBudget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain_triton.deadlines import Deadline
    from drivetrain_triton.replicas import Replica
    from drivetrain_triton.settings import TritonSettings
    from drivetrain_triton.telemetry.outcome import Observer

T = TypeVar("T")


class Fleet(Generic[T]):
    """One client's.

    Args:
        transports: one for each server.
        settings: of the client.
        observers: are told of each request.
    """

    def __init__(self, transports: Sequence[T], settings: TritonSettings, observers: Sequence[Observer] = ()) -> None:
        rules = BreakerRules(settings.failures, settings.rest_seconds, max(30.0, settings.rest_seconds))
        self.transports = tuple(transports)
        self._replicas = Replicas(self.transports, rules)
        self._budget = RetryBudget(settings.retry_share)
        self._rules, self._observers = RetryRules(settings.attempts), tuple(observers)

    def attempts(
        self, deadline: Deadline, *, what: str, model: str, may_run_twice: bool, only: Replica[T] | None = None
    ) -> Attempts[T]:
        """One call's; of one server where only that will do."""
        return Attempts(
            self._replicas if only is None else self._replicas.alone(only),
            self._budget,
            self._rules,
            deadline,
            what=what,
            model=model,
            may_run_twice=may_run_twice,
            observers=self._observers,
        )
