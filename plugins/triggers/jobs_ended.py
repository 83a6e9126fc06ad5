"""Waits until jobs of sheet syncs have ended, without holding a worker."""

from __future__ import annotations

import asyncio
import datetime as dt
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from drivetrain.errors import UnavailableError
from drivetrain.state.ends import ends_of
from hooks.state import StateHook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class JobsEndedTrigger(BaseTrigger):
    """Fires once: when all have ended, or the time is up. How they ended, the task reads itself.

    Args:
        keys: of the jobs.
        due_at: what their runs are about, ISO 8601 with its zone.
        until: when to stop waiting, likewise.
        state_conn_id: Postgres.
        poll_seconds: between two looks.
    """

    def __init__(
        self,
        *,
        keys: list[str],
        due_at: str,
        until: str,
        state_conn_id: str = StateHook.default_conn_name,
        poll_seconds: float = 2.0,
    ) -> None:
        super().__init__()
        self.keys, self.due_at, self.until = keys, due_at, until
        self.state_conn_id, self.poll_seconds = state_conn_id, poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See BaseTrigger."""
        names = ("keys", "due_at", "until", "state_conn_id", "poll_seconds")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, and look again; a database that is away is waited for."""
        state = StateHook(self.state_conn_id)
        until = dt.datetime.fromisoformat(self.until)
        look = partial(self._all_ended, state)
        try:
            while not await asyncio.to_thread(look) and state.now() < until:
                await asyncio.sleep(self.poll_seconds)
        finally:
            if "engine" in state.__dict__:
                await asyncio.to_thread(state.engine.dispose)
        yield TriggerEvent({"waited_until": state.now().isoformat()})

    def _all_ended(self, state: StateHook) -> bool:
        try:
            ends = ends_of(state.engine, self.keys, dt.datetime.fromisoformat(self.due_at))
        except UnavailableError as error:
            self.log.warning("%s: trying again", error)
            return False
        return len(ends) == len(set(self.keys))
