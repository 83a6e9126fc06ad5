"""The client for code that waits. drivetrain_triton.aio has the same for asyncio."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from drivetrain_triton.calls import Inferred, Parameters, joined, requests
from drivetrain_triton.deadlines import Deadline
from drivetrain_triton.errors import ModelNotFoundError, TritonError
from drivetrain_triton.fleet import Fleet
from drivetrain_triton.repository import ModelState
from drivetrain_triton.settings import TritonSettings
from drivetrain_triton.signature import Signature
from drivetrain_triton.transports.make import transport
from drivetrain_triton.transports.port import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drivetrain_triton.calls import Request
    from drivetrain_triton.telemetry.outcome import Observer
    from drivetrain_triton.transports.port import Transport

T = TypeVar("T")


def _infer(request: Request, one: Transport, left: float) -> Inferred:
    return one.infer(request, left)


class TritonClient:
    """Servers that have the same models. May be used by many threads.

    Args:
        urls: http://, https://, grpc:// or grpcs://host:port; none: those of the environment.
        settings: instead of all others.
        observers: are told of each request, see drivetrain_triton.telemetry.
        inject: adds headers to those of each call, as opentelemetry.propagate.inject does with the caller's trace.
        given: see TritonSettings; what is not given is the environment's.

    Raises:
        ConfigurationError: something is missing, or not what it should be.
    """

    def __init__(
        self,
        *urls: str,
        settings: TritonSettings | None = None,
        observers: Sequence[Observer] = (),
        inject: Callable[[dict[str, str]], object] | None = None,
        **given: Any,
    ) -> None:
        self._inject = inject
        self.settings = settings or TritonSettings.of(**({"urls": urls} if urls else {}), **given)
        servers = [Server.of(url, self.settings) for url in self.settings.urls]
        self._fleet = Fleet([transport(server) for server in servers], self.settings, observers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections of this thread."""
        for one in self._fleet.transports:
            one.close()

    def model(self, name: str, version: str = "", *, may_run_twice: bool = False) -> Model:
        """A model; the server is asked what it takes with the first call.

        Args:
            name: of it.
            version: "": whichever the server takes.
            may_run_twice: a call whose answer was lost may be made again: the model keeps nothing of it.
        """
        return Model(self, name, version, may_run_twice=may_run_twice)

    def ready(self, model: str = "", version: str = "", *, timeout_seconds: float | None = None) -> dict[str, bool]:
        """By server, whether it takes requests; for a model, if one is named. One that can't be reached does not."""
        deadline = self._deadline(timeout_seconds)
        found = {}
        for one in self._fleet.transports:
            try:
                found[one.server.url] = one.is_ready(model, version, deadline.left(f"{one.server.url}: is it ready"))
            except TritonError:
                found[one.server.url] = False
        return found

    def models(self, *, timeout_seconds: float | None = None) -> list[ModelState]:
        """What a server could load, and what it has: of the one whose turn it is.

        Raises:
            ModelNotFoundError: the server keeps no such list: it is not Triton.
        """
        deadline = self._deadline(timeout_seconds)
        return [
            ModelState.of(one) for one in self._ask("repository", "", deadline, lambda one, left: one.repository(left))
        ]

    def load(self, model: str, *, timeout_seconds: float | None = None) -> None:
        """Load a model on all servers, or load it again. The first that can't ends it; it may be asked for again."""
        deadline = self._deadline(timeout_seconds)
        for one in self._fleet.transports:
            one.load(model, deadline.left(f"load of model {model}", model=model))

    def unload(self, model: str, *, timeout_seconds: float | None = None) -> None:
        """Take a model out of all servers' memory. The first that can't ends it; it may be asked for again."""
        deadline = self._deadline(timeout_seconds)
        for one in self._fleet.transports:
            one.unload(model, deadline.left(f"unload of model {model}", model=model))

    def _headers(self, given: Mapping[str, str] | None) -> dict[str, str]:
        headers = dict(given or {})
        if self._inject is not None:
            self._inject(headers)
        return headers

    def _deadline(self, seconds: float | None) -> Deadline:
        return Deadline(self.settings.timeout_seconds if seconds is None else seconds)

    def _ask(
        self,
        what: str,
        model: str,
        deadline: Deadline,
        ask: Callable[[Transport, float], T],
        *,
        may_run_twice: bool = True,
    ) -> T:
        attempts = self._fleet.attempts(deadline, what=what, model=model, may_run_twice=may_run_twice)
        while True:
            replica, left = attempts.next()
            try:
                with replica.asked():
                    answer = ask(replica.transport, left)
            except TritonError as error:
                time.sleep(attempts.failed(replica, error))
            else:
                attempts.succeeded(replica)
                return answer


class Model:
    """One model of a client's servers."""

    def __init__(self, client: TritonClient, name: str, version: str, *, may_run_twice: bool) -> None:
        self._client, self.name, self.version, self.may_run_twice = client, name, version, may_run_twice
        self._signature: Signature | None = None
        self._asking = threading.Lock()

    def signature(self, *, timeout_seconds: float | None = None) -> Signature:
        """What it takes and gives. The server is asked once.

        Raises:
            TritonError: the server could not be asked, or has no such model.
        """
        return self._signature or self._asked(self._client._deadline(timeout_seconds))

    def forget(self) -> None:
        """Ask again with the next call: the model was changed."""
        self._signature = None

    def infer(
        self,
        inputs: Mapping[str, Any],
        *,
        outputs: Sequence[str] | None = None,
        timeout_seconds: float | None = None,
        request_id: str = "",
        parameters: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Inferred:
        """Run the model.

        More rows than it takes at a time are sent in several requests, and their answers joined.

        Args:
            inputs: arrays of the model's types and shapes, or lists, by name.
            outputs: which are wanted; None: all.
            timeout_seconds: for all of it; None: the client's.
            request_id: told back by the server, and in its logs.
            parameters: as the model knows them.
            headers: beside the client's.

        Raises:
            InputError: it does not fit the model; nothing was sent.
            DeadlineError: the time is over.
            TritonError: see drivetrain_triton.errors.
        """
        deadline = self._client._deadline(timeout_seconds)
        signature = self._signature or self._asked(deadline)
        sent = requests(
            signature,
            inputs,
            outputs=outputs,
            request_id=request_id,
            parameters=parameters,
            headers=self._client._headers(headers),
        )
        answers = [
            self._client._ask("infer", self.name, deadline, partial(_infer, request), may_run_twice=self.may_run_twice)
            for request in sent
        ]
        return joined(sent, answers)

    def _asked(self, deadline: Deadline) -> Signature:
        """One thread asks; others that need it meanwhile wait for what it is told."""
        what = f"metadata of model {self.name}"
        if not self._asking.acquire(timeout=deadline.left(what, model=self.name)):
            raise deadline.over(what, model=self.name)
        try:
            if self._signature is None:
                self._signature = self._ask_server(deadline)
            return self._signature
        finally:
            self._asking.release()

    def _ask_server(self, deadline: Deadline) -> Signature:
        name, version = self.name, self.version
        ask = self._client._ask
        metadata = ask("metadata", name, deadline, lambda one, left: one.metadata(name, version, left))
        config: dict[str, Any] | None
        try:
            config = ask("config", name, deadline, lambda one, left: one.config(name, version, left))
        except ModelNotFoundError:  # servers other than Triton have no configurations
            config = None
        return Signature.of(metadata, config, version)
