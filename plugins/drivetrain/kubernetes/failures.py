"""Why a task's pod failed or does not start: what to change, and whether the same pod may do better another time.

A task that is killed with its pod says nothing: Airflow knows that the pod failed, and Kubernetes knows why. What is
read here is a v1 Pod and its events, as JSON:
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ .
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from drivetrain.alerts.alert import one_line
from drivetrain.kubernetes.presets import LARGER_ANNOTATION, PRESET_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Json = dict[str, Any]

_LONGEST_REASON = 300
# https://kubernetes.io/docs/concepts/containers/images/#image-names ; the kubelet's names for what went wrong:
# https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/images/types.go
_IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "ErrInvalidImageName",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_CONFIG_REASONS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "ContainerCannotRun", "StartError"}
)
# A registry that is away, slow or busy says nothing of the image.
_PULL_MAY_WORK_LATER = re.compile(
    r"time[d ]?-?out|TLS handshake|connection re(fused|set)|too ?many ?requests|\b(429|50[0-4])\b|temporar|no such host"
    r"|unexpected EOF|QPS exceeded|i/o error",
    re.IGNORECASE,
)
# The taints of Kubernetes itself come and go: https://kubernetes.io/docs/reference/labels-annotations-taints/
_ROOM_MAY_COME = re.compile(
    r"Insufficient |Too many pods|unbound|node\(s\) were unschedulable|node\.kubernetes\.io/|ToBeDeleted", re.IGNORECASE
)
_OWN_LIMIT = re.compile(r"exceeds the (total )?limit|exceeded its local ephemeral storage limit", re.IGNORECASE)
# https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions , and what the kubelet wrote
# as a pod's reason before there were such conditions.
_NODE_REASONS = frozenset(
    {"NodeLost", "NodeShutdown", "Shutdown", "Terminated", "DeletionByTaintManager", "DeletionByPodGC", "NodeNotReady"}
)
_MOVED_REASONS = frozenset(
    {"Evicted", "Preempting", "Preempted", "PreemptionByScheduler", "EvictionByEvictionAPI", "TerminationByKubelet"}
)
# The kubelet took back what the scheduler had decided.
_REFUSED_REASONS = re.compile(r"^(OutOf\w+|NodeAffinity|UnexpectedAdmissionError|NodeUnschedulable)$")
_SIGKILL, _SIGTERM = 137, 143
_AGAIN, _NEVER = "it is tried again", "a retry can't help"
_LINE = re.compile(rf"^\[(?P<kind>\w+)\] (?P<what>.*)\. Fix: (?P<fix>.*?) \((?P<tried>{_AGAIN}|{_NEVER})\)")


class FailureKind(StrEnum):
    """What happened to a pod."""

    OOM_KILLED = "oom_killed"
    OVER_DISK_LIMIT = "over_disk_limit"
    EVICTED = "evicted"
    IMAGE = "image"
    UNSCHEDULABLE = "unschedulable"
    NODE_GONE = "node_gone"
    CONFIG = "config"
    DEADLINE = "deadline"
    NOT_STARTED = "not_started"
    EXITED = "exited"


@dataclass(frozen=True)
class PodFailure:
    """One failed pod, explained.

    Attributes:
        kind: its class.
        what: one line: the pod and what happened.
        fix: what to do.
        retriable: the same pod may do better another time. If not, Airflow's retries would only repeat it.
    """

    kind: FailureKind
    what: str
    fix: str
    retriable: bool

    @property
    def line(self) -> str:
        """For a task's page, its log of events and alerts."""
        tried = _AGAIN if self.retriable else _NEVER
        return f"[{self.kind.value}] {self.what}. Fix: {self.fix} ({tried})"

    @classmethod
    def parse(cls, line: str) -> PodFailure | None:
        """What `line` made; None: it did not."""
        match = _LINE.match(line)
        if not match or match["kind"] not in set(FailureKind):
            return None
        return cls(FailureKind(match["kind"]), match["what"], match["fix"], retriable=match["tried"] == _AGAIN)

    @property
    def costs_no_try(self) -> bool:
        """Before the task has begun, another pod for the same try is worth it: this one did nothing wrong."""
        return self.kind in (FailureKind.NODE_GONE, FailureKind.EVICTED)

    @property
    def at_once(self) -> bool:
        """For a pod that has not started: waiting any longer can't help."""
        return not self.retriable and self.kind in (FailureKind.IMAGE, FailureKind.CONFIG)


def explain(pod: Mapping[str, Any] | None, events: Sequence[Mapping[str, Any]] = (), *, name: str = "") -> PodFailure:
    """Why this pod failed, is about to, or does not start.

    Args:
        pod: as JSON; None: it is gone.
        events: about it, in any order, as JSON.
        name: for a pod that is gone.
    """
    if pod is None:
        return _gone(name, events)
    about = _About(pod, events)
    for look in (_by_pod_reason, _by_containers, _by_disruption, _by_deletion, _by_scheduling, _by_events):
        if found := look(about):
            return found
    phase = about.status.get("phase") or "Unknown"
    if phase == "Pending":
        return PodFailure(
            FailureKind.NOT_STARTED,
            f"{about.called}: has a node and does not start; Kubernetes gives no reason",
            f"look at the node {about.spec.get('nodeName') or 'that it waits for'}",
            retriable=True,
        )
    return PodFailure(
        FailureKind.EXITED,
        f"{about.called}: ended as {phase}; Kubernetes gives no reason",
        "read the task's log and the node's",
        retriable=True,
    )


