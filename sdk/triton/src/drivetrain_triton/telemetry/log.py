"""Requests in a log: those that failed, and with DEBUG all. No value, header or token is ever in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivetrain_triton.telemetry.outcome import Outcome


class LogObserver:
    """Writes to a logger of the standard library, with fields for those that write JSON.

    Args:
        logger: None: "drivetrain_triton".
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("drivetrain_triton")

    def __call__(self, outcome: Outcome) -> None:
        """One line."""
        level = logging.DEBUG if outcome.error is None else logging.WARNING if outcome.is_last else logging.INFO
        if not self._logger.isEnabledFor(level):
            return
        fields = {
            "triton_what": outcome.what,
            "triton_model": outcome.model,
            "triton_server": outcome.server,
            "triton_attempt": outcome.attempt,
            "triton_seconds": round(outcome.seconds, 6),
            "triton_result": outcome.result,
        }
        self._logger.log(
            level,
            "%s of model %s at %s: %s after %.3f s%s",
            outcome.what,
            outcome.model or "-",
            outcome.server,
            outcome.result,
            outcome.seconds,
            "" if outcome.is_last else ", asked again",
            extra=fields,
        )
