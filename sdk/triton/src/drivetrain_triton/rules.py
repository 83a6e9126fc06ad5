"""What may be done with calls of one model, whoever answers."""

from __future__ import annotations

from dataclasses import dataclass

from drivetrain_triton.errors import ConfigurationError


@dataclass(frozen=True)
class Rules:
    """One model's.

    Attributes:
        may_run_twice: a call whose answer was lost may be made again.
        hedge_after_seconds: a second server is asked, too, if the first has not answered by then; None: never.
        shared_memory: tensors go through memory that the server shares.
    """

    may_run_twice: bool = False
    hedge_after_seconds: float | None = None
    shared_memory: bool = False

    @classmethod
    def of(cls, model: str, *, may_run_twice: bool, hedge_after_seconds: float | None, shared_memory: bool) -> Rules:
        """Checked.

        Raises:
            ConfigurationError: they contradict each other.
        """
        if hedge_after_seconds is not None and (not may_run_twice or hedge_after_seconds < 0):
            raise ConfigurationError(
                f"model {model}: hedge_after_seconds asks two servers: it needs may_run_twice=True and a time from 0",
                model=model,
            )
        return cls(may_run_twice, hedge_after_seconds, shared_memory)
