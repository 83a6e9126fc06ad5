"""What a model takes and gives, as its server says, and whether a call fits it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from drivetrain_triton.errors import InputError, ProtocolError
from drivetrain_triton.tensors import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence, Set

    from numpy.typing import NDArray

    Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Signature:
    """One model.

    Attributes:
        name: of it.
        version: asked for; "": whichever the server takes.
        versions: what the server has.
        inputs: by name, in the model's order.
        outputs: by name, in the model's order.
        max_batch_size: how many rows one request may have; 0: the model does not batch, or the server does not say.
        is_decoupled: it gives any number of answers to one request.
    """

    name: str
    version: str
    versions: tuple[str, ...]
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    max_batch_size: int = 0
    is_decoupled: bool = False

    @classmethod
    def of(cls, metadata: Mapping[str, Any], config: Mapping[str, Any] | None, version: str = "") -> Signature:
        """What a server's JSON says.

        Args:
            metadata: https://github.com/kserve/open-inference-protocol, Model Metadata.
            config: Triton's model configuration; None: the server has none, as KServe's.
            version: that was asked for.

        Raises:
            ProtocolError: it is not of that form.
        """
        config = config or {}
        optional = {one["name"] for one in config.get("input", ()) if one.get("optional")}
        try:
            return cls(
                name=metadata["name"],
                version=version,
                versions=tuple(map(str, metadata.get("versions") or ())),
                inputs={one["name"]: _spec(one, optional) for one in metadata["inputs"]},
                outputs={one["name"]: _spec(one, set()) for one in metadata["outputs"]},
                max_batch_size=int(config.get("max_batch_size", 0)),
                is_decoupled=bool(config.get("model_transaction_policy", {}).get("decoupled", False)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError(f"the server's metadata of a model are not of the protocol: {error!r}") from None

    def tensors(self, inputs: Mapping[str, Any]) -> Tensors:
        """What is sent, checked.

        Raises:
            InputError: an input is missing, unknown, of another type or shape, or their numbers of rows differ.
        """
        if inputs.keys() != self._required:
            self._check_names(inputs)
        try:
            found = {name: self.inputs[name].tensor(value) for name, value in inputs.items()}
        except InputError as error:
            raise self._wrong(str(error)) from None
        if self.max_batch_size and found:
            self._check_rows(found)
        return found

    @cached_property
    def _required(self) -> Set[str]:
        return {name for name, one in self.inputs.items() if not one.is_optional}

    def _check_names(self, inputs: Mapping[str, Any]) -> None:
        if unknown := [name for name in inputs if name not in self.inputs]:
            raise self._wrong(f"has no input {', '.join(unknown)}; it has {_told(self.inputs.values())}")
        if missing := [self.inputs[name] for name in self.inputs if name in self._required and name not in inputs]:
            raise self._wrong(f"needs {_told(missing)}")

    def _check_rows(self, tensors: Tensors) -> None:
        rows = iter(tensors.values())
        first = next(rows)
        if any(len(one) != len(first) for one in rows):
            raise self._wrong(f"inputs have different numbers of rows: { {n: len(t) for n, t in tensors.items()} }")
        if not len(first):
            raise self._wrong("inputs have no rows")

    @cached_property
    def datatypes(self) -> Mapping[str, str]:
        """Of inputs, by name."""
        return {name: one.datatype for name, one in self.inputs.items()}

    def chosen(self, outputs: Sequence[str]) -> tuple[str, ...]:
        """Which outputs are asked for by name.

        Raises:
            InputError: the model has none of that name.
        """
        if unknown := [name for name in outputs if name not in self.outputs]:
            raise self._wrong(f"has no output {', '.join(unknown)}; it has {_told(self.outputs.values())}")
        return tuple(outputs)

    def _wrong(self, message: str) -> InputError:
        return InputError(f"model {self.name}: {message}", model=self.name)


def _spec(told: Mapping[str, Any], optional: set[str]) -> TensorSpec:
    # Triton's gRPC gives numbers of 64 bits as texts once they are JSON.
    shape = tuple(int(size) for size in told["shape"])
    return TensorSpec(told["name"], told["datatype"], shape, told["name"] in optional)


def _told(specs: Iterable[TensorSpec]) -> str:
    return ", ".join(map(str, specs))
