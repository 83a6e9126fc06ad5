"""One contender's calls, each beside one of bare tritonclient, in turn: what the contender adds.

A file of its own, without anything of the repository: pytriton runs it where numpy is older than ours.
Usage: python triton_overhead.py ours|pytriton http|http-aio|grpc|grpc-aio <host:port> <values> <calls>
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import numpy as np

WARM_UP = 200


def bare(api: str, address: str) -> Any:
    """tritonclient as its examples have it: a tensor in, a tensor out."""
    if api.startswith("http"):
        from tritonclient import http as library
        from tritonclient.http import aio
    else:
        from tritonclient import grpc as library
        from tritonclient.grpc import aio
    client = (aio if api.endswith("aio") else library).InferenceServerClient(address)

    def given(x: Any) -> list[Any]:
        tensor = library.InferInput("x", list(x.shape), "FP32")
        tensor.set_data_from_numpy(x)
        return [tensor]

    def infer(x: Any) -> Any:
        return client.infer("identity", given(x)).as_numpy("y")

    async def infer_async(x: Any) -> Any:
        return (await client.infer("identity", given(x))).as_numpy("y")

    return infer_async if api.endswith("aio") else infer


def ours(api: str, address: str) -> Any:
    """The SDK."""
    from drivetrain_triton import AsyncTritonClient, TritonClient

    url = f"{api.partition('-')[0]}://{address}"
    if not api.endswith("aio"):
        model = TritonClient(url).model("identity")
        return lambda x: model.infer({"x": x})["y"]
    async_model = AsyncTritonClient(url).model("identity")

    async def infer(x: Any) -> Any:
        return (await async_model.infer({"x": x}))["y"]

    return infer


def pytriton(api: str, address: str) -> Any:
    """NVIDIA's."""
    from pytriton.client import AsyncioModelClient, ModelClient

    url = f"{api.partition('-')[0]}://{address}"
    if not api.endswith("aio"):
        client = ModelClient(url, "identity")
        return lambda x: client.infer_batch(x)["y"]
    async_client = AsyncioModelClient(url, "identity")

    async def infer(x: Any) -> Any:
        return (await async_client.infer_batch(x))["y"]

    return infer


def measure(pair: list[Any], x: Any, calls: int) -> list[list[float]]:
    """Seconds of each."""
    took: list[list[float]] = [[], []]
    for number in range(WARM_UP + calls):
        for which in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            y = pair[which](x)
            seconds = time.perf_counter() - began
            if number == 0 and not np.array_equal(x, y):
                raise SystemExit("the answer is another one")
            if number >= WARM_UP:
                took[which].append(seconds)
    return took


async def measure_async(contender: str, api: str, address: str, x: Any, calls: int) -> list[list[float]]:
    """The same. Clients are made in the loop."""
    pair = [bare(api, address), globals()[contender](api, address)]
    took: list[list[float]] = [[], []]
    for number in range(WARM_UP + calls):
        for which in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            y = await pair[which](x)
            seconds = time.perf_counter() - began
            if number == 0 and not np.array_equal(x, y):
                raise SystemExit("the answer is another one")
            if number >= WARM_UP:
                took[which].append(seconds)
    return took


def main() -> None:
    """Print milliseconds at p50 and p99: of tritonclient, and of the contender."""
    contender, api, address, values, calls = sys.argv[1:]
    x = np.arange(int(values), dtype=np.float32).reshape(1, -1)
    if api.endswith("aio"):
        took = asyncio.run(measure_async(contender, api, address, x, int(calls)))
    else:
        took = measure([bare(api, address), globals()[contender](api, address)], x, int(calls))
    (bare_50, bare_99), (ours_50, ours_99) = (np.percentile(one, [50, 99]) * 1_000 for one in took)
    print(json.dumps({"bare_p50": bare_50, "bare_p99": bare_99, "p50": ours_50, "p99": ours_99}), flush=True)
    sys.stdout.flush()
    import os

    os._exit(0)  # pytriton's and tritonclient's clients say much when they are collected at the end


main()
