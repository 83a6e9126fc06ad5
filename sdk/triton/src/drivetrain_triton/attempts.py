"""What one call asks, of whom, and whether again: all of the deciding, none of the waiting.

Both clients go through it in the same way: take a replica, ask it, and say what became of it. Where a call is hedged,
two are asked at a time.
"""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from drivetrain_triton.errors import (
    AbandonedError,
    CircuitOpenError,
    ConnectionLostError,
    DeadlineError,
    OverloadedError,
    TritonError,
    UnreachableError,
)
from drivetrain_triton.telemetry.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain_triton.deadlines import Deadline
    from drivetrain_triton.replicas import Replica, Replicas
    from drivetrain_triton.retry_budget import RetryBudget
    from drivetrain_triton.telemetry.outcome import Observer

T = TypeVar("T")

_log = logging.getLogger(__name__)

# What says something of the server. A model that fails may fail for what it was sent.
_OF_THE_SERVER = (UnreachableError, ConnectionLostError, OverloadedError)
_PATIENT = 3  # times what the server usually takes: who waits for less says nothing of it by giving up


@dataclass(frozen=True)
class RetryRules:
    """When a call is tried again.

    Attributes:
        attempts: at most, with the first.
        pause_seconds: at most before the second; twice as long before each further one, and each time a random part.
        longest_pause_seconds: and no longer than this.
    """

    attempts: int = 3
    pause_seconds: float = 0.05
    longest_pause_seconds: float = 1.0


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What all calls of one kind share.

    Attributes:
        replicas: of the client.
        budget: of the client.
        rules: see RetryRules.
        what: is done: "infer", "metadata", ...
        model: that is asked.
        may_run_twice: it does no harm if the model runs a second time, the first answer being lost.
        observers: are told of each request.
        draw: what is random.
    """

    replicas: Replicas[T]
    budget: RetryBudget
    rules: RetryRules
    what: str
    model: str = ""
    may_run_twice: bool = False
    observers: Sequence[Observer] = ()
    draw: random.Random = field(default_factory=random.Random)

    def __str__(self) -> str:
        return f"{self.what} of model {self.model}" if self.model else self.what


class Asked(Generic[T]):
    """One attempt.

    Attributes:
        replica: whom it asks.
        left: seconds for it.
        number: of the call's, from 1.
        began: as the replica's clock has it.
    """

    __slots__ = ("began", "left", "number", "replica")

    def __init__(self, replica: Replica[T], left: float, number: int) -> None:
        self.replica, self.left, self.number, self.began = replica, left, number, replica.begin()


class Attempts(Generic[T]):
    """One call's.

    Args:
        kind: of call.
        deadline: of the call.
        only: the server that alone will do; None: any.

    Attributes:
        answered_by: who answered; None: nobody has.
    """

    __slots__ = ("_deadline", "_kind", "_last", "_replicas", "_tried", "_under_way", "answered_by")

    def __init__(self, kind: Kind[T], deadline: Deadline, only: Replica[T] | None = None) -> None:
        self._kind, self._deadline = kind, deadline
        self._replicas = kind.replicas if only is None else kind.replicas.alone(only)
        self._tried: list[Replica[T]] = []
        self._under_way = 0
        self._last: TritonError | None = None
        self.answered_by: Replica[T] | None = None
        kind.budget.called()

    def next(self) -> Asked[T]:
        """Whom to ask.

        Raises:
            DeadlineError: no time is left.
            CircuitOpenError: all servers have failed, and are left alone for now.
        OverloadedError: the client limits what servers are given, and all have that.
        """
        left = self.left()
        replica = self._replicas.pick(self._tried)
        if replica is None:
            if self._last is not None:
                raise self._last
            if self._replicas.rest_seconds() == 0:
                raise OverloadedError(
                    f"{self._kind}: all servers have as many requests under way as they answer in time",
                    model=self._kind.model,
                )
            raise CircuitOpenError(
                f"{self._kind}: all servers failed and are left alone for {self._replicas.rest_seconds():.1f} s",
                model=self._kind.model,
            )
        return self._asked(replica, left)

    def left(self) -> float:
        """Seconds for all of it.

        Raises:
            DeadlineError: there are none.
        """
        return self._deadline.left(self._kind, model=self._kind.model)

    def hedge(self) -> Asked[T] | None:
        """Whom to ask beside those that have not answered yet; None: nobody else, or not now."""
        if len(self._tried) >= self._kind.rules.attempts or len(self._tried) >= len(self._replicas.all):
            return None
        try:
            left = self.left()
        except DeadlineError:
            return None
        # A hedge is a request more, as a retry is. What is taken for one that nobody can be asked is not given back.
        if not self._kind.budget.take():
            return None
        replica = self._replicas.pick(self._tried, others_alone=True)
        return None if replica is None else self._asked(replica, left)

    def _asked(self, replica: Replica[T], left: float) -> Asked[T]:
        self._tried.append(replica)
        self._under_way += 1
        return Asked(replica, left, len(self._tried))

    def succeeded(self, asked: Asked[T]) -> None:
        """It answered."""
        under_way = asked.replica.under_way
        seconds = self._ended(asked)
        if asked.replica.limit is not None:
            asked.replica.limit.answered(under_way)
        self.answered_by = asked.replica
        asked.replica.breaker.succeeded()
        self._tell(asked, seconds, None, is_last=True)

    def abandoned(self, asked: Asked[T]) -> None:
        """Another one answered first, or nobody waits any more. It says nothing of the server."""
        seconds = self._ended(asked)
        error = AbandonedError(f"{self._kind}: nobody waits for the answer any more", model=self._kind.model)
        self._tell(asked, seconds, error, is_last=False)

    def failed(self, asked: Asked[T], error: TritonError, *, may_go_on: bool = True) -> float | None:
        """It did not answer; gives how many seconds to wait before the next attempt. None: others are under way.

        Args:
            asked: which.
            error: what it ended in.
            may_go_on: False: what came before is with the caller, and can't be taken back.

        Raises:
            TritonError: the error, where another attempt would not help, might do harm, or would come too late.
        """
        replica, seconds = asked.replica, self._ended(asked)
        if isinstance(error, _OF_THE_SERVER):
            replica.breaker.failed()
        elif not isinstance(error, DeadlineError):
            replica.breaker.succeeded()
        elif asked.left >= _PATIENT * replica.usual_seconds:
            replica.breaker.failed()
        if replica.limit is not None and isinstance(error, DeadlineError | OverloadedError):
            replica.limit.late(replica.usual_seconds)
        self._last = error
        if self._under_way:
            self._tell(asked, seconds, error, is_last=False)
            return None
        pause = self._pause_after(error) if may_go_on else None
        self._tell(asked, seconds, error, is_last=pause is None)
        if pause is None:
            raise error
        return pause

    def _pause_after(self, error: TritonError) -> float | None:
        """Seconds; None: it is not tried again."""
        again = error.may_do_better and (error.is_surely_not_run or self._kind.may_run_twice)
        if not again or len(self._tried) >= self._kind.rules.attempts:
            return None
        pause = self._pause()
        try:
            left = self.left()
        except DeadlineError:
            return None
        return pause if pause < left and self._kind.budget.take() else None

    def _ended(self, asked: Asked[T]) -> float:
        """Seconds that it took."""
        self._under_way -= 1
        return asked.replica.end(asked.began)

    def _tell(self, asked: Asked[T], seconds: float, error: TritonError | None, *, is_last: bool) -> None:
        if not self._kind.observers:
            return
        transport: Any = asked.replica.transport
        outcome = Outcome(
            what=self._kind.what,
            model=self._kind.model,
            server=transport.server.url,
            attempt=asked.number,
            began=time.time() - seconds,
            seconds=seconds,
            error=error,
            is_last=is_last,
        )
        for observer in self._kind.observers:
            try:
                observer(outcome)
            except Exception:  # whoever looks on must not break what it looks at
                _log.exception("an observer of requests failed")

    def _pause(self) -> float:
        """Another server is asked at once; the same one again after a while, which differs from client to client."""
        if len(set(map(id, self._tried))) < len(self._replicas.all):
            return 0.0
        most = self._kind.rules.pause_seconds * 2 ** (len(self._tried) - len(self._replicas.all))
        return self._kind.draw.uniform(0, min(most, self._kind.rules.longest_pause_seconds))
