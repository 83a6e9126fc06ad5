"""KubernetesExecutor on a real API server: how fast 200 tasks get pods, and how they end when everything goes wrong.

The executor, Airflow's tables, the API server, kubelet and pods are real. What runs in a pod is a shell that reports
"running" and "success" as a task does, so the figures are the executor's and the cluster's, without Airflow's own start
in each pod. Beside ours: Airflow's executor with the settings that it comes with.
Usage: python -m benchmarks.platform_kubernetes [--quick]
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import json
import os
import random
import signal
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from kubernetes import client
from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.config import load_kube_config
from urllib3.exceptions import HTTPError

from benchmarks.frame import Report, Target, percentile, spread
from standins.kubernetes.cluster import Cluster
from standins.kubernetes.layout import Layout
from tests.support.airflow_history import running_airflow_database
from tests.support.executor_process import OURS, STOCK, ExecutorProcess
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TASKS, SEED = 200, 7
KINDS = {"ours": OURS, "airflow's default": STOCK}
# One node takes no more at a time; each of both executors has as many slots.
SLOTS = {"AIRFLOW__CORE__PARALLELISM": "64"}
CHAOS_SECONDS = 420.0
# Longer than it takes to notice a pod that went unseen: who has not moved by then will not.
STILL_SECONDS = 150.0
KILLS, WATCH_KILLS = 24, 4
UNITS = {
    "made_per_second": "pods/s",
    "started_per_second": "pods/s",
    "latency_p50": "s",
    "latency_p99": "s",
    "seconds": "s",
}


class Bench:
    """One cluster and one database for all."""

    def __init__(self, cluster: Cluster, database: dict[str, object], folder: Path) -> None:
        self.cluster, self.database, self.folder = cluster, database, folder
        configuration = Configuration()
        load_kube_config(str(cluster.layout.kubeconfig), client_configuration=configuration)
        configuration.proxy = None  # that of the environment, which knows nothing of this cluster
        self.core = client.CoreV1Api(ApiClient(configuration))
        self._job = 100

    @contextlib.contextmanager
    def executor(self, kind: str) -> Iterator[ExecutorProcess]:
        """An executor in a namespace of its own, which is gone afterwards."""
        namespace = f"bench-{uuid.uuid4().hex[:8]}"
        self.core.create_namespace({"metadata": {"name": namespace}})
        self._job += 1
        made = ExecutorProcess(
            self.database,
            self.folder / namespace,
            kubeconfig=self.cluster.layout.kubeconfig,
            namespace=namespace,
            address=self.cluster.layout.network.machine_ip,
            kind=KINDS[kind],
            job=self._job,
            settings=SLOTS,
        )
        try:
            accounts = self.core.list_namespaced_service_account
            eventually("the service account's token", lambda: any(one.secrets for one in accounts(namespace).items))
            with made:
                yield made
        finally:
            self.core.delete_namespace(namespace, grace_period_seconds=0)
            eventually("no pod left", lambda: not self.pods(namespace), 300)

    def pods(self, namespace: str) -> list[Any]:
        """All that are there."""
        found: list[Any] = self.core.list_namespaced_pod(namespace).items
        return found

    def burst(self, kind: str, tasks: int) -> dict[str, float]:
        """So many tasks at once, with nothing going wrong."""
        names = [f"burst-{uuid.uuid4().hex}" for _ in range(tasks)]
        with self.executor(kind) as executor, Created(self.core, executor.namespace) as created:
            began = time.time()
            executor.ask("queue", names=names, work="true")
            queued = time.time()
            found = executor.run(names, seconds=600)
            times = executor.ask("times")
        _require(found, tasks)
        done = [times[task["id"]] for task in found["tasks"].values()]
        latencies = [one["success"] - one["queued"] for one in done]
        return {
            "made_per_second": tasks / (max(created.at) - queued),
            "started_per_second": tasks / (max(one["running"] for one in done) - queued),
            "latency_p50": percentile(latencies, 50),
            "latency_p99": percentile(latencies, 99),
            "seconds": max(one["success"] for one in done) - began,
        }

    def chaos(self, kind: str, tasks: int) -> dict[str, Any]:
        """The same number of tasks, while pods, the watch and the API server are taken away."""
        dice = random.Random(SEED)
        names = [f"chaos-{uuid.uuid4().hex}" for _ in range(tasks)]
        kills, watch_kills = [max(1, round(most * tasks / TASKS)) for most in (KILLS, WATCH_KILLS)]
        with self.executor(kind) as executor:
            executor.ask("queue", names=names, work=f"sleep {6 + dice.randrange(6)}")
            until, killed = time.monotonic() + CHAOS_SECONDS, set[str]()
            restart = threading.Thread(target=self.cluster.restart, args=("apiserver",))
            rounds, seen, moved = 0, "", time.monotonic()
            found = executor.run(names, seconds=4)
            while time.monotonic() < min(until, moved + STILL_SECONDS) and not _is_over(found):
                rounds += 1
                with contextlib.suppress(ApiException, HTTPError, OSError):
                    if len(killed) < kills and not restart.is_alive():
                        unseen = rounds <= watch_kills
                        killed |= self._kill_pods(executor, found, dice, killed, unseen=unseen)
                if rounds == watch_kills + 1:
                    restart.start()
                found = executor.run(names, seconds=3)
                if (state := str(found["tasks"])) != seen:
                    seen, moved = state, time.monotonic()
            if restart.ident is not None:
                restart.join()
            # Those that failed are kept for people, and removed by platform_cleanup.
            left = [
                pod
                for pod in self.pods(executor.namespace)
                if pod.status.phase != "Failed" and pod.metadata.deletion_timestamp is None
            ]
            states = Counter(task["state"] for task in found["tasks"].values())
            return {
                "seconds": round(CHAOS_SECONDS - max(0.0, until - time.monotonic()), 1),
                "states": dict(states),
                "pods_killed": len(killed),
                "slots_held": found["running"] + found["queued"],
                "pods_left": len(left),
                "scheduler_ends": len(found["crashes"]),
                "crashes": sorted(set(found["crashes"]))[:5],
                "tries": dict(Counter(str(task["try"]) for task in found["tasks"].values())),
            }

    def _kill_pods(
        self, executor: ExecutorProcess, found: dict[str, Any], dice: random.Random, killed: set[str], *, unseen: bool
    ) -> set[str]:
        """Delete some pods that run; unseen: while the watch is stopped, which is killed then. Whose they were."""
        running = [
            pod
            for pod in self.pods(executor.namespace)
            if pod.status.phase == "Running" and pod.metadata.annotations["run_id"] not in killed
        ]
        chosen = dice.sample(running, min(4, len(running)))
        watchers = found["watchers"] if unseen else []
        for watcher in watchers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(watcher, signal.SIGSTOP)
        for pod in chosen:
            self.core.delete_namespaced_pod(pod.metadata.name, executor.namespace, grace_period_seconds=0)
        if watchers:
            names = {pod.metadata.name for pod in chosen}
            while names & {pod.metadata.name for pod in self.pods(executor.namespace)}:
                time.sleep(0.1)
        for watcher in watchers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(watcher, signal.SIGKILL)
        return {pod.metadata.annotations["run_id"] for pod in chosen}


class Created:
    """When pods of a namespace were made, as the API server tells it: in whole seconds."""

    def __init__(self, core: client.CoreV1Api, namespace: str) -> None:
        self._core, self._namespace = core, namespace
        self._seen: dict[str, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Created:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def at(self) -> list[float]:
        """Unix seconds; the end of the second."""
        return [dt.datetime.fromisoformat(at).timestamp() + 1 for at in self._seen.values()]

    def _watch(self) -> None:
        while not self._over.wait(1.0):
            # Not decoded into the client's objects: that takes more of the machine than the executor does.
            listed = self._core.list_namespaced_pod(self._namespace, resource_version="0", _preload_content=False)
            for pod in json.loads(listed.data)["items"]:
                self._seen[pod["metadata"]["name"]] = pod["metadata"]["creationTimestamp"]


def _require(found: dict[str, Any], tasks: int) -> None:
    states = Counter(task["state"] for task in found["tasks"].values())
    if states != {"success": tasks}:
        raise RuntimeError(f"a burst of {tasks} tasks ended as {dict(states)}")


def _is_over(found: dict[str, Any]) -> bool:
    states = {task["state"] for task in found["tasks"].values()}
    return states <= {"success", "failed"} and not found["running"]


def main(
    quick: bool = typer.Option(False, help="A tenth of the tasks; write no result."),
    repeats: int = typer.Option(2, help="Bursts of each."),
) -> None:
    """Run the benchmark and write benchmarks/results/platform-kubernetes.json."""
    tasks = TASKS // 10 if quick else TASKS
    report = Report(
        "platform-kubernetes",
        {
            "burst": f"{tasks} tasks queued at once, {repeats} times each, 64 slots",
            "chaos": f"{tasks} tasks; running pods deleted at random, some while no watch sees it; the watch killed; "
            "the API server restarted",
            "pods": "a shell that reports as a task does (busybox), not Airflow's own task process",
            "cluster": "Kubernetes 1.20.2, one node, on the same machine",
        },
    )
    cluster = Cluster(Layout.from_env())
    started = cluster.up()
    try:
        with tempfile.TemporaryDirectory(prefix="kubernetes-") as name:
            folder = Path(name)
            folder.chmod(0o755)  # Postgres runs as a user of its own
            (folder / "database").mkdir()
            with running_airflow_database(folder / "database") as database:
                _measure(Bench(cluster, database, folder), report, tasks, repeats)
    finally:
        if started:
            cluster.down()
    report.show(write=not quick)


def _measure(bench: Bench, report: Report, tasks: int, repeats: int) -> None:
    chaos = {}
    for kind in KINDS:
        chaos[kind] = bench.chaos(kind, tasks)
        report.runs.append({"case": "chaos", "contender": kind, **chaos[kind]})
        typer.echo(f"chaos {kind:<18} {chaos[kind]}")
    for repeat in range(repeats):
        for kind in KINDS:
            row = bench.burst(kind, tasks)
            report.runs.append({"case": "burst", "contender": kind, "repeat": repeat, **row})
            typer.echo(f"burst {repeat} {kind:<18}" + "  ".join(f"{name} {row[name]:.2f}" for name in UNITS))
    report.metrics = _figures(report.runs, "ours", chaos["ours"])
    version = importlib.metadata.version("apache-airflow-providers-cncf-kubernetes")
    for kind in KINDS:
        if kind != "ours":
            report.peers[kind] = {"version": version, "metrics": _figures(report.runs, kind, chaos[kind])}
    killed = ", ".join(f"{kind} {one['pods_killed']}" for kind, one in chaos.items())
    report.notes = [f"Pods are killed while tasks are left, so the faster one loses fewer of them: {killed}."]
    ours, tried = chaos["ours"], report.metrics
    report.targets = [
        Target("tasks that ended right in the chaos", "==", tasks, ours["states"].get("success", 0)),
        Target("slots held after it", "==", 0, ours["slots_held"]),
        Target("pods left over after it", "==", 0, ours["pods_left"]),
        Target("times that a scheduler would have ended", "==", 0, ours["scheduler_ends"]),
        Target("seconds to a task's success in the burst, p50", "<=", 60, tried["latency_p50"]["value"]),
    ]


def _figures(runs: Sequence[dict[str, Any]], kind: str, chaos: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rows = [row for row in runs if row["case"] == "burst" and row["contender"] == kind]
    figures = {name: spread([row[name] for row in rows], unit) for name, unit in UNITS.items()}
    counts = {
        "chaos.succeeded": (chaos["states"].get("success", 0), "tasks"),
        "chaos.slots_held": (chaos["slots_held"], "slots"),
        "chaos.pods_left": (chaos["pods_left"], "pods"),
        "chaos.scheduler_ends": (chaos["scheduler_ends"], "times"),
        "chaos.seconds": (chaos["seconds"], "s"),
    }
    return {**figures, **{name: {"value": value, "unit": unit} for name, (value, unit) in counts.items()}}


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
