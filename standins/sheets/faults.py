"""Faults on request: the n-th matching call, or a share of all, fails in a chosen way, before its effect or after."""

from __future__ import annotations

import itertools
import random
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

KINDS = ("429", "500", "503", "reset", "timeout_before", "timeout_after", "reset_after")
# These strike after the effect is done and durable; the others before anything happens.
AFTER = ("timeout_after", "reset_after")


@dataclass
class Fault:
    """One registered fault. ``nth`` counts matching calls from 1, from the moment it is registered.

    With a ``share``, from 0 to 1, it strikes that part of all matching calls instead, drawn by ``seed``, until it is
    cleared.
    """

    id: int
    kind: str
    nth: int = 1
    count: int = 1
    method: str = "*"
    spreadsheet_id: str | None = None
    hold_seconds: float = 30.0
    retry_after: int | None = None
    share: float | None = None
    seed: int = 0
    seen: int = 0
    fired: int = 0

    def matches(self, method: str, spreadsheet_id: str | None) -> bool:
        """``*`` is every Sheets and Drive call; the token exchange has to be named (``token``)."""
        if self.spreadsheet_id is not None and self.spreadsheet_id != spreadsheet_id:
            return False
        return (method != "token" or self.method == "token") and fnmatchcase(method, self.method)


class Faults:
    """The registered faults; used from the event loop's thread only."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._draws: dict[int, random.Random] = {}
        self._ids = itertools.count(1)

    def add(self, spec: dict[str, Any]) -> Fault:
        """Register a fault; ValueError if it makes no sense."""
        known = {"kind", "nth", "count", "method", "spreadsheet_id", "hold_seconds", "retry_after", "share", "seed"}
        unknown = set(spec) - known
        if unknown:
            raise ValueError(f"unknown fields of a fault: {', '.join(sorted(unknown))}")
        kind = str(spec.get("kind", ""))
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}: {kind!r}")
        fault = Fault(id=next(self._ids), **{**spec, "kind": kind})
        if fault.nth < 1 or fault.count < 1:
            raise ValueError("nth and count start at 1")
        if fault.share is not None and not 0 < fault.share <= 1:
            raise ValueError("share is above 0, and 1 at most")
        self._draws[fault.id] = random.Random(fault.seed)  # noqa: S311 - faults, no secrets
        self._faults.append(fault)
        return fault

    def take(self, method: str, spreadsheet_id: str | None) -> Fault | None:
        """Count the call with every fault that matches it, and return the first whose turn it is."""
        struck: Fault | None = None
        for fault in self._faults:
            if not fault.matches(method, spreadsheet_id):
                continue
            fault.seen += 1
            if struck is None and self._strikes(fault):
                fault.fired += 1
                struck = fault
        if struck is not None:
            self._faults = [
                fault for fault in self._faults if fault.share is not None or fault.seen < fault.nth + fault.count - 1
            ]
        return struck

    def _strikes(self, fault: Fault) -> bool:
        if fault.share is not None:
            return self._draws[fault.id].random() < fault.share
        return fault.nth <= fault.seen < fault.nth + fault.count

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()
        self._draws.clear()

    def listed(self) -> list[dict[str, Any]]:
        """What has not struck yet."""
        return [
            {**asdict(fault), "remaining": None if fault.share is not None else fault.count - fault.fired}
            for fault in self._faults
        ]
