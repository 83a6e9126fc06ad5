"""The client for asyncio. drivetrain_triton.client has the same for code that waits."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from drivetrain_triton import asking_aio as asking
from drivetrain_triton.attempts import Attempts
from drivetrain_triton.calls import Inferred, Parameters, joined, requests
from drivetrain_triton.deadlines import Deadline
from drivetrain_triton.errors import ModelNotFoundError, TritonError
from drivetrain_triton.fleet import Fleet
from drivetrain_triton.repository import ModelState
from drivetrain_triton.rules import Rules
from drivetrain_triton.sequences import Steps
from drivetrain_triton.settings import TritonSettings
from drivetrain_triton.shared_calls_aio import AsyncSharedCalls
from drivetrain_triton.signature import Signature
from drivetrain_triton.transports.make import async_transport
from drivetrain_triton.transports.port import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from drivetrain_triton.calls import Request
    from drivetrain_triton.replicas import Replica
    from drivetrain_triton.telemetry.outcome import Observer
    from drivetrain_triton.transports.port import AsyncTransport

T = TypeVar("T")


async def _infer(request: Request, one: AsyncTransport, left: float) -> Inferred:
    return await one.infer(request, left)


def _stream(request: Request, one: AsyncTransport, left: float) -> AsyncIterator[Inferred]:
    return one.stream(request, left)


class AsyncTritonClient:
    """Servers that have the same models. It belongs to the loop that it is first used in.

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
        self._shared = AsyncSharedCalls()
        self.settings = settings or TritonSettings.of(**({"urls": urls} if urls else {}), **given)
        servers = [Server.of(url, self.settings) for url in self.settings.urls]
        self._fleet = Fleet([async_transport(server) for server in servers], self.settings, observers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._shared.close(self._fleet.transports)
        for one in self._fleet.transports:
            await one.close()

    def model(
        self,
        name: str,
        version: str = "",
        *,
        may_run_twice: bool = False,
        hedge_after_seconds: float | None = None,
        shared_memory: bool = False,
    ) -> AsyncModel:
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
        return AsyncModel(self, name, version, rules)

    async def ready(
        self, model: str = "", version: str = "", *, timeout_seconds: float | None = None
    ) -> dict[str, bool]:
        """By server, whether it takes requests; for a model, if one is named. One that can't be reached does not."""
        deadline = self._deadline(timeout_seconds)
        found = {}
        for one in self._fleet.transports:
            try:
                left = deadline.left(f"{one.server.url}: is it ready")
                found[one.server.url] = await one.is_ready(model, version, left)
            except TritonError:
                found[one.server.url] = False
        return found

    async def models(self, *, timeout_seconds: float | None = None) -> list[ModelState]:
        """What a server could load, and what it has: of the one whose turn it is.

        Raises:
            ModelNotFoundError: the server keeps no such list: it is not Triton.
        """
        deadline = self._deadline(timeout_seconds)
        return [
            ModelState.of(one)
            for one in await self._ask("repository", "", deadline, lambda one, left: one.repository(left))
        ]

    async def load(self, model: str, *, timeout_seconds: float | None = None) -> None:
        """Load a model on all servers, or load it again. The first that can't ends it; it may be asked for again."""
        deadline = self._deadline(timeout_seconds)
        for one in self._fleet.transports:
            await one.load(model, deadline.left(f"load of model {model}", model=model))

    async def unload(self, model: str, *, timeout_seconds: float | None = None) -> None:
        """Take a model out of all servers' memory. The first that can't ends it; it may be asked for again."""
        deadline = self._deadline(timeout_seconds)
        for one in self._fleet.transports:
            await one.unload(model, deadline.left(f"unload of model {model}", model=model))

    def _headers(self, given: Mapping[str, str] | None) -> dict[str, str]:
        headers = dict(given or {})
        if self._inject is not None:
            self._inject(headers)
        return headers

    def _deadline(self, seconds: float | None) -> Deadline:
        return Deadline(self.settings.timeout_seconds if seconds is None else seconds)

    async def _ask(
        self,
        what: str,
        model: str,
        deadline: Deadline,
        ask: Callable[[AsyncTransport, float], Awaitable[T]],
    ) -> T:
        """What may be asked twice, and does not run a model."""
        kind = self._fleet.kind(what, model, may_run_twice=True)
        return await asking.ask_in_turn(Attempts(kind, deadline), ask)


class AsyncModel:
    """One model of a client's servers."""

    def __init__(self, client: AsyncTritonClient, name: str, version: str, rules: Rules) -> None:
        self._client, self.name, self.version, self.rules = client, name, version, rules
        self._kind = client._fleet.kind("infer", name, may_run_twice=rules.may_run_twice)
        self._streaming = client._fleet.kind("stream", name, may_run_twice=rules.may_run_twice)
        self._signature: Signature | None = None
        self._asking = asyncio.Lock()

    async def signature(self, *, timeout_seconds: float | None = None) -> Signature:
        """What it takes and gives. The server is asked once.

        Raises:
            TritonError: the server could not be asked, or has no such model.
        """
        return self._signature or await self._asked(self._client._deadline(timeout_seconds))

    def forget(self) -> None:
        """Ask again with the next call: the model was changed."""
        self._signature = None

    async def infer(
        self,
        inputs: Mapping[str, Any],
        *,
        outputs: Sequence[str] | None = None,
        timeout_seconds: float | None = None,
        request_id: str = "",
        parameters: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Inferred:
        """Run the model; see Model.infer."""
        deadline = self._client._deadline(timeout_seconds)
        sent = await self._requests(
            deadline, inputs, headers, outputs=outputs, request_id=request_id, parameters=parameters
        )
        answers = [await self._infer(request, Attempts(self._kind, deadline)) for request in sent]
        return joined(sent, answers)

    async def stream(
        self,
        inputs: Mapping[str, Any],
        *,
        outputs: Sequence[str] | None = None,
        timeout_seconds: float | None = None,
        request_id: str = "",
        parameters: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Inferred]:
        """All answers of a decoupled model, as they come. By gRPC alone.

        Another server is asked only as long as none has answered. Who stops early should close it, so that the server
        hears of it at once: ``async with contextlib.aclosing(model.stream(...)) as answers``.

        Args:
            inputs: as for infer.
            outputs: as for infer.
            timeout_seconds: until the last answer.
            request_id: as for infer.
            parameters: as for infer.
            headers: as for infer.

        Raises:
            ConfigurationError: the server is spoken to by HTTP.
            TritonError: as for infer; some answers may have come before.
        """
        deadline = self._client._deadline(timeout_seconds)
        given = {"outputs": outputs, "request_id": request_id, "parameters": parameters}
        sent = await self._requests(deadline, inputs, headers, is_stream=True, **given)
        for request in sent:
            attempts = Attempts(self._streaming, deadline)
            async for answer in asking.stream(attempts, partial(_stream, request)):
                yield answer

    def sequence(self) -> AsyncInferSequence:
        """Begin one: requests of which the model keeps a state. Its last request has to say so."""
        return AsyncInferSequence(self)

    async def _requests(
        self, deadline: Deadline, inputs: Mapping[str, Any], headers: Mapping[str, str] | None, **given: Any
    ) -> list[Request]:
        signature = self._signature or await self._asked(deadline)
        return requests(signature, inputs, headers=self._client._headers(headers), **given)

    async def _infer(self, request: Request, attempts: Attempts[AsyncTransport]) -> Inferred:
        ask: Callable[[AsyncTransport, float], Awaitable[Inferred]] = partial(_infer, request)
        if self.rules.shared_memory and self._signature is not None:
            ask = partial(self._client._shared.infer, request, self._signature)
        after = self.rules.hedge_after_seconds
        if after is None or request.step is not None:
            return await asking.ask_in_turn(attempts, ask)
        return await asking.ask_hedged(attempts, ask, after)

    async def _asked(self, deadline: Deadline) -> Signature:
        """One task asks; others that need it meanwhile wait for what it is told."""
        what = f"metadata of model {self.name}"
        try:
            async with asyncio.timeout(deadline.left(what, model=self.name)):
                await self._asking.acquire()
        except TimeoutError:
            raise deadline.over(what, model=self.name) from None
        try:
            if self._signature is None:
                self._signature = await self._ask_server(deadline)
            return self._signature
        finally:
            self._asking.release()

    async def _ask_server(self, deadline: Deadline) -> Signature:
        name, version = self.name, self.version
        ask = self._client._ask
        metadata = await ask("metadata", name, deadline, lambda one, left: one.metadata(name, version, left))
        config: dict[str, Any] | None
        try:
            config = await ask("config", name, deadline, lambda one, left: one.config(name, version, left))
        except ModelNotFoundError:  # servers other than Triton have no configurations
            config = None
        return Signature.of(metadata, config, version)


class AsyncInferSequence:
    """One sequence of a model, see drivetrain_triton.sequences. One request at a time.

    Attributes:
        id: the server's name of it.
    """

    def __init__(self, model: AsyncModel) -> None:
        self._model, self._steps = model, Steps(model.name)
        self._kind = model._client._fleet.kind("infer", model.name, may_run_twice=False)
        self._server: Replica[AsyncTransport] | None = None
        self.id = self._steps.id

    async def infer(
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
        """The next request; see AsyncModel.infer.

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
        sent = await model._requests(
            deadline, inputs, headers, outputs=outputs, request_id=request_id, parameters=parameters
        )
        request = self._steps.begun(sent, is_last=is_last)
        attempts = Attempts(self._kind, deadline, self._server)
        try:
            answer = await model._infer(request, attempts)
        except TritonError as error:
            self._steps.failed(error)
            raise
        self._server = attempts.answered_by
        self._steps.answered(is_last=is_last)
        return joined([request], [answer])
