"""The Triton SDK against bare tritonclient and pytriton's client, on real Triton servers.

What a call costs more than tritonclient's alone, by each of the four APIs; and what becomes of calls where one of two
servers is killed, where one is slow, and where more come than both can take.
Usage: python -m benchmarks.triton_sdk [--quick]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from benchmarks.frame import Report, Target, in_own_process, percentile, spread
from tests.support.tcp_proxy import TcpProxy, Trouble
from tests.support.triton.real_triton import RealTriton
from tests.support.triton.venv import packages, python

HERE = Path(__file__).parent
MODELS = HERE / "triton_models"
APIS = ("http", "http-aio", "grpc", "grpc-aio")
SIZES = {"small": 4, "large": 150_528}  # values: of a row of features, and of a picture of 224 x 224 in three colours
OURS = dict.fromkeys(("ours", "ours_limited", "tritonclient"), Path(sys.executable))
CONTENDERS = ("ours", "ours_limited", "tritonclient", "pytriton")
LIMIT_SECONDS = 0.5  # of a call; triton_load has it, too
# Two servers take 200 requests a second.
LOADS = {
    "dead": [[9, 60]],
    "slow": [[9, 60]],
    "burst": [[3, 60], [3, 400], [6, 60]],
}
KILLED_AFTER_SECONDS, SLOW_SECONDS = 3.0, 0.3


def interpreter(contender: str) -> Path:
    """Which has its packages."""
    return OURS.get(contender) or python()


def overhead(contender: str, api: str, server: RealTriton, values: int, calls: int) -> dict[str, float]:
    """Milliseconds at p50 and p99, of the contender and of tritonclient in the same process."""
    address = urlsplit(server.grpc_url if api.startswith("grpc") else server.http_url).netloc
    arguments = (contender, api, address, str(values), str(calls))
    return in_own_process(
        str(HERE / "triton_overhead.py"), *arguments, env={}, python=interpreter(contender), timeout_seconds=300
    )


def trouble(contender: str, what: str) -> dict[str, float]:
    """One load on two new servers."""
    with ExitStack() as stack:
        servers = [stack.enter_context(RealTriton(MODELS)) for _ in range(2)]
        urls = [one.grpc_url for one in servers]
        if what == "slow":
            proxy = stack.enter_context(TcpProxy(urlsplit(urls[1]).port or 0))
            proxy.trouble = Trouble(latency_seconds=SLOW_SECONDS)
            urls[1] = f"grpc://127.0.0.1:{proxy.port}"
        command = [interpreter(contender), HERE / "triton_load.py", contender, ",".join(urls), json.dumps(LOADS[what])]
        process = stack.enter_context(
            subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONWARNINGS": "ignore"},  # pytriton has much to say
            )
        )
        if process.stdout is None or process.stdin is None or process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{contender} did not begin")
        process.stdin.write("begin\n")
        process.stdin.flush()
        killing = threading.Timer(KILLED_AFTER_SECONDS, servers[1].kill)
        if what == "dead":
            killing.start()
        told = json.loads(process.stdout.readline())
        killing.cancel()
    return figures(told, LOADS[what])


def figures(told: list[tuple[float, float, str]], load: list[list[float]]) -> dict[str, float]:
    """What became of the requests."""
    good = [took for _, took, error in told if not error and took <= LIMIT_SECONDS]
    return {
        "requests": len(told),
        "errors_percent": 100 * sum(bool(error) for _, _, error in told) / len(told),
        "p50_ms": 1_000 * percentile([took for _, took, _ in told], 50),
        "p99_ms": 1_000 * percentile([took for _, took, _ in told], 99),
        "goodput": len(good) / sum(seconds for seconds, _ in load),
    }


def main(
    repeats: Annotated[int, typer.Option(help="Of each measurement.")] = 5,
    calls: Annotated[int, typer.Option(help="Of each API and repeat.")] = 2_000,
    quick: Annotated[bool, typer.Option(help="Once and few: whether it runs. Nothing is written.")] = False,
) -> None:
    """Measure."""
    repeats, calls = (1, 300) if quick else (repeats, calls)
    versions = {name: _version(name) for name in ("tritonclient", "nvidia_pytriton")}
    load = {
        "calls": f"{calls:,} of ours beside as many of tritonclient's, in turn, {repeats} times; likewise pytriton's",
        "troubles": f"gRPC, sync, calls of {LIMIT_SECONDS} s at most, two servers that take 100 requests a second "
        f"each, {min(repeats, 3)} times",
        "servers": "Triton 2.51, Python backend",
    }
    report = Report("triton-sdk", load)
    rows: list[dict[str, Any]] = []
    with RealTriton(MODELS) as server:
        for repeat in range(repeats):
            for size, values in SIZES.items():
                for api in APIS:
                    for contender in ("ours", "pytriton"):
                        count = calls if size == "small" else calls // 4
                        row = {"size": size, "api": api, "contender": contender, "repeat": repeat}
                        rows.append(row | overhead(contender, api, server, values, count))
                        print(rows[-1], flush=True)
    for repeat in range(min(repeats, 3)):
        for what in LOADS:
            for contender in CONTENDERS:
                rows.append({"trouble": what, "contender": contender, "repeat": repeat} | trouble(contender, what))
                print(rows[-1], flush=True)
    report.runs = rows
    summarize(report, versions)
    report.show(write=not quick)


def summarize(report: Report, versions: dict[str, str]) -> None:
    """Medians, peers and targets."""
    report.peers = {
        "tritonclient": {"version": versions["tritonclient"], "metrics": {}},
        "pytriton": {"version": versions["nvidia_pytriton"], "metrics": {}},
    }
    into = {name: report.peers[name]["metrics"] for name in report.peers} | {"ours": report.metrics}
    for size in SIZES:
        for api in APIS:
            for contender in ("ours", "pytriton"):
                found = [
                    one
                    for one in report.runs
                    if (one.get("size"), one.get("api"), one["contender"]) == (size, api, contender)
                ]
                added = [1_000 * (one["p50"] - one["bare_p50"]) for one in found]
                into[contender][f"{api}.{size}.added_p50"] = spread(added, "us")
                into[contender][f"{api}.{size}.p50"] = spread([one["p50"] for one in found], "ms")
                if contender == "ours":
                    bare = spread([one["bare_p50"] for one in found], "ms")
                    into["tritonclient"][f"{api}.{size}.p50"] = bare
                    goal = round(max(50.0, 0.05 * 1_000 * bare["value"]), 1)
                    added_us = report.metrics[f"{api}.{size}.added_p50"]["value"]
                    report.targets.append(Target(f"{api}, {size}: us added at p50", "<=", goal, added_us))
    for what in LOADS:
        for contender in CONTENDERS:
            found = [one for one in report.runs if (one.get("trouble"), one["contender"]) == (what, contender)]
            for name, unit in (("errors_percent", "%"), ("p50_ms", "ms"), ("p99_ms", "ms"), ("goodput", "answers/s")):
                metrics, way = (report.metrics, ".limited") if contender == "ours_limited" else (into[contender], "")
                metrics[f"{what}{way}.{name}"] = spread([one[name] for one in found], unit)
    peers = [report.peers[name]["metrics"] for name in report.peers]
    errors, slow = report.metrics["dead.errors_percent"]["value"], report.metrics["slow.p99_ms"]["value"]
    report.targets += [
        Target("% of calls that fail where one of two servers is killed", "<=", 0, errors),
        Target(
            "times the best peer's p99 where one of two servers is slow",
            "<=",
            0.5,
            round(slow / min(one["slow.p99_ms"]["value"] for one in peers), 3),
        ),
        Target(
            "times the best peer's goodput in a burst of twice what the servers take, with limits_load",
            ">=",
            2,
            round(
                report.metrics["burst.limited.goodput"]["value"] / max(one["burst.goodput"]["value"] for one in peers),
                3,
            ),
        ),
    ]


def _version(package: str) -> str:
    found = sorted(packages().glob(f"{package}-*.dist-info"))
    return found[0].name.removeprefix(f"{package}-").removesuffix(".dist-info") if found else "?"


if __name__ == "__main__":
    typer.run(main)
