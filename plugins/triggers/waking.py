"""Triggers of assets' watchers whose events say that something waits, and carry nothing of it."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from drivetrain.errors import DrivetrainError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator


class WakingTrigger(BaseEventTrigger):
    """Wakes whenever there is something to do.

    Args:
        quiet_seconds: the least between two events. Whoever was woken finds all that came meanwhile.
        retry_seconds: before it begins anew where the server is away.
    """

    def __init__(self, *, quiet_seconds: float, retry_seconds: float) -> None:
        super().__init__()
        self.quiet_seconds, self.retry_seconds = quiet_seconds, retry_seconds

    @abstractmethod
    def wakes(self) -> AsyncGenerator[None, None]:
        """Yields whenever something waits; never ends by itself."""

    @abstractmethod
    def payload(self) -> dict[str, Any]:
        """Of each event."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Never ends: an error is logged, and the schedule's clock does the waking meanwhile."""
        while True:
            wakes = self.wakes()
            try:
                async with aclosing(wakes):
                    async for _ in wakes:
                        yield TriggerEvent(self.payload())
                        await asyncio.sleep(self.quiet_seconds)
            except DrivetrainError as error:
                self.log.warning("%s: nobody is woken, trying again in %g s", error, self.retry_seconds)
                await asyncio.sleep(self.retry_seconds)
