"""Why pods don't get ready, for the person who waits: what containers wait for, warnings, and their last words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.platform_secrets import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from standins.kubernetes.kubectl import Kubectl

LINES = 12


def troubles(
    kubectl: Kubectl, labels: Mapping[str, str], *, hopeless: Collection[str] = (), restarts: int = 0
) -> list[str]:
    """Lines about pods that are not ready.

    Args:
        kubectl: of the cluster.
        labels: of the pods.
        hopeless: with `restarts`: tell only of pods that wait for one of these, or
        restarts: were restarted this often.
    """
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    found = []
    for pod in kubectl.items("pods", NAMESPACE, f"--selector={selector}"):
        name, states = pod["metadata"]["name"], pod.get("status", {}).get("containerStatuses", [])
        if states and all(one["ready"] for one in states):
            continue
        waits = [one["state"]["waiting"] for one in states if "waiting" in one["state"]]
        lost = any(one["reason"] in hopeless for one in waits) or any(one["restartCount"] >= restarts for one in states)
        if restarts and not lost:
            continue
        found += [f"{name}: {one['reason']} {one.get('message', '')}".rstrip() for one in waits]
        found += [f"{name}: {one}" for one in [*_warnings(kubectl, name), *_log(kubectl, name)]]
    return found


def _warnings(kubectl: Kubectl, pod: str) -> list[str]:
    events = kubectl.items("events", NAMESPACE, f"--field-selector=involvedObject.name={pod},type=Warning")
    return [f"{one['reason']}: {one['message']}" for one in events][-3:]


def _log(kubectl: Kubectl, pod: str) -> list[str]:
    """Of the container that runs, else of the one before it."""
    for which in ((), ("--previous",)):
        try:
            said: Any = kubectl("logs", pod, "--namespace", NAMESPACE, f"--tail={LINES}", *which).splitlines()
        except KubernetesError:
            continue
        if said:
            return list(said)
    return []
