"""Entities whose features of a view are to leave Redis, if they are still those that were looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from drivetrain.features.online_rows import time_reads, view_fields
from drivetrain.features.redis_commands import commands
from drivetrain.features.timestamps import stored_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from drivetrain.features.redis_commands import Commands
    from drivetrain.features.view import View


@dataclass(frozen=True)
class GoneRows:
    """n entities, each once. What the hash has of other views stays; one that has nothing else is gone.

    Attributes:
        keys: of their hashes.
        times: the event times that were seen there, in microseconds since 1970, shape (n,).
    """

    view: View
    keys: pa.LargeBinaryArray
    times: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.times)

    def take(self, places: NDArray[np.int64]) -> GoneRows:
        """Some of them."""
        return GoneRows(self.view, self.keys.take(places), self.times[places])

    def slice(self, start: int, count: int) -> GoneRows:
        """Some of them that lie together."""
        return GoneRows(self.view, self.keys.slice(start, count), self.times[start : start + count])

    def reads(self) -> Commands:
        """HGET of each entity's event time, as it is now."""
        return time_reads(self.view, self.keys)

    def due(self, stored: Sequence[bytes | None]) -> NDArray[np.int64]:
        """The places of those that nobody wrote since they were seen."""
        known = np.fromiter(map(stored_time, stored), dtype=np.int64, count=len(stored))
        return np.flatnonzero(self.times == known)

    def writes(self) -> Commands:
        """HDEL of the view's features and event time."""
        return commands(b"HDEL", self.keys, *view_fields(self.view))
