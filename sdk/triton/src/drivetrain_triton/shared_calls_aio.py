"""Requests whose tensors are in shared memory, for asyncio. shared_calls has the same for code that waits."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from drivetrain_triton.deadlines import Deadline
from drivetrain_triton.errors import ModelNotFoundError, RefusedError, TritonError
from drivetrain_triton.shared_calls import forgotten, is_unknown
from drivetrain_triton.shared_memory import Placing, Regions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drivetrain_triton.calls import Inferred, Request
    from drivetrain_triton.shared_memory import Region
    from drivetrain_triton.signature import Signature
    from drivetrain_triton.transports.port import AsyncTransport

_SECONDS_TO_CLOSE = 1.0


class AsyncSharedCalls:
    """Those of one client."""

    def __init__(self) -> None:
        self._regions: dict[str, Regions] = {}

    async def infer(
        self, request: Request, signature: Signature, one: AsyncTransport, timeout_seconds: float
    ) -> Inferred:
        """Run a model.

        Raises:
            TritonError: as without shared memory; RefusedError, too, where the server can't open it.
        """
        deadline = Deadline(timeout_seconds)
        what = f"infer of model {request.model}"
        regions = self._regions.setdefault(one.server.url, Regions())
        placing = Placing.of(request, signature)
        region = regions.lease(placing.size)
        try:
            placed = placing.written(request, region)
            was_registered = region.is_registered
            if not was_registered:
                await self._register(regions, region, one, deadline)
            try:
                answer = await one.infer(placed, deadline.left(what, model=request.model))
            except (RefusedError, ModelNotFoundError) as error:
                if not was_registered or not is_unknown(error):
                    raise
                await self._register(regions, region, one, deadline)
                answer = await one.infer(placed, deadline.left(what, model=request.model))
            found = placing.read(answer, region)
        except BaseException:
            regions.drop(region)
            raise
        regions.give_back(region)
        return found

    async def _register(self, regions: Regions, region: Region, one: AsyncTransport, deadline: Deadline) -> None:
        what = f"{one.server.url}: register shared memory"
        names = regions.to_unregister()
        if not regions.has_looked:
            names += forgotten(await one.registered(deadline.left(what)))
            regions.has_looked = True
        await _unregister(one, names, deadline.left(what))
        await one.register(region.name, region.key, region.memory.size, deadline.left(what))
        region.is_registered = True

    async def close(self, transports: Iterable[AsyncTransport]) -> None:
        """Remove all of it, and tell the servers that can be reached."""
        regions, self._regions = self._regions, {}
        for one in transports:
            if one.server.url in regions:
                await _unregister(one, regions[one.server.url].close(), _SECONDS_TO_CLOSE)


async def _unregister(one: AsyncTransport, names: Iterable[str], timeout_seconds: float) -> None:
    for name in names:
        with suppress(TritonError):  # it is gone from this machine anyway
            await one.unregister(name, timeout_seconds)
