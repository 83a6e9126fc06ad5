"""What a call can end in. All of them are TritonError.

Each class says what is known of the call: whether the server has run it, and whether the same call may do better later.
"""

from __future__ import annotations


class TritonError(Exception):
    """Something went wrong.

    Args:
        message: one line that names the thing and the fix.
        model: which was asked, if one was.
        server: whose answer or silence it was, if one was asked.

    Attributes:
        may_do_better: the same call may succeed later, or elsewhere.
        is_surely_not_run: the server has not run the model; asked again, it runs once.
    """

    may_do_better = False
    is_surely_not_run = True

    def __init__(self, message: str, *, model: str = "", server: str = "") -> None:
        super().__init__(message)
        self.model, self.server = model, server


class ConfigurationError(TritonError):
    """The client's settings can't be used."""


class InputError(TritonError):
    """What is to be sent is not what the model takes; nothing was sent."""


class ModelNotFoundError(TritonError):
    """The server has no such model, version, or feature."""


class RefusedError(TritonError):
    """The server says that the request is wrong."""


class NotAllowedError(TritonError):
    """The server does not know who asks, or does not let them."""


class UnreachableError(TritonError):
    """No connection could be made."""

    may_do_better = True


class OverloadedError(TritonError):
    """The server, or a model that is not ready, takes no requests now."""

    may_do_better = True


class CircuitOpenError(TritonError):
    """All servers have failed, and are left alone for a while; nothing was sent."""

    may_do_better = True


class ConnectionLostError(TritonError):
    """The connection ended before the answer came: the model may have run."""

    may_do_better = True
    is_surely_not_run = False


class DeadlineError(TritonError):
    """The time for the call was over; the model may have run."""

    is_surely_not_run = False


class AbandonedError(TritonError):
    """Nobody waits for the answer any more: another server's came first. Observers alone meet it."""

    is_surely_not_run = False


class SequenceError(TritonError):
    """A sequence has lost one of its requests, so that the server's state of it is not what it should be."""

    is_surely_not_run = False


class ServerError(TritonError):
    """The server, or the model, failed."""

    is_surely_not_run = False


class ProtocolError(TritonError):
    """The answer is not one of the protocol's, or not what the model said that it gives."""

    is_surely_not_run = False


_HTTP: dict[int, type[TritonError]] = {
    400: RefusedError,
    401: NotAllowedError,
    403: NotAllowedError,
    404: ModelNotFoundError,
    408: DeadlineError,
    413: RefusedError,
    415: RefusedError,
    422: RefusedError,
    429: OverloadedError,
    499: DeadlineError,
    501: ModelNotFoundError,
    502: ConnectionLostError,
    503: OverloadedError,
    504: DeadlineError,
}
_GRPC: dict[str, type[TritonError]] = {
    "INVALID_ARGUMENT": RefusedError,
    "FAILED_PRECONDITION": RefusedError,
    "OUT_OF_RANGE": RefusedError,
    "UNAUTHENTICATED": NotAllowedError,
    "PERMISSION_DENIED": NotAllowedError,
    "NOT_FOUND": ModelNotFoundError,
    "UNIMPLEMENTED": ModelNotFoundError,
    "DEADLINE_EXCEEDED": DeadlineError,
    "CANCELLED": DeadlineError,
    "RESOURCE_EXHAUSTED": OverloadedError,
    "UNAVAILABLE": ConnectionLostError,
}
_UNKNOWN_MODEL = "unknown model"
_NOT_READY = "is not ready"
_NO_CONNECTION = "failed to connect"


def of_http(status: int, message: str, *, model: str, server: str) -> TritonError:
    """What an answer of HTTP means.

    Triton says 400 where it has no such model: https://github.com/triton-inference-server/core .
    """
    kind, message = _HTTP.get(status, ServerError), in_a_line(message)
    return _refined(kind, message)(f"{server} answers {status}: {message}", model=model, server=server)


def of_grpc(code: str, message: str, *, model: str, server: str) -> TritonError:
    """What an error of gRPC means; code: as StatusCode.NOT_FOUND, or NOT_FOUND.

    https://grpc.io/docs/guides/status-codes/
    """
    name = code.rpartition(".")[2]
    kind, message = _GRPC.get(name, ServerError), in_a_line(message)
    if kind is ConnectionLostError and _NO_CONNECTION in message:
        return UnreachableError(f"{server} can't be reached: {message}", model=model, server=server)
    return _refined(kind, message)(f"{server} answers {name}: {message}", model=model, server=server)


def in_a_line(message: str) -> str:
    """A server's message, which may be a traceback of its model."""
    return " ".join(message.split())


def _refined(kind: type[TritonError], message: str) -> type[TritonError]:
    """Some servers say the same with other statuses."""
    if kind in (RefusedError, ConnectionLostError, ModelNotFoundError) and _NOT_READY in message:
        return OverloadedError
    if kind in (RefusedError, ConnectionLostError) and _UNKNOWN_MODEL in message:
        return ModelNotFoundError
    return kind
