"""What both clients by gRPC have in common: tritonclient's objects for a request, and ours for an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.json_format import MessageToJson
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from drivetrain_triton.calls import Inferred, Parameters
from drivetrain_triton.errors import ProtocolError, ServerError, TritonError, in_a_line, of_grpc
from drivetrain_triton.tensors import BYTES, DTYPES
from drivetrain_triton.transports import wire

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tritonclient.grpc import InferResult

    from drivetrain_triton.calls import Request
    from drivetrain_triton.transports.port import Server

# Where a server puts values that it does not send as bytes.
_CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    BYTES: "bytes_contents",
}


def channel_of(server: Server) -> dict[str, Any]:
    """How a client is made."""
    ca_file: Path | None = server.settings.ca_file
    most = server.settings.max_message_bytes
    return {
        "url": server.address,
        "ssl": server.scheme.is_encrypted,
        "root_certificates": str(ca_file) if ca_file else None,
        "channel_args": [
            ("grpc.max_send_message_length", most),
            ("grpc.max_receive_message_length", most),
            # A peer that went away without a word is found by pings; else a call waits for all of its time.
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 5_000),
            # The least time between two connections is what one may take, too:
            # https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md
            ("grpc.min_reconnect_backoff_ms", int(server.settings.connect_seconds * 1_000)),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", max(1_000, int(server.settings.connect_seconds * 1_000))),
        ],
    }


def call_of(request: Request) -> dict[str, Any]:
    """A request as tritonclient's infer and stream_infer take it."""
    return wire.call_of(request, InferInput, InferRequestedOutput)


def options_of(request: Request, server: Server, headers: Mapping[str, str]) -> dict[str, Any]:
    """How it is sent."""
    compression = server.settings.compression_of(request)
    return {"headers": {**headers, **request.headers}, "compression_algorithm": compression}


def inferred(result: InferResult, request: Request, server: Server) -> Inferred:
    """Our answer.

    Raises:
        ProtocolError: it is none.
    """
    told = result.get_response()
    try:
        shared = {
            one.name: (tuple(one.shape), DTYPES[one.datatype])
            for one in told.outputs
            if one.name in request.output_slots
        }
        raw = len(told.raw_output_contents)
        outputs = {one.name: _array(result, one, raw) for one in told.outputs if one.name not in shared}
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(
            f"{server.url}: the answer is not of the protocol: {error!r}", model=request.model, server=server.url
        ) from None
    parameters: Parameters = {
        name: getattr(value, value.WhichOneof("parameter_choice") or "string_param")
        for name, value in told.parameters.items()
    }
    return Inferred(outputs, request.model, told.model_version, told.id, parameters, shared)


def _array(result: InferResult, output: Any, raw: int) -> np.ndarray[Any, Any]:
    """Read an output. Of values that are not sent as bytes tritonclient reads texts alone; KServe sends numbers so."""
    if raw:
        found = result.as_numpy(output.name)
    else:
        values = getattr(output.contents, _CONTENTS[output.datatype])
        found = np.array(list(values), dtype=DTYPES[output.datatype]).reshape(list(output.shape))
    if not isinstance(found, np.ndarray):
        raise TypeError(f"{output.name} has no data")
    return found


def as_json(message: Any) -> dict[str, Any]:
    """A message as JSON, all of its fields by their names in the protocol."""
    found: dict[str, Any] = json.loads(MessageToJson(message, preserving_proto_field_name=True))
    return found


class Told:
    """A context manager in which what tritonclient raises becomes ours."""

    __slots__ = ("_model", "_server")

    def __init__(self, model: str, server: Server) -> None:
        self._model, self._server = model, server

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, InferenceServerException):
            raise error_of(error, self._model, self._server) from None


def error_of(error: InferenceServerException, model: str, server: Server) -> TritonError:
    """What tritonclient raised; without a status it is of its own making."""
    status, message = error.status(), str(error.message())
    if status is None:
        return ProtocolError(f"{server.url}: {message}", model=model, server=server.url)
    return of_grpc(status, message, model=model, server=server.url)


def error_in_stream(error: InferenceServerException, model: str, server: Server) -> TritonError:
    """What Triton says in a stream instead of an answer, without a status: the model may have run."""
    return ServerError(f"{server.url} answers: {in_a_line(error.message())}", model=model, server=server.url)
