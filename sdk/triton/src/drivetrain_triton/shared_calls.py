"""Requests whose tensors are in shared memory, for code that waits. shared_calls_aio has the same for asyncio."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from drivetrain_triton.deadlines import Deadline
from drivetrain_triton.errors import ModelNotFoundError, RefusedError, TritonError
from drivetrain_triton.shared_memory import PREFIX, Placing, Regions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drivetrain_triton.calls import Inferred, Request
    from drivetrain_triton.shared_memory import Region
    from drivetrain_triton.signature import Signature
    from drivetrain_triton.transports.port import Transport

_SECONDS_TO_CLOSE = 1.0
_SHARED = Path("/dev/shm")  # noqa: S108 (it is Linux' own)


def forgotten(registered: Mapping[str, str]) -> list[str]:
    """Of what a server knows, by name and key, ours whose memory is gone: their process was killed."""
    return [
        name for name, key in registered.items() if name.startswith(PREFIX) and not (_SHARED / key.lstrip("/")).exists()
    ]


def is_unknown(error: RefusedError | ModelNotFoundError) -> bool:
    """The server was started again, and knows the region no more."""
    return "shared memory region" in str(error)


class SharedCalls:
    """Those of one client. May be used by many threads."""

    def __init__(self) -> None:
        self._regions: dict[str, Regions] = {}
        self._lock = threading.Lock()

    def infer(self, request: Request, signature: Signature, one: Transport, timeout_seconds: float) -> Inferred:
        """Run a model.

        Raises:
            TritonError: as without shared memory; RefusedError, too, where the server can't open it.
        """
        deadline = Deadline(timeout_seconds)
        what = f"infer of model {request.model}"
        with self._lock:
            regions = self._regions.setdefault(one.server.url, Regions())
        placing = Placing.of(request, signature)
        region = regions.lease(placing.size)
        try:
            placed = placing.written(request, region)
            was_registered = region.is_registered
            if not was_registered:
                self._register(regions, region, one, deadline)
            try:
                answer = one.infer(placed, deadline.left(what, model=request.model))
            except (RefusedError, ModelNotFoundError) as error:
                if not was_registered or not is_unknown(error):
                    raise
                self._register(regions, region, one, deadline)
                answer = one.infer(placed, deadline.left(what, model=request.model))
            found = placing.read(answer, region)
        except BaseException:
            regions.drop(region)
            raise
        regions.give_back(region)
        return found

    def _register(self, regions: Regions, region: Region, one: Transport, deadline: Deadline) -> None:
        what = f"{one.server.url}: register shared memory"
        names = regions.to_unregister()
        if not regions.has_looked:
            names += forgotten(one.registered(deadline.left(what)))
            regions.has_looked = True
        _unregister(one, names, deadline.left(what))
        one.register(region.name, region.key, region.memory.size, deadline.left(what))
        region.is_registered = True

    def close(self, transports: Iterable[Transport]) -> None:
        """Remove all of it, and tell the servers that can be reached."""
        with self._lock:
            regions, self._regions = self._regions, {}
        for one in transports:
            if one.server.url in regions:
                _unregister(one, regions[one.server.url].close(), _SECONDS_TO_CLOSE)


def _unregister(one: Transport, names: Iterable[str], timeout_seconds: float) -> None:
    for name in names:
        with suppress(TritonError):  # it is gone from this machine anyway
            one.unregister(name, timeout_seconds)
