"""A sequence: requests that a model sees as one after the other, keeping a state of them.

https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_configuration.html#sequence-batcher

All go to the server that took the first. A request that surely has not run is made again there; after one of which that
is not known the server's state can't be known either, so the sequence ends.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drivetrain_triton.errors import InputError, SequenceError, TritonError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain_triton.calls import Request

_MOST = 2**63 - 1  # gRPC sends it as a signed number of 64 bits


@dataclass(frozen=True)
class Step:
    """Where in its sequence a request is.

    Attributes:
        sequence: the number of it, from 1.
        is_first: the server begins a state.
        is_last: the server forgets it afterwards.
    """

    sequence: int
    is_first: bool
    is_last: bool


class Steps:
    """The requests of one sequence, one at a time."""

    def __init__(self, model: str) -> None:
        self._model = model
        self.id = 1 + secrets.randbelow(_MOST)
        self._taken, self._is_over, self._lost = 0, False, ""

    def begun(self, sent: Sequence[Request], *, is_last: bool) -> Request:
        """The next request.

        Args:
            sent: of the call.
            is_last: the sequence ends with it.

        Raises:
            SequenceError: it has ended, or a request of it was lost.
            InputError: it has more rows than the model takes at a time.
        """
        if self._lost:
            raise SequenceError(f"{self} lost request {self._taken + 1} ({self._lost}): begin anew", model=self._model)
        if self._is_over:
            raise SequenceError(f"{self} has had its last request: begin another", model=self._model)
        if len(sent) > 1:
            raise InputError(
                f"model {self._model}: more rows than it takes at a time can't be split in a sequence",
                model=self._model,
            )
        return replace(sent[0], step=Step(self.id, is_first=not self._taken, is_last=is_last))

    def answered(self, *, is_last: bool) -> None:
        """The request has run."""
        self._taken, self._is_over = self._taken + 1, is_last

    def failed(self, error: TritonError) -> None:
        """It has not, or may not have."""
        if not error.is_surely_not_run:
            self._lost = type(error).__name__

    def __str__(self) -> str:
        return f"sequence {self.id} of model {self._model}"
