"""What both clients by HTTP have in common: tritonclient's objects for a request, and ours for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tritonclient.http import InferInput, InferRequestedOutput

from drivetrain_triton.calls import Inferred
from drivetrain_triton.errors import DeadlineError, ProtocolError, TritonError, of_http
from drivetrain_triton.tensors import DTYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tritonclient.http import InferResult
    from tritonclient.utils import InferenceServerException

    from drivetrain_triton.calls import Request
    from drivetrain_triton.transports.port import Server


def call_of(request: Request, server: Server, headers: Mapping[str, str]) -> dict[str, Any]:
    """A request as tritonclient's infer takes it, tensors behind the JSON as bytes."""
    compression = server.settings.compression_of(request)
    call: dict[str, Any] = {
        "model_name": request.model,
        "inputs": [_input(request, name, value) for name, value in request.inputs.items()],
        "model_version": request.version,
        "outputs": [_output(request, name) for name in request.outputs] or None,
        "request_id": request.id,
        "headers": {**headers, **request.headers},  # tritonclient adds to it
        "parameters": request.parameters or None,
        "request_compression_algorithm": compression,
        "response_compression_algorithm": compression,
    }
    if step := request.step:
        call |= {"sequence_id": step.sequence, "sequence_start": step.is_first, "sequence_end": step.is_last}
    return call


def _input(request: Request, name: str, value: np.ndarray[Any, Any]) -> InferInput:
    one = InferInput(name, list(value.shape), request.datatypes[name])
    if slot := request.slots.get(name):
        return one.set_shared_memory(slot.region, slot.size, slot.offset)
    return one.set_data_from_numpy(value)


def _output(request: Request, name: str) -> InferRequestedOutput:
    one = InferRequestedOutput(name)
    if slot := request.output_slots.get(name):
        one.set_shared_memory(slot.region, slot.size, slot.offset)
    return one


def inferred(result: InferResult, request: Request, server: Server) -> Inferred:
    """Our answer.

    Raises:
        ProtocolError: it is none.
    """
    try:
        told = result.get_response()
        shared = {one["name"]: _shaped(one) for one in told["outputs"] if one["name"] in request.output_slots}
        outputs = {one["name"]: _array(result, one["name"]) for one in told["outputs"] if one["name"] not in shared}
        version, parameters = str(told.get("model_version") or ""), dict(told.get("parameters") or {})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProtocolError(
            f"{server.url}: the answer is not of the protocol: {error!r}", model=request.model, server=server.url
        ) from None
    return Inferred(outputs, request.model, version, str(told.get("id", "")), parameters, shared)


def _shaped(output: dict[str, Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return tuple(map(int, output["shape"])), DTYPES[output["datatype"]]


def _array(result: InferResult, name: str) -> np.ndarray[Any, Any]:
    found = result.as_numpy(name)
    if not isinstance(found, np.ndarray):
        raise TypeError(f"{name} has no data")
    return found


def error_of(error: InferenceServerException, model: str, server: Server) -> TritonError:
    """What tritonclient raised; without a status it is of its own making: the answer could not be read."""
    status, message = error.status(), str(error.message())
    if status is None:
        return ProtocolError(f"{server.url}: {message}", model=model, server=server.url)
    return of_http(int(status), message, model=model, server=server.url)


def out_of_time(seconds: float, model: str, server: Server) -> DeadlineError:
    """Nothing came in time."""
    return DeadlineError(f"{server.url}: no answer within {seconds:.3g} s", model=model, server=server.url)
