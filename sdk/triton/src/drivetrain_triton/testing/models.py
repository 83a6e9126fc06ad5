"""Models of a fake server, and what it may do wrong."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from drivetrain_triton.errors import InputError
from drivetrain_triton.signature import Signature
from drivetrain_triton.tensors import TensorSpec

if TYPE_CHECKING:
    from drivetrain_triton.signature import Tensors

Function = Callable[["Tensors"], Mapping[str, Any]]
State = dict[str, Any]


class SequenceNotBegunError(Exception):
    """A request of a sequence came before the first one."""


@dataclass(frozen=True)
class FakeModel:
    """A model.

    Attributes:
        name: of it.
        inputs: what it takes, with the batch's dimension if it has one.
        outputs: what it gives.
        function: arrays by name to arrays by name.
        max_batch_size: rows of one request; 0: it does not batch.
        version: the one that there is.
        answers: instead of the function, of a decoupled model: gives any number of answers.
        step: instead of the function, of a model that keeps a state of each sequence, which it may change.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    function: Function = dict
    max_batch_size: int = 0
    version: str = "1"
    answers: Callable[[Tensors], Iterable[Mapping[str, Any]]] | None = None
    step: Callable[[State, Tensors], Mapping[str, Any]] | None = None

    def metadata(self) -> dict[str, Any]:
        """As Triton has it."""
        told = {"name": self.name, "versions": [self.version], "platform": "python"}
        return told | {"inputs": _specs(self.inputs), "outputs": _specs(self.outputs)}

    def config(self) -> dict[str, Any]:
        """As Triton has it."""
        optional = [{"name": one.name, "optional": one.is_optional} for one in self.inputs]
        told = {"name": self.name, "max_batch_size": self.max_batch_size, "input": optional}
        return told | {"model_transaction_policy": {"decoupled": self.answers is not None}}

    def run(self, tensors: Tensors, state: State | None = None) -> Tensors:
        """What it gives.

        Args:
            tensors: that it takes.
            state: of the sequence.

        Raises:
            InputError: it does not take that.
        """
        given = self._taken(tensors)
        found = self.function(given) if self.step is None else self.step({} if state is None else state, given)
        return self._given(found)

    def stream(self, tensors: Tensors) -> Iterator[Tensors]:
        """All that it gives.

        Raises:
            InputError: it does not take that.
        """
        given = self._taken(tensors)
        for found in [self.function(given)] if self.answers is None else self.answers(given):
            yield self._given(found)

    def _taken(self, tensors: Tensors) -> Tensors:
        given = Signature.of(self.metadata(), self.config()).tensors(tensors)
        rows = max(map(len, given.values()), default=0) if self.max_batch_size else 0
        if rows > self.max_batch_size:
            raise InputError(f"inference request batch-size must be <= {self.max_batch_size} for '{self.name}'")
        return given

    def chosen(self, names: Sequence[str]) -> None:
        """Check outputs that are asked for.

        Raises:
            InputError: it has none of that name.
        """
        Signature.of(self.metadata(), self.config()).chosen(names)

    def _given(self, found: Mapping[str, Any]) -> Tensors:
        return {one.name: one.tensor(found[one.name]) for one in self.outputs if one.name in found}


def _specs(specs: tuple[TensorSpec, ...]) -> list[dict[str, Any]]:
    return [{"name": one.name, "datatype": one.datatype, "shape": [*one.shape]} for one in specs]


@dataclass(frozen=True)
class Fault:
    """What a server does instead of answering a request for a model.

    Attributes:
        status: of HTTP; gRPC says what is nearest to it.
        message: with it.
        hangs: do not answer until the server stops.
        hangs_up: end the connection without an answer.
    """

    status: int = 503
    message: str = "the server is overloaded"
    hangs: bool = False
    hangs_up: bool = False


@dataclass
class Script:
    """What both ports of one server share.

    Attributes:
        models: by name.
        faults: what is done wrong with the next requests, one each.
        seen: headers of each request for a model, names in small letters.
        stopping: set when the server stops.
        unloaded: names of models that it does not have now.
        states: by model and sequence.
        regions: keys of shared memory, by name.
    """

    models: dict[str, FakeModel]
    faults: deque[Fault] = field(default_factory=deque)
    seen: list[dict[str, str]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    unloaded: set[str] = field(default_factory=set)
    states: dict[tuple[str, str], State] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)

    def state(self, model: FakeModel, parameters: Mapping[str, Any]) -> State | None:
        """Of the sequence that a request is of; None: the model keeps none.

        Raises:
            SequenceNotBegunError: nothing came before it.
        """
        if model.step is None:
            return None
        key = model.name, str(parameters.get("sequence_id", ""))
        if parameters.get("sequence_start"):
            self.states[key] = {}
        elif key not in self.states:
            raise SequenceNotBegunError(
                f"inference request for sequence {key[1]} to model '{model.name}' must specify the START flag on the "
                "first request of the sequence"
            )
        return self.states.pop(key) if parameters.get("sequence_end") else self.states[key]

    def loaded(self, name: str) -> FakeModel | None:
        """A model, if it is there now."""
        return None if name in self.unloaded else self.models.get(name)

    def index(self) -> list[dict[str, str]]:
        """What it could load."""
        states = {True: ("UNAVAILABLE", "unloaded"), False: ("READY", "")}
        return [
            {"name": one.name, "version": one.version, "state": state, "reason": reason}
            for one in self.models.values()
            for state, reason in (states[one.name in self.unloaded],)
        ]

    def change(self, name: str, what: str) -> bool:
        """Load or unload a model; whether it could be. Triton unloads what there is not without a word."""
        if name not in self.models:
            return what == "unload"
        (self.unloaded.discard if what == "load" else self.unloaded.add)(name)
        return True

    def next_fault(self) -> Fault | None:
        """Of the next request."""
        try:
            return self.faults.popleft()
        except IndexError:
            return None
