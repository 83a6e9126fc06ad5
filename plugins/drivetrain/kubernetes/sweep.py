"""Holds what an executor believes of its tasks against the pods that are there.

The executor learns of pods by a watch. What happens while no watch runs is not told later if the pod is gone by then:
its task would hold a slot for ever (https://github.com/apache/airflow/issues/32928). And of a pod that never starts
no watch tells anything new.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from drivetrain.kubernetes.failures import PodFailure

K = TypeVar("K")  # the executor's key of a task's try


@dataclass(frozen=True)
class Patience:
    """How long to wait.

    Attributes:
        starts: a pod that has not begun by then is given up.
        told: what the watch should have told by then is taken from the list instead.
    """

    starts: dt.timedelta = dt.timedelta(minutes=10)
    told: dt.timedelta = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class SeenPod(Generic[K]):
    """A pod of a task, as it was found.

    Attributes:
        ended: it succeeded or failed.
        failed: it failed.
        waits_for: why it has not begun; None: it has.
    """

    key: K
    name: str
    made_at: dt.datetime
    ended: bool = False
    failed: bool = False
    waits_for: PodFailure | None = None


@dataclass(frozen=True)
class Sweep(Generic[K]):
    """What to do.

    Attributes:
        untold: ended pods that the watch has not told of.
        given_up: pods that will not start, each with the reason.
        lost: tasks whose pods are gone.
        odd: since when tasks have no pod that lives, to be given to the next sweep.
    """

    untold: tuple[SeenPod[K], ...] = ()
    given_up: tuple[tuple[SeenPod[K], PodFailure], ...] = ()
    lost: tuple[K, ...] = ()
    odd: Mapping[K, dt.datetime] = field(default_factory=dict)


def sweep(
    running: Collection[K],
    pods: Sequence[SeenPod[K]],
    odd: Mapping[K, dt.datetime],
    *,
    now: dt.datetime,
    patience: Patience,
) -> Sweep[K]:
    """Compare.

    Args:
        running: tasks that the executor holds slots for, and that had a pod made for them.
        pods: all that are there.
        odd: what the last sweep said.
        now: aware.
        patience: how long to wait.
    """
    by_key: dict[K, list[SeenPod[K]]] = {}
    for pod in pods:
        by_key.setdefault(pod.key, []).append(pod)
    untold, given_up, lost, still_odd = [], [], [], {}
    for key in running:
        found = by_key.get(key, [])
        alive = [pod for pod in found if not pod.ended]
        if not alive:
            since = odd.get(key, now)
            if now - since < patience.told:
                still_odd[key] = since
            elif found:
                untold.append(max(found, key=lambda pod: pod.made_at))
            else:
                lost.append(key)
            continue
        newest = max(alive, key=lambda pod: pod.made_at)
        reason = newest.waits_for
        if reason and (reason.at_once or now - newest.made_at >= patience.starts):
            given_up.append((newest, reason))
    return Sweep(tuple(untold), tuple(given_up), tuple(lost), still_odd)
