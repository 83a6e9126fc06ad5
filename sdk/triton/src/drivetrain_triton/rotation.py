"""Which server is asked first, and which next."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Rotation(Generic[T]):
    """Servers in turn. May be used by many threads: counting on is one step of the interpreter."""

    def __init__(self, servers: Sequence[T]) -> None:
        self._servers, self._turn = tuple(servers), itertools.count()

    def all(self) -> tuple[T, ...]:
        """In the order they were given."""
        return self._servers

    def order(self) -> list[T]:
        """All, the one whose turn it is first."""
        first = next(self._turn) % len(self._servers)
        return [*self._servers[first:], *self._servers[:first]]