class _About:
    """What is looked at again and again."""

    def __init__(self, pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> None:
        self.metadata: Json = pod.get("metadata") or {}
        self.spec: Json = pod.get("spec") or {}
        self.status: Json = pod.get("status") or {}
        self.events = sorted(events, key=_at)
        self.called = f"pod {self.metadata.get('name', 'unknown')}"

    @property
    def preset(self) -> str:
        """Its preset's name, "" for none."""
        return str((self.metadata.get("labels") or {}).get(PRESET_LABEL) or "")

    @property
    def larger(self) -> str:
        """The preset for tasks that this pod is too small for, "" for none."""
        return str((self.metadata.get("annotations") or {}).get(LARGER_ANNOTATION) or "")

    def more(self, what: str) -> str:
        """How to give a task more of something that has a limit."""
        if self.larger and what == "memory":
            return f"let the task hold less, or give it the preset {self.larger} (it has {self.preset})"
        if self.preset:
            return f"let the task hold less, or raise limits.{what} of {self.preset} in include/kubernetes/presets.yaml"
        return f"let the task hold less, or give it a preset with a higher limits.{what}"

    def containers(self) -> Iterator[Json]:
        """Statuses, in the order that they start."""
        for key in ("initContainerStatuses", "containerStatuses"):
            yield from self.status.get(key) or ()

    def limit(self, container: str, resource: str) -> str:
        """A container's limit, "" for none."""
        for one in (*(self.spec.get("initContainers") or ()), *(self.spec.get("containers") or ())):
            if one.get("name") == container:
                return str(((one.get("resources") or {}).get("limits") or {}).get(resource) or "")
        return ""


def _by_pod_reason(about: _About) -> PodFailure | None:
    reason, message = str(about.status.get("reason") or ""), _said(about.status.get("message"))
    if reason == "DeadlineExceeded":
        seconds = about.spec.get("activeDeadlineSeconds")
        return PodFailure(
            FailureKind.DEADLINE,
            f"{about.called}: was killed at its deadline{f' of {seconds} s' if seconds else ''}",
            "find what it hangs on, or raise active_deadline of its preset in include/kubernetes/presets.yaml",
            retriable=False,
        )
    if reason in _MOVED_REASONS and _OWN_LIMIT.search(message):
        return PodFailure(
            FailureKind.OVER_DISK_LIMIT,
            f"{about.called}: was evicted for the disk that it used itself: {message}",
            about.more("disk"),
            retriable=False,
        )
    if reason in _MOVED_REASONS:
        return _evicted(about.called, reason, message)
    if reason in _NODE_REASONS:
        return _node_gone(about.called, f"its node went away ({reason}): {message}")
    if _REFUSED_REASONS.match(reason):
        return _node_gone(about.called, f"its node took it not ({reason}): {message}")
    return None


def _by_containers(about: _About) -> PodFailure | None:
    for container in about.containers():
        state: Json = container.get("state") or {}
        if waiting := state.get("waiting"):
            if found := _waiting(about, container, waiting):
                return found
        elif (ended := state.get("terminated")) and (ended.get("exitCode") or ended.get("reason") == "OOMKilled"):
            return _ended(about, container, ended)
    return None


def _waiting(about: _About, container: Json, waiting: Json) -> PodFailure | None:
    reason, said = str(waiting.get("reason") or ""), _said(waiting.get("message"))
    name = container.get("name")
    if reason in _IMAGE_REASONS:
        image = container.get("image")
        # A back-off says no more than that; what the registry said is in an earlier event.
        told = " ".join([said, *(_said(one.get("message")) for one in about.events if one.get("reason") == "Failed")])
        later = bool(_PULL_MAY_WORK_LATER.search(told))
        return PodFailure(
            FailureKind.IMAGE,
            f"{about.called}: image {image} can't be had ({reason}): {_said(told)}",
            "see whether the registry is up"
            if later
            else "correct its name, push it, or let the node's account pull it",
            retriable=later,
        )
    if reason in _CONFIG_REASONS:
        return PodFailure(
            FailureKind.CONFIG,
            f"{about.called}: container {name} can't be made ({reason}): {said}",
            "add what it names, or correct the pod template or the task's executor_config",
            retriable=False,
        )
    return None


def _ended(about: _About, container: Json, ended: Json) -> PodFailure:
    name, code = container.get("name"), ended.get("exitCode")
    reason, said = str(ended.get("reason") or ""), _said(ended.get("message"))
    if reason == "OOMKilled":
        limit = about.limit(str(name), "memory")
        if not limit:  # the node ran out of memory, and somebody had to go
            return PodFailure(
                FailureKind.OOM_KILLED,
                f"{about.called}: container {name} was killed as its node ran out of memory",
                "give the task a preset, whose limit and request keep others from it",
                retriable=True,
            )
        return PodFailure(
            FailureKind.OOM_KILLED,
            f"{about.called}: container {name} was killed at its memory limit of {limit}",
            about.more("memory"),
            retriable=False,
        )
    if reason in _CONFIG_REASONS:
        return PodFailure(
            FailureKind.CONFIG,
            f"{about.called}: container {name} can't be started ({reason}): {said}",
            "correct the image, the pod template or the task's executor_config",
            retriable=False,
        )
    killed = {_SIGKILL: ", killed from outside", _SIGTERM: ", asked to stop from outside"}.get(code or 0, "")
    if code == _SIGKILL and (limit := about.limit(str(name), "memory")):
        # The container's end is sometimes told before the kernel's reason for it, and then OOMKilled is told never.
        killed += f", or at its memory limit of {limit}"
    return PodFailure(
        FailureKind.EXITED,
        f"{about.called}: container {name} ended with exit code {code}{killed}{f': {said}' if said else ''}",
        "read the task's log: its last lines are what it did before",
        retriable=True,
    )


def _by_disruption(about: _About) -> PodFailure | None:
    for condition in about.status.get("conditions") or ():
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            reason, said = str(condition.get("reason") or ""), _said(condition.get("message"))
            if reason in _NODE_REASONS:
                return _node_gone(about.called, f"its node went away ({reason}): {said}")
            return _evicted(about.called, reason, said)
    return None


def _by_deletion(about: _About) -> PodFailure | None:
    return _gone(about.called.removeprefix("pod "), about.events) if about.metadata.get("deletionTimestamp") else None


def _by_scheduling(about: _About) -> PodFailure | None:
    if about.status.get("phase") != "Pending" or about.spec.get("nodeName"):
        return None
    waits = [
        condition
        for condition in about.status.get("conditions") or ()
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False"
    ]
    told = [one for one in about.events if one.get("reason") in ("FailedScheduling", "NotTriggerScaleUp")]
    message = _said((waits or told or [{}])[-1].get("message")) or "no scheduler has looked at it"
    later = bool(_ROOM_MAY_COME.search(message)) or not (waits or told)
    return PodFailure(
        FailureKind.UNSCHEDULABLE,
        f"{about.called}: no node takes it: {message}",
        "add nodes, or let it ask for less"
        if later
        else "correct the pool of its preset in include/kubernetes/presets.yaml, or add such nodes",
        retriable=later,
    )


def _by_events(about: _About) -> PodFailure | None:
    """A pod that has a node and waits: volumes and networks are told of by events alone."""
    for event in reversed(about.events):
        reason, said = str(event.get("reason") or ""), _said(event.get("message"))
        if reason in ("FailedMount", "FailedAttachVolume"):
            missing = "not found" in said
            return PodFailure(
                FailureKind.CONFIG if missing else FailureKind.NOT_STARTED,
                f"{about.called}: a volume can't be mounted: {said}",
                "add what it names" if missing else "look at the node and the volume",
                retriable=not missing,
            )
        if reason == "FailedCreatePodSandBox":
            return PodFailure(
                FailureKind.NOT_STARTED,
                f"{about.called}: its node can't make a network or a sandbox for it: {said}",
                "look at the node",
                retriable=True,
            )
    return None


def _gone(name: str, events: Sequence[Mapping[str, Any]]) -> PodFailure:
    """The pod is not there any more, or on its way out; its events outlive it for an hour."""
    called = f"pod {name}" if name else "its pod"
    for event in sorted(events, key=_at, reverse=True):
        reason, said = str(event.get("reason") or ""), _said(event.get("message"))
        if reason in ("TaintManagerEviction", "NodeNotReady", "NodeShutdown", "DeletingNode"):
            return _node_gone(called, f"its node went away ({reason}): {said}")
        if reason in ("Preempted", "Evicted", "Preempting"):
            return _evicted(called, reason, said)
    return PodFailure(
        FailureKind.NODE_GONE,
        f"{called}: was deleted before it ended: its node is gone, or somebody did",
        "see the audit log of the cluster if it happens again",
        retriable=True,
    )


def _evicted(called: str, reason: str, said: str) -> PodFailure:
    return PodFailure(
        FailureKind.EVICTED,
        f"{called}: had to make room ({reason}): {said}",
        "raise its requests to what it uses, or give it a priority_class, if it happens again",
        retriable=True,
    )


def _node_gone(called: str, what: str) -> PodFailure:
    return PodFailure(
        FailureKind.NODE_GONE,
        f"{called}: {what}",
        "a preset in the pool standard keeps it off spot nodes, if it happens often",
        retriable=True,
    )


def _said(text: object) -> str:
    return one_line(str(text or ""), _LONGEST_REASON).rstrip(". ")


def _at(event: Mapping[str, Any]) -> str:
    """When it was last seen; RFC 3339 in UTC sorts as text."""
    metadata: Mapping[str, Any] = event.get("metadata") or {}
    return str(event.get("lastTimestamp") or event.get("eventTime") or metadata.get("creationTimestamp") or "")
