"""Which pods of tasks are left over: those that ended some time ago and that nobody removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Iterator

# What Airflow puts on the pods of KubernetesExecutor and of KubernetesPodOperator alike, and `airflow kubernetes
# cleanup-pods` looks for: https://airflow.apache.org/docs/apache-airflow-providers-cncf-kubernetes/stable/cli-ref.html
LABELS = ("dag_id", "task_id", "try_number", "airflow_version")
SELECTOR = ",".join(LABELS)
# https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase ; a phase that is over never changes again
ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Pod:
    """What has to be known of a pod.

    Attributes:
        uid: tells it from a later pod of that name.
        labels: names of its labels.
        phase: Pending, Running, Succeeded, Failed or Unknown.
        ended_at: when its last container did; None where it has not, or where that is not known.
        is_leaving: somebody deleted it already, and it is on its way out.
    """

    namespace: str
    name: str
    uid: str
    labels: Collection[str]
    phase: str
    ended_at: dt.datetime | None
    is_leaving: bool = False


def left_over(pods: Iterable[Pod], *, now: dt.datetime, finished_for: dt.timedelta) -> Iterator[Pod]:
    """Pods of tasks that ended long enough ago: by then Airflow has read their logs, results and failures.

    Args:
        pods: any.
        now: aware.
        finished_for: how long ago they have to have ended.
    """
    for pod in pods:
        is_ours = all(label in pod.labels for label in LABELS)
        is_over = pod.phase in ENDED and not pod.is_leaving
        if is_ours and is_over and pod.ended_at is not None and now - pod.ended_at >= finished_for:
            yield pod
