"""A fake server on real sockets, and one way to call all four clients."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import ml_dtypes
import numpy as np
import pytest

from drivetrain_triton import AsyncTritonClient, TensorSpec, TritonClient
from drivetrain_triton.testing import FakeModel, FakeServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivetrain_triton import Inferred, Signature
    from drivetrain_triton.signature import Tensors

KINDS = ("http", "http-aio", "grpc", "grpc-aio")


@dataclass
class Asker:
    """One of the four clients, each call of which is a loop of its own where it is async."""

    urls: tuple[str, ...]
    is_async: bool
    options: dict[str, Any]

    def infer(self, model: str, inputs: dict[str, Any], **given: Any) -> Inferred:
        if not self.is_async:
            with TritonClient(*self.urls, **self.options) as client:
                return client.model(model).infer(inputs, **given)

        async def ask() -> Inferred:
            async with AsyncTritonClient(*self.urls, **self.options) as client:
                return await client.model(model).infer(inputs, **given)

        return asyncio.run(ask())

    def signature(self, model: str, version: str = "") -> Signature:
        if not self.is_async:
            with TritonClient(*self.urls, **self.options) as client:
                return client.model(model, version).signature()

        async def ask() -> Signature:
            async with AsyncTritonClient(*self.urls, **self.options) as client:
                return await client.model(model, version).signature()

        return asyncio.run(ask())

    def ready(self, model: str = "") -> dict[str, bool]:
        found: dict[str, bool] = self.do("ready", model)
        return found

    def do(self, name: str, *given: Any) -> Any:
        """Something else that clients do."""
        if not self.is_async:
            with TritonClient(*self.urls, **self.options) as client:
                return getattr(client, name)(*given)

        async def ask() -> Any:
            async with AsyncTritonClient(*self.urls, **self.options) as client:
                return await getattr(client, name)(*given)

        return asyncio.run(ask())


def echo(tensors: Tensors) -> Tensors:
    return {f"{name}_back": value for name, value in tensors.items()}


ECHOED = {
    "flag": "BOOL",
    "small": "INT8",
    "whole": "INT64",
    "half": "FP16",
    "brain": "BF16",
    "real": "FP32",
    "text": "BYTES",
}
MODELS = (
    FakeModel(
        "echo",
        tuple(TensorSpec(name, kind, (-1, 2), is_optional=True) for name, kind in ECHOED.items()),
        tuple(TensorSpec(f"{name}_back", kind, (-1, 2)) for name, kind in ECHOED.items()),
        echo,
        max_batch_size=4,
    ),
    FakeModel(
        "price",
        (TensorSpec("car", "FP32", (-1, 3)),),
        (TensorSpec("price", "FP32", (-1, 1)), TensorSpec("rows", "INT64", (-1, 1))),
        lambda given: {
            "price": given["car"].sum(axis=1, keepdims=True),
            "rows": np.full((len(given["car"]), 1), len(given["car"])),
        },
        max_batch_size=4,
    ),
    FakeModel(
        "one",
        (TensorSpec("at", "INT32", (2,)), TensorSpec("by", "INT32", (1,), is_optional=True)),
        (TensorSpec("sum", "INT32", (1,)),),
        lambda given: {"sum": np.array([given["at"].sum()], np.int32)},
    ),
)
BRAIN = np.dtype(ml_dtypes.bfloat16)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(*MODELS) as running:
        yield running


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Running(Protocol):
    """A server, fake or real."""

    @property
    def http_url(self) -> str: ...

    @property
    def grpc_url(self) -> str: ...


def asker(kind: str, *servers: Running, **options: Any) -> Asker:
    urls = tuple(one.grpc_url if kind.startswith("grpc") else one.http_url for one in servers)
    return Asker(urls, kind.endswith("aio"), options)


@pytest.fixture
def client(kind: str, server: FakeServer) -> Asker:
    return asker(kind, server)
