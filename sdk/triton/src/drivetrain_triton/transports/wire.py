"""What clients by HTTP and by gRPC have in common: a request as tritonclient takes it, but for how it is sent.

tritonclient has a class of its own for the tensors of each, with the same methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from drivetrain_triton.calls import Request


def call_of(request: Request, make_input: Callable[..., Any], make_output: Callable[[str], Any]) -> dict[str, Any]:
    """Arguments of tritonclient's infer, tensors as bytes or in shared memory.

    Args:
        request: of ours.
        make_input: the library's InferInput.
        make_output: the library's InferRequestedOutput.
    """
    call: dict[str, Any] = {
        "model_name": request.model,
        "inputs": [_input(request, name, value, make_input) for name, value in request.inputs.items()],
        "model_version": request.version,
        "outputs": [_output(request, name, make_output) for name in request.outputs] or None,
        "request_id": request.id,
        "parameters": request.parameters or None,
    }
    if step := request.step:
        call |= {"sequence_id": step.sequence, "sequence_start": step.is_first, "sequence_end": step.is_last}
    return call


def _input(request: Request, name: str, value: np.ndarray[Any, Any], make: Callable[..., Any]) -> Any:
    one = make(name, list(value.shape), request.datatypes[name])
    if slot := request.slots.get(name):
        return one.set_shared_memory(slot.region, slot.size, slot.offset)
    return one.set_data_from_numpy(value)


def _output(request: Request, name: str, make: Callable[[str], Any]) -> Any:
    one = make(name)
    if slot := request.output_slots.get(name):
        one.set_shared_memory(slot.region, slot.size, slot.offset)
    return one
