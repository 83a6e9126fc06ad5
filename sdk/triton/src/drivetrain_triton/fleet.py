"""A client's servers, with what its calls share: which servers rest, and how many requests may be sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from drivetrain_triton.attempts import Kind, RetryRules
from drivetrain_triton.breaker import BreakerRules
from drivetrain_triton.replicas import Replicas
from drivetrain_triton.retry_budget import RetryBudget

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        self._replicas = Replicas(self.transports, rules, is_limited=settings.limits_load)
        self._budget = RetryBudget(settings.retry_share)
        self._rules, self._observers = RetryRules(settings.attempts), tuple(observers)

    def kind(self, what: str, model: str = "", *, may_run_twice: bool) -> Kind[T]:
        """Of calls."""
        return Kind(self._replicas, self._budget, self._rules, what, model, may_run_twice, self._observers)
