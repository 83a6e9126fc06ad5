"""What became of one request to one server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from drivetrain_triton.errors import TritonError


@dataclass(frozen=True)
class Outcome:
    """It is made once the request has ended, in whatever way.

    Attributes:
        what: was done: "infer", "metadata", "config".
        model: was asked.
        server: its URL.
        attempt: of the call, from 1.
        began: seconds since 1970.
        seconds: that it took.
        error: None: it was answered.
        is_last: the call ends with it.
    """

    what: str
    model: str
    server: str
    attempt: int
    began: float
    seconds: float
    error: TritonError | None
    is_last: bool

    @property
    def result(self) -> str:
        """A word for it: ok, or the error's class without its ending, as "connection_lost"."""
        if self.error is None:
            return "ok"
        name = type(self.error).__name__.removesuffix("Error")
        return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class Observer(Protocol):
    """Is told of each request. It should be quick, and must not raise."""

    def __call__(self, outcome: Outcome) -> None:
        """One request has ended."""
