"""One contender under load: a request goes out when it is due, whatever became of those before it.

A file of its own, without anything of the repository: pytriton runs it where numpy is older than ours. Latency is
counted from when a request was due. Contenders that know one server alone ask several in turn, as people do who have
several. It prints a line once it is ready, and begins when it reads one.
Usage: python triton_load.py <contender> <url>,<url> '[[<seconds>, <requests a second>], ...]'
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import sys
import threading
import time
from typing import Any

import numpy as np

TIMEOUT_SECONDS = 0.5  # for a call, as each contender has it
WORKERS = 128  # more than are ever under way: 400 a second for half a second would be 200, and all would be late
X = np.arange(16, dtype=np.float32).reshape(1, -1)


def ours(urls: list[str], **settings: Any) -> Any:
    """The SDK: one client for all servers and threads."""
    from drivetrain_triton import TritonClient

    model = TritonClient(*urls, timeout_seconds=TIMEOUT_SECONDS, **settings).model("work", may_run_twice=True)
    return lambda: lambda: model.infer({"x": X})["y"]


def ours_limited(urls: list[str]) -> Any:
    """The same, sending no more than is answered in time."""
    return ours(urls, limits_load=True)


def tritonclient(urls: list[str]) -> Any:
    """Bare: a client for each server, in turn."""
    from tritonclient import grpc

    clients = [grpc.InferenceServerClient(url.partition("//")[2]) for url in urls]
    turn = itertools.cycle(clients)

    def infer() -> Any:
        tensor = grpc.InferInput("x", list(X.shape), "FP32")
        tensor.set_data_from_numpy(X)
        return next(turn).infer("work", [tensor], client_timeout=TIMEOUT_SECONDS).as_numpy("y")

    return lambda: infer


def pytriton(urls: list[str]) -> Any:
    """NVIDIA's: its clients are not for several threads, so each thread has one for each server, in turn."""
    from pytriton.client import ModelClient

    turn = itertools.cycle(range(len(urls)))

    def of_thread() -> Any:
        clients = [
            ModelClient(url, "work", inference_timeout_s=TIMEOUT_SECONDS, init_timeout_s=TIMEOUT_SECONDS)
            for url in urls
        ]
        return lambda: clients[next(turn)].infer_batch(X)["y"]

    return of_thread


def main() -> None:
    """Print what became of each request: when it was due, how long it took, and its error."""
    contender, urls, segments = sys.argv[1], sys.argv[2].split(","), json.loads(sys.argv[3])
    of_thread = globals()[contender](urls)
    waiting: queue.SimpleQueue[float | None] = queue.SimpleQueue()
    told: list[tuple[float, float, str]] = []
    ready = threading.Barrier(WORKERS + 1)

    def work() -> None:
        infer = of_thread()
        with contextlib.suppress(Exception):
            infer()  # connected, or not, as it will be found
        ready.wait()
        while (due := waiting.get()) is not None:
            error = ""
            try:
                infer()
            except Exception as failed:  # whatever it is, the caller has no answer
                error = type(failed).__name__
            told.append((due, time.perf_counter() - due, error))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(WORKERS)]
    for one in threads:
        one.start()
        time.sleep(0.01)  # a crowd of first calls would be late
    ready.wait()
    print("ready", flush=True)
    sys.stdin.readline()
    began = at = time.perf_counter() + 0.05
    for seconds, rate in segments:
        for number in range(int(seconds * rate)):
            due = at + number / rate
            if (left := due - time.perf_counter()) > 0:
                time.sleep(left)
            waiting.put(due)
        at += seconds
    for _ in threads:
        waiting.put(None)
    for one in threads:
        one.join(60)
    print(json.dumps([[round(due - began, 4), round(took, 5), error] for due, took, error in sorted(told)]), flush=True)
    os._exit(0)  # clients say much when they are collected at the end


main()
