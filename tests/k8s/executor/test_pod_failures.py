"""Real pods that fail in each way, and what becomes of their tasks."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from kubernetes import client

from tests.support.executor_process import ExecutorProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Case:
    """A task that fails: `fatal` ones would be tried three times, and must not be."""

    kind: str
    work: str = "sleep 120"
    container: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    fatal: bool = True
    said: str = ""

    @property
    def override(self) -> dict[str, Any]:
        return {"metadata": self.metadata, "spec": {"containers": [{"name": "base", **self.container}], **self.spec}}


LIGHT = {"labels": {"drivetrain.io/preset": "light"}, "annotations": {"drivetrain.io/larger-preset": "heavy"}}
SCRATCH = {"volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}]}
NO_SECRET = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "no-such-secret", "key": "key"}}}]
CASES = {
    "memory": Case("oom_killed", "tail /dev/zero", metadata=LIGHT, said="give it the preset heavy (it has light)"),
    "image": Case("image", container={"image": "drivetrain.local/missing:1"}, said="drivetrain.local/missing:1"),
    "name": Case("image", container={"image": "drivetrain.local/NO:such:image"}, said="InvalidImageName"),
    "selector": Case("unschedulable", spec={"nodeSelector": {"no": "such-node"}}, said="didn't match"),
    "room": Case(
        "unschedulable",
        container={"resources": {"requests": {"memory": "900Gi"}}},
        fatal=False,
        said="Insufficient memory",
    ),
    "config": Case("config", container={"env": NO_SECRET}, said="no-such-secret"),
    "program": Case("config", container={"command": ["/no/such/program"]}, said="/no/such/program"),
    "deadline": Case("deadline", spec={"activeDeadlineSeconds": 4}, said="deadline of 4 s"),
    "disk": Case(
        "over_disk_limit",
        "dd if=/dev/zero of=/scratch/file bs=1M count=8; sleep 120",
        container={"volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]},
        spec={**SCRATCH, "securityContext": {"runAsUser": 65534, "fsGroup": 65534}},
        said="exceeds the limit",
    ),
    "code": Case("exited", "exit 7", fatal=False, said="exit code 7"),
}


@pytest.fixture(scope="module")
def ended(executor: ExecutorProcess) -> dict[str, Any]:
    """All of them, at the same time."""
    base = uuid.uuid4().hex[:6]
    for name, case in CASES.items():
        retries = 2 if case.fatal else 0
        executor.ask("queue", names=[f"{base}-{name}"], work=case.work, override=case.override, retries=retries)
    found = executor.run([f"{base}-{name}" for name in CASES], seconds=150)
    found["tasks"] = {name.partition("-")[2]: task for name, task in found["tasks"].items()}
    found["events"] = [(name.partition("-")[2], event, extra) for name, event, extra in found["events"]]
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_pod_that_fails_says_why_where_people_look_and_is_tried_again_only_if_that_helps(
    ended: dict[str, Any], name: str
) -> None:
    case, task = CASES[name], ended["tasks"][name]
    assert task["state"] == "failed", task
    # containerd may tell of the end before it knows of the memory; then it looks like a kill, which is worth a retry.
    assert task["try"] <= (2 if name == "memory" else 1)
    assert f"[{case.kind}] pod " in task["note"]
    assert case.said in task["note"]
    assert ("a retry can't help" in task["note"]) == case.fatal
    events = [extra for run, event, extra in ended["events"] if (run, event) == (name, "pod failed")]
    assert events[-1:] == [task["note"]]
    assert len(events) == task["try"]
    *_, mismatch = [extra for run, event, extra in ended["events"] if (run, event) == (name, "state mismatch")]
    assert mismatch.endswith(task["note"])


def test_no_slot_is_held_afterwards_and_nothing_goes_on_trying_to_start(
    ended: dict[str, Any], executor: ExecutorProcess, core: client.CoreV1Api
) -> None:
    assert (ended["running"], ended["queued"], ended["crashes"]) == (0, 0, [])

    def ended_only() -> bool:
        return {pod.status.phase for pod in core.list_namespaced_pod(executor.namespace).items} <= {"Failed"}

    assert eventually("no pod that is alive", ended_only)


def test_a_pod_that_is_deleted_while_it_runs_is_tried_again(
    executor: ExecutorProcess, core: client.CoreV1Api, names: list[str]
) -> None:
    executor.ask("queue", names=names[:1], work="sleep 6")
    pod = running_pod(executor, core, names[0])
    core.delete_namespaced_pod(pod, executor.namespace, grace_period_seconds=0)
    found = executor.run(names[:1])
    task = found["tasks"][names[0]]
    assert (task["state"], task["try"]) == ("success", 2)
    [told] = [extra for _, event, extra in found["events"] if event == "pod failed"]
    # The name is known from the watch or from a look; a pod may be gone before either saw it.
    assert told.startswith((f"[node_gone] pod {pod}: was deleted", "[node_gone] its pod: was deleted"))


def test_a_pod_that_goes_before_its_task_began_costs_no_try(
    executor: ExecutorProcess, core: client.CoreV1Api, names: list[str]
) -> None:
    no_mount = {"volumes": [{"name": "late", "configMap": {"name": f"late-{names[0]}"}}]}
    mounted = {"name": "base", "volumeMounts": [{"name": "late", "mountPath": "/late"}]}
    executor.ask("queue", names=names[:1], override={"spec": {"containers": [mounted], **no_mount}})
    executor.ask("step")
    pod = eventually("its pod", lambda: pods_of(executor, core, names[0]))[0]
    core.delete_namespaced_pod(pod.metadata.name, executor.namespace, grace_period_seconds=0)
    core.create_namespaced_config_map(executor.namespace, {"metadata": {"name": f"late-{names[0]}"}})
    task = executor.run(names[:1])["tasks"][names[0]]
    assert (task["state"], task["try"], task["note"]) == ("success", 1, None)


def pods_of(executor: ExecutorProcess, core: client.CoreV1Api, name: str) -> list[Any]:
    """Pods of a run, by its annotation."""
    listed = core.list_namespaced_pod(executor.namespace).items
    return [pod for pod in listed if pod.metadata.annotations.get("run_id") == name]


def running_pod(executor: ExecutorProcess, core: client.CoreV1Api, name: str) -> str:
    """The name of its pod, once its task has said that it runs."""

    def runs() -> bool:
        executor.ask("step")
        return executor.ask("look", names=[name])["tasks"][name]["state"] == "running"

    eventually("its task runs", runs)
    [pod] = pods_of(executor, core, name)
    return str(pod.metadata.name)
