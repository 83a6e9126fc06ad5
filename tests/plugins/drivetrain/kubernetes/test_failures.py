from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drivetrain.kubernetes.failures import FailureKind, PodFailure, explain
from drivetrain.kubernetes.presets import LARGER_ANNOTATION, PRESET_LABEL

# As a real API server and kubelet gave them, with their events; tests/k8s/executor/test_pod_failures.py makes such.
RECORDED = Path(__file__).parent / "pods"


def pod(
    phase: str = "Failed",
    *,
    state: dict[str, Any] | None = None,
    preset: str = "",
    larger: str = "",
    limit: str = "64Mi",
    spec: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    containers = [{"name": "base", "image": "registry.example/tasks:1", "state": state}] if state else []
    return {
        "metadata": {
            "name": "sync-1",
            "labels": {PRESET_LABEL: preset} if preset else {},
            "annotations": {LARGER_ANNOTATION: larger} if larger else {},
            **(metadata or {}),
        },
        "spec": {
            "containers": [{"name": "base", "resources": {"limits": {"memory": limit} if limit else {}}}],
            **(spec or {}),
        },
        "status": {"phase": phase, "containerStatuses": containers, **status},
    }


def ended(reason: str, code: int, message: str = "") -> dict[str, Any]:
    return {"terminated": {"reason": reason, "exitCode": code, "message": message}}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def unschedulable(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return pod("Pending", conditions=[condition])


def disrupted(reason: str) -> dict[str, Any]:
    return pod(conditions=[{"type": "DisruptionTarget", "status": "True", "reason": reason, "message": "bye"}])


def event(reason: str, message: str, at: str = "2026-11-26T12:00:00Z") -> dict[str, Any]:
    return {"reason": reason, "message": message, "lastTimestamp": at, "type": "Warning"}


OOM = ended("OOMKilled", 137)
CLASSES: dict[str, tuple[dict[str, Any] | None, list[dict[str, Any]], FailureKind, bool]] = {
    "at its own limit": (pod(state=OOM), [], FailureKind.OOM_KILLED, False),
    "the node had no memory": (pod(state=OOM, limit=""), [], FailureKind.OOM_KILLED, True),
    "a process of it was, and the shell ended well": (
        pod("Succeeded", state=ended("OOMKilled", 0)),
        [],
        FailureKind.OOM_KILLED,
        False,
    ),
    "memory pressure": (
        pod(reason="Evicted", message="The node was low on resource: memory."),
        [],
        FailureKind.EVICTED,
        True,
    ),
    "its own disk": (
        pod(reason="Evicted", message="Pod ephemeral local storage usage exceeds the total limit of containers 1Mi."),
        [],
        FailureKind.OVER_DISK_LIMIT,
        False,
    ),
    "its own volume": (
        pod(reason="Evicted", message='Usage of EmptyDir volume "scratch" exceeds the limit "1Mi".'),
        [],
        FailureKind.OVER_DISK_LIMIT,
        False,
    ),
    "preempted": (disrupted("PreemptionByScheduler"), [], FailureKind.EVICTED, True),
    "drained": (disrupted("EvictionByEvictionAPI"), [], FailureKind.EVICTED, True),
    "taint": (disrupted("DeletionByTaintManager"), [], FailureKind.NODE_GONE, True),
    "node shut down": (
        pod(reason="Terminated", message="Pod was terminated in response to imminent node shutdown."),
        [],
        FailureKind.NODE_GONE,
        True,
    ),
    "kubelet refused": (
        pod(reason="OutOfcpu", message="Node didn't have enough resource: cpu"),
        [],
        FailureKind.NODE_GONE,
        True,
    ),
    "gone": (None, [], FailureKind.NODE_GONE, True),
    "gone with its node": (None, [event("TaintManagerEviction", "Marking for deletion")], FailureKind.NODE_GONE, True),
    "gone, preempted": (None, [event("Preempted", "by default/other on node n")], FailureKind.EVICTED, True),
    "on its way out": (
        pod("Running", metadata={"deletionTimestamp": "2026-11-26T12:00:00Z"}),
        [],
        FailureKind.NODE_GONE,
        True,
    ),
    "no such image": (pod("Pending", state=waiting("ErrImagePull", "manifest unknown")), [], FailureKind.IMAGE, False),
    "never pulled": (
        pod("Pending", state=waiting("ErrImageNeverPull", "image is not present")),
        [],
        FailureKind.IMAGE,
        False,
    ),
    "no name": (pod("Pending", state=waiting("InvalidImageName", "couldn't parse")), [], FailureKind.IMAGE, False),
    "registry busy": (
        pod("Pending", state=waiting("ErrImagePull", "toomanyrequests: slow down")),
        [],
        FailureKind.IMAGE,
        True,
    ),
    "registry away": (
        pod("Pending", state=waiting("ImagePullBackOff", "Back-off pulling image")),
        [event("Failed", "Failed to pull image: dial tcp 10.0.0.1:443: i/o timeout")],
        FailureKind.IMAGE,
        True,
    ),
    "no secret": (
        pod("Pending", state=waiting("CreateContainerConfigError", 'secret "git" not found')),
        [],
        FailureKind.CONFIG,
        False,
    ),
    "no program": (pod(state=ended("ContainerCannotRun", 127, "exec: no such file")), [], FailureKind.CONFIG, False),
    "no volume": (
        pod("Pending", spec={"nodeName": "n"}),
        [event("FailedMount", 'MountVolume.SetUp failed: secret "git" not found')],
        FailureKind.CONFIG,
        False,
    ),
    "a slow volume": (
        pod("Pending", spec={"nodeName": "n"}),
        [event("FailedMount", "timed out waiting")],
        FailureKind.NOT_STARTED,
        True,
    ),
    "no network": (
        pod("Pending", spec={"nodeName": "n"}),
        [event("FailedCreatePodSandBox", "no address")],
        FailureKind.NOT_STARTED,
        True,
    ),
    "being made": (
        pod("Pending", spec={"nodeName": "n"}, state=waiting("ContainerCreating")),
        [],
        FailureKind.NOT_STARTED,
        True,
    ),
    "no room": (unschedulable("0/3 nodes are available: 3 Insufficient memory."), [], FailureKind.UNSCHEDULABLE, True),
    "nodes not ready yet": (
        unschedulable("0/1 nodes are available: 1 node(s) had taint {node.kubernetes.io/not-ready: }."),
        [],
        FailureKind.UNSCHEDULABLE,
        True,
    ),
    "nodes of others": (
        unschedulable("0/1 nodes are available: 1 node(s) had taint {team: data}, that the pod didn't tolerate."),
        [],
        FailureKind.UNSCHEDULABLE,
        False,
    ),
    "no such node": (
        unschedulable("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."),
        [],
        FailureKind.UNSCHEDULABLE,
        False,
    ),
    "no scheduler": (pod("Pending"), [], FailureKind.UNSCHEDULABLE, True),
    "deadline": (pod(reason="DeadlineExceeded", spec={"activeDeadlineSeconds": 5}), [], FailureKind.DEADLINE, False),
    "an exit code": (pod(state=ended("Error", 1)), [], FailureKind.EXITED, True),
    "killed": (pod(state=ended("Error", 137)), [], FailureKind.EXITED, True),
    "nobody knows": (pod(), [], FailureKind.EXITED, True),
}


@pytest.mark.parametrize("case", CLASSES)
def test_each_way_to_fail_has_its_class_and_is_tried_again_or_not(case: str) -> None:
    given, events, kind, retriable = CLASSES[case]
    failure = explain(given, events, name="sync-1")
    assert (failure.kind, failure.retriable) == (kind, retriable), failure.line
    assert "sync-1" in failure.what
    assert failure.fix
    assert "\n" not in failure.line
    assert failure.line.startswith(f"[{kind.value}] ")


def test_a_pod_that_is_too_small_names_the_preset_that_is_larger() -> None:
    small = explain(pod(state=OOM, preset="light", larger="heavy"))
    assert small.what == "pod sync-1: container base was killed at its memory limit of 64Mi"
    assert small.fix == "let the task hold less, or give it the preset heavy (it has light)"
    assert "raise limits.memory of heavy" in explain(pod(state=OOM, preset="heavy")).fix
    assert "a preset with a higher limits.memory" in explain(pod(state=OOM)).fix


def test_a_kill_names_the_memory_limit_since_it_may_have_been_that() -> None:
    assert explain(pod(state=ended("Error", 137))).what.endswith(
        "exit code 137, killed from outside, or at its memory limit of 64Mi"
    )
    assert explain(pod(state=ended("Error", 137), limit="")).what.endswith("exit code 137, killed from outside")


def test_what_kubernetes_says_is_in_the_line_on_one_line_and_not_endless() -> None:
    said = explain(unschedulable("0/3 nodes are available:\n3 Insufficient memory.")).what
    assert said == "pod sync-1: no node takes it: 0/3 nodes are available: 3 Insufficient memory"
    assert len(explain(unschedulable("x" * 10_000)).line) < 1_000


def test_the_newest_event_counts() -> None:
    told = [
        event("Evicted", "low on memory", "2026-11-26T12:00:01Z"),
        event("NodeNotReady", "gone", "2026-11-26T12:00:02Z"),
    ]
    assert explain(None, told, name="x").kind is FailureKind.NODE_GONE
    assert explain(None, told[:1], name="x").kind is FailureKind.EVICTED


def test_only_what_no_wait_can_help_is_given_up_at_once() -> None:
    at_once = {case for case, (given, events, *_) in CLASSES.items() if explain(given, events).at_once}
    assert at_once == {"no such image", "never pulled", "no name", "no secret", "no program", "no volume"}


def test_a_pod_of_which_nothing_is_known_is_no_reason_to_fall() -> None:
    for empty in ({}, {"metadata": None, "spec": None, "status": None}, {"status": {"containerStatuses": None}}):
        assert isinstance(explain(empty), PodFailure)


@pytest.mark.parametrize("file", sorted(RECORDED.glob("*.json")), ids=lambda file: file.stem)
def test_recorded_pods_are_explained(file: Path) -> None:
    recorded = json.loads(file.read_text(encoding="utf-8"))
    failure = explain(recorded["pod"], recorded["events"], name=recorded["name"])
    assert {"kind": failure.kind.value, "retriable": failure.retriable} == recorded["expected"], failure.line


def test_there_are_recorded_pods() -> None:
    assert len(list(RECORDED.glob("*.json"))) >= 6
