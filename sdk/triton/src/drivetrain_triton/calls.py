"""What one call does, apart from sending: both clients, sync and async, do the same around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from tritonclient.utils import TRITON_RESERVED_REQUEST_PARAMS, TRITON_RESERVED_REQUEST_PARAMS_PREFIX

from drivetrain_triton.errors import InputError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from drivetrain_triton.sequences import Step
    from drivetrain_triton.shared_memory import Slot
    from drivetrain_triton.signature import Signature, Tensors

Parameters = dict[str, str | int | bool]


# Neither of the two is frozen, though nobody changes one: each call makes them, and a frozen one costs twice as much.
@dataclass(slots=True)
class Request:
    """One request to a server.

    Attributes:
        model: its name.
        version: "": whichever the server takes.
        inputs: what is sent.
        datatypes: the protocol's names, by input; there may be more than are sent.
        outputs: what is asked for; none: all that the model gives.
        id: told back by the server, and in its logs.
        parameters: of the request, as the model knows them.
        headers: of the request, beside the client's.
        step: where in its sequence it is; None: it is of none.
        slots: inputs that are in shared memory.
        output_slots: outputs that the server is to write there.
    """

    model: str
    version: str
    inputs: Tensors
    datatypes: Mapping[str, str]
    outputs: tuple[str, ...]
    id: str = ""
    parameters: Parameters = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    step: Step | None = None
    slots: Mapping[str, Slot] = field(default_factory=dict)
    output_slots: Mapping[str, Slot] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of its tensors that are sent."""
        if self.slots:
            return 0
        return sum(sum(map(len, one.flat)) if one.dtype == object else one.nbytes for one in self.inputs.values())


@dataclass(slots=True)
class Inferred:
    """What a model gave.

    Attributes:
        outputs: by name. They may share memory with the answer, and are not to be written to.
        model: its name.
        version: that answered.
        id: of the request.
        parameters: of the answer.
        shared: shape and type of outputs that are in shared memory; whoever calls a model never sees one there.
    """

    outputs: Tensors
    model: str
    version: str
    id: str = ""
    parameters: Parameters = field(default_factory=dict)
    shared: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.outputs[name]


def requests(
    signature: Signature,
    inputs: Mapping[str, Any],
    *,
    outputs: Sequence[str] | None = None,
    request_id: str = "",
    parameters: Parameters | None = None,
    headers: Mapping[str, str] | None = None,
    is_stream: bool = False,
) -> list[Request]:
    """What is sent for one call: more than one request where there are more rows than the model takes at a time.

    Raises:
        InputError: it does not fit the model.
    """
    if signature.is_decoupled and not is_stream:
        raise InputError(
            f"model {signature.name}: is decoupled, so it gives any number of answers: use AsyncModel.stream",
            model=signature.name,
        )
    if parameters and (reserved := [name for name in parameters if _is_reserved(name)]):
        raise InputError(
            f"model {signature.name}: parameters {', '.join(reserved)} are the protocol's own; for sequences there is "
            "Model.sequence",
            model=signature.name,
        )
    tensors, chosen = signature.tensors(inputs), () if outputs is None else signature.chosen(outputs)
    of_all = signature.datatypes, chosen, request_id, parameters or {}, headers or {}
    return [
        Request(signature.name, signature.version, part, *of_all) for part in _parts(tensors, signature.max_batch_size)
    ]


def _is_reserved(name: str) -> bool:
    return name in TRITON_RESERVED_REQUEST_PARAMS or name.startswith(TRITON_RESERVED_REQUEST_PARAMS_PREFIX)


def _parts(tensors: Tensors, size: int) -> list[Tensors]:
    rows = len(next(iter(tensors.values()))) if size and tensors else 0
    if rows <= size:
        return [tensors]
    return [{name: one[start : start + size] for name, one in tensors.items()} for start in range(0, rows, size)]


def joined(sent: Sequence[Request], answers: Sequence[Inferred]) -> Inferred:
    """The answers of one call as one.

    Raises:
        ProtocolError: an output that was asked for is missing, or has not as many rows as were sent.
    """
    for request, answer in zip(sent, answers, strict=True):
        if request.outputs:
            check(request, answer)
    if len(answers) == 1:
        return answers[0]
    for request, answer in zip(sent, answers, strict=True):
        rows = len(next(iter(request.inputs.values())))
        for name, one in answer.outputs.items():
            if not one.shape or len(one) != rows:
                raise ProtocolError(
                    f"model {request.model}: output {name} has shape {[*one.shape]} for {rows} rows: answers of more "
                    "than one request can't be joined",
                    model=request.model,
                )
    first = answers[0]
    outputs = {name: np.concatenate([one.outputs[name] for one in answers]) for name in first.outputs}
    return Inferred(outputs, first.model, first.version, first.id, first.parameters)


def check(request: Request, answer: Inferred) -> None:
    """Whether all is there that was asked for.

    Raises:
        ProtocolError: an output is missing.
    """
    if missing := [name for name in request.outputs if name not in answer.outputs and name not in answer.shared]:
        raise ProtocolError(f"model {request.model}: the answer has no {', '.join(missing)}", model=request.model)
