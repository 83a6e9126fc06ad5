"""What both clients by HTTP have in common: tritonclient's objects for a request, and ours for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tritonclient.http import InferInput, InferRequestedOutput

from drivetrain_triton.calls import Inferred
from drivetrain_triton.errors import DeadlineError, ProtocolError, TritonError, of_http
from drivetrain_triton.tensors import DTYPES
from drivetrain_triton.transports import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tritonclient.http import InferResult
    from tritonclient.utils import InferenceServerException

    from drivetrain_triton.calls import Request
    from drivetrain_triton.transports.port import Server


def call_of(request: Request, server: Server, headers: Mapping[str, str]) -> dict[str, Any]:
    """A request as tritonclient's infer takes it, tensors behind the JSON."""
    compression = server.settings.compression_of(request)
    call = wire.call_of(request, InferInput, InferRequestedOutput)
    call["headers"] = {**headers, **request.headers}  # tritonclient adds to it
    call["request_compression_algorithm"] = call["response_compression_algorithm"] = compression
    return call


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
