"""The client for code that waits. drivetrain_triton.aio has the same for asyncio."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from drivetrain_triton import asking
from drivetrain_triton.attempts import Attempts
from drivetrain_triton.calls import Inferred, Parameters, joined, requests
from drivetrain_triton.deadlines import Deadline
from drivetrain_triton.errors import ModelNotFoundError, TritonError
from drivetrain_triton.fleet import Fleet
from drivetrain_triton.repository import ModelState
from drivetrain_triton.rules import Rules
from drivetrain_triton.sequences import Steps
from drivetrain_triton.settings import TritonSettings
from drivetrain_triton.shared_calls import SharedCalls
from drivetrain_triton.signature import Signature
from drivetrain_triton.transports.make import transport
from drivetrain_triton.transports.port import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from drivetrain_triton.calls import Request
    from drivetrain_triton.replicas import Replica
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
        self._inject, self._making = inject, threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._shared = SharedCalls()
        self.settings = settings or TritonSettings.of(**({"urls": urls} if urls else {}), **given)
        servers = [Server.of(url, self.settings) for url in self.settings.urls]
        self._fleet = Fleet([transport(server) for server in servers], self.settings, observers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections of this thread, and those of hedged requests."""
        with self._making:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        self._shared.close(self._fleet.transports)
        for one in self._fleet.transports:
            one.close()

    def model(
        self,
        name: str,
        version: str = "",
        *,
        may_run_twice: bool = False,
        hedge_after_seconds: float | None = None,
        shared_memory: bool = False,
    ) -> Model:
        """A model; the server is asked what it takes with the first call.

        Args:
            name: of it.
            version: "": whichever the server takes.
            may_run_twice: a call whose answer was lost may be made again: the model keeps nothing of it.
            hedge_after_seconds: a second server is asked, too, if the first has not answered by then; None: never.
                Choose what nineteen of twenty answers take at most: https://research.google/pubs/the-tail-at-scale/
            shared_memory: inputs, and outputs that are asked for by name, go through memory that the server, on the
                same machine, shares: for large ones.

        Raises:
            ConfigurationError: it is to be hedged, and may not run twice.
        """
        rules = Rules.of(
            name,
            may_run_twice=may_run_twice,
            hedge_after_seconds=hedge_after_seconds,
            shared_memory=shared_memory,
        )
        return Model(self, name, version, rules)

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

    def _threads(self) -> Executor:
        """Where hedged requests wait, so that the caller need not for all of them."""
        with self._making:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.settings.connections, "drivetrain-triton")
            return self._pool

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
    ) -> T:
        """What may be asked twice, and does not run a model."""
        kind = self._fleet.kind(what, model, may_run_twice=True)
        return asking.ask_in_turn(Attempts(kind, deadline), ask)


class Model:
    """One model of a client's servers."""

    def __init__(self, client: TritonClient, name: str, version: str, rules: Rules) -> None:
        self._client, self.name, self.version, self.rules = client, name, version, rules
        self._kind = client._fleet.kind("infer", name, may_run_twice=rules.may_run_twice)
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
        sent = self._requests(deadline, inputs, headers, outputs=outputs, request_id=request_id, parameters=parameters)
        answers = [self._infer(request, Attempts(self._kind, deadline)) for request in sent]
        return joined(sent, answers)

    def sequence(self) -> InferSequence:
        """Begin one: requests of which the model keeps a state. Its last request has to say so."""
        return InferSequence(self)

    def _requests(
        self, deadline: Deadline, inputs: Mapping[str, Any], headers: Mapping[str, str] | None, **given: Any
    ) -> list[Request]:
        signature = self._signature or self._asked(deadline)
        return requests(signature, inputs, headers=self._client._headers(headers), **given)

    def _infer(self, request: Request, attempts: Attempts[Transport]) -> Inferred:
        ask: Callable[[Transport, float], Inferred] = partial(_infer, request)
        if self.rules.shared_memory and self._signature is not None:
            ask = partial(self._client._shared.infer, request, self._signature)
        after = self.rules.hedge_after_seconds
        if after is None or request.step is not None:
            return asking.ask_in_turn(attempts, ask)
        return asking.ask_hedged(attempts, ask, after, self._client._threads())

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


class InferSequence:
    """One sequence of a model, see drivetrain_triton.sequences. One request at a time.

    Attributes:
        id: the server's name of it.
    """

    def __init__(self, model: Model) -> None:
        self._model, self._steps = model, Steps(model.name)
        self._kind = model._client._fleet.kind("infer", model.name, may_run_twice=False)
        self._server: Replica[Transport] | None = None
        self.id = self._steps.id

    def infer(
        self,
        inputs: Mapping[str, Any],
        *,
        is_last: bool = False,
        outputs: Sequence[str] | None = None,
        timeout_seconds: float | None = None,
        request_id: str = "",
        parameters: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Inferred:
        """The next request; see Model.infer.

        Args:
            inputs: as there.
            is_last: the server may forget its state of the sequence.
            outputs: as there.
            timeout_seconds: as there.
            request_id: as there.
            parameters: as there.
            headers: as there.

        Raises:
            SequenceError: it has ended, or one of its requests may or may not have run.
            TritonError: as there.
        """
        model = self._model
        deadline = model._client._deadline(timeout_seconds)
        sent = model._requests(deadline, inputs, headers, outputs=outputs, request_id=request_id, parameters=parameters)
        request = self._steps.begun(sent, is_last=is_last)
        attempts = Attempts(self._kind, deadline, self._server)
        try:
            answer = model._infer(request, attempts)
        except TritonError as error:
            self._steps.failed(error)
            raise
        self._server = attempts.answered_by
        self._steps.answered(is_last=is_last)
        return joined([request], [answer])
