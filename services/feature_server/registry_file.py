"""The registry's file as it is now: read again when it changes, and what was good stays where it can't be read."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from drivetrain.errors import DrivetrainError
from drivetrain.features.registry import load_registry, no_file
from drivetrain.features.serving import Plan, plan

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)
_PLANS = 1_000


class RegistryFile:
    """A registry and the plans made from it.

    Args:
        path: of the file.
        project: Feast's.

    Raises:
        FatalError: it can't be used; a server without one does not start.
    """

    def __init__(self, path: Path, project: str) -> None:
        self._path, self._project = path, project
        self._seen = self._stamp()
        self.current = load_registry(self._path, self._project)
        self._plans: dict[tuple[tuple[str, ...], str | None, bool], Plan] = {}

    def plan(self, features: tuple[str, ...], service: str | None, *, full_names: bool) -> Plan:
        """How to answer; made once for each set of features.

        Raises:
            RequestRefusedError: see drivetrain.features.serving.plan.
        """
        asked = (features, service, full_names)
        found = self._plans.get(asked)
        if found is None:
            found = plan(self.current, features, service, full_names=full_names)
            if len(self._plans) >= _PLANS:  # whoever asks for ever other sets pays for it
                self._plans.clear()
            self._plans[asked] = found
        return found

    async def watch(self, seconds: float) -> None:
        """Look at the file for ever."""
        while True:
            await asyncio.sleep(seconds)
            with contextlib.suppress(DrivetrainError):
                if (stamp := self._stamp()) != self._seen:
                    self.reload(stamp)

    def reload(self, stamp: tuple[int, int]) -> None:
        """Read the file again; one that can't be used leaves what was."""
        self._seen = stamp
        try:
            self.current = load_registry(self._path, self._project)
        except DrivetrainError as error:
            log.warning("%s; the registry of %s stays", error, self.current.updated_at.isoformat())
            return
        self._plans.clear()
        log.info("registry %s: read again: %d views", self._path, len(self.current.views))

    def _stamp(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError as error:
            raise no_file(self._path, error) from None
        return found.st_mtime_ns, found.st_size
