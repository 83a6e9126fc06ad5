"""KubernetesExecutor that says why a pod failed, gives up what can't start, and forgets no task.

Everything is Airflow's own but for three seams: a failed pod is read before Airflow handles it, an API server that is
away is waited for, and every half a minute the list of pods is held against what the executor believes.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING, Any

from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor import KubernetesExecutor
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor_types import (
    POD_EXECUTOR_DONE_KEY,
    KubernetesResults,
)
from airflow.providers.cncf.kubernetes.kubernetes_helper_functions import (
    TRANSIENT_CONNECTION_ERRORS,
    annotations_to_key,
)
from airflow.providers.common.compat.sdk import Stats
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import TaskInstanceState
from kubernetes.client import ApiException
from sqlalchemy import select
from urllib3.exceptions import HTTPError

from drivetrain.cleanup.pods import ENDED
from drivetrain.kubernetes.failures import FailureKind, PodFailure, explain
from drivetrain.kubernetes.sweep import Patience, SeenPod, sweep
from hooks.pod_events import EVENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.models.taskinstancekey import TaskInstanceKey
    from airflow.providers.cncf.kubernetes.executors.kubernetes_executor_types import KubernetesJob

SECTION = "drivetrain_pods"  # AIRFLOW__DRIVETRAIN_PODS__...
_TIMEOUT_SECONDS = 10.0
_REST = dt.timedelta(seconds=2)
_LONGEST_NOTE = 1000  # of the column
_UNSEEN = "unseen-"  # the name of a pod that was gone before it was listed once
# What a request to an API server that is away ends with; others are mistakes of the request.
_AWAY = (HTTPError, ConnectionError, TimeoutError)
_WAITING = (TaskInstanceState.QUEUED, TaskInstanceState.RUNNING, TaskInstanceState.SCHEDULED)


class PodExecutor(KubernetesExecutor):
    """Airflow's KubernetesExecutor with explained failures; settings are those of [kubernetes_executor] and three more.

    [drivetrain_pods] look_seconds: between two looks at the list of pods. starts_within_seconds: a pod that has not
    begun by then is given up; less than [scheduler] task_queued_timeout, after which Airflow's own handling comes and
    the task's token has expired. told_within_seconds: what the watch should have told of an ended pod by then is taken
    from the list.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._look_seconds = self.conf.getint(SECTION, "look_seconds", fallback=30)
        self._patience = Patience(
            starts=dt.timedelta(seconds=self.conf.getint(SECTION, "starts_within_seconds", fallback=600)),
            told=dt.timedelta(seconds=self.conf.getint(SECTION, "told_within_seconds", fallback=60)),
        )
        self._next_look = 0.0
        self._odd: Mapping[TaskInstanceKey, dt.datetime] = {}
        self._made: set[TaskInstanceKey] = set()
        self._names: dict[TaskInstanceKey, str] = {}
        self._put_off: list[KubernetesResults] = []
        self._reasons: dict[TaskInstanceKey, PodFailure] = {}

    def sync(self) -> None:
        """One round; an API server that is away ends the round and not the scheduler."""
        try:
            put_off, self._put_off = self._put_off, []
            for results in put_off:
                self.result_queue.put(results)
            super().sync()
            if time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + self._look_seconds
                self._look()
        except (ApiException, *_AWAY) as error:
            if not _is_away(error):
                raise
            Stats.incr("drivetrain.pods.api_away")
            self.log.warning("The Kubernetes API is away, the next round goes on: %s", _said(error))

    def _should_create_pod_for_job(self, task: KubernetesJob) -> bool:
        """Airflow asks this right before it makes a pod."""
        makes: bool = super()._should_create_pod_for_job(task)
        if makes:
            self._made.add(task.key)
        else:
            self._made.discard(task.key)
        return makes

    def _handle_pod_publish_error(self, task: KubernetesJob, e: Exception) -> bool:
        """No pod was made, or nobody knows; the task is back in the queue, or has failed."""
        self._made.discard(task.key)
        if isinstance(e, TimeoutError):  # of the asynchronous client, which Airflow takes for a mistake
            e = HTTPError("no answer in time")
        stops: bool = super()._handle_pod_publish_error(task, e)
        if isinstance(e, TRANSIENT_CONNECTION_ERRORS):
            # Airflow would try each task again in each round, several times a second.
            self.create_pods_after = dt.datetime.now() + _REST  # noqa: DTZ005 - as Airflow compares it
            return True
        return stops

    def _change_state(self, results: KubernetesResults, **kwargs: Any) -> None:
        """What a pod ended as, to the task; a failed pod is read before Airflow may delete it."""
        key = results.key
        attempt = self.pod_launch_attempts.get(key)
        if attempt and attempt.requeued_for_pod == results.pod_name and results.state == TaskInstanceState.FAILED:
            return  # the task has another pod by now, and what becomes of this one says nothing of it
        try:
            if results.state == TaskInstanceState.FAILED and key in self.running:
                if other := self._other_pod(results):
                    self.log.warning("Pod %s failed, and pod %s of the same try goes on", results.pod_name, other)
                    return
                self._explain(results)
            super()._change_state(results, **kwargs)
        except (ApiException, *_AWAY) as error:
            if not _is_away(error):
                raise
            # Airflow would put it back and take it again at once, for as long as the server is away.
            self.log.warning("Task %s: its pod's end is handled later: %s", key, _said(error))
            self._put_off.append(results)
            return
        failure = self._reasons.pop(key, None)
        if failure is not None:
            self._tell(key, failure)
        if key not in self.running or (attempt and attempt.requeued_for_pod == results.pod_name):
            self._made.discard(key)

    def _other_pod(self, results: KubernetesResults) -> str | None:
        """A pod that lives, of the same try: made where the answer to the first request to make one was lost.

        Airflow lets only one of them begin its task; the end of the other says nothing of it.
        """
        for pod in self._list():
            metadata = pod["metadata"]
            if (
                metadata["name"] != results.pod_name
                and pod["status"].get("phase") not in ENDED
                and annotations_to_key(metadata["annotations"]) == results.key
            ):
                return str(metadata["name"])
        return None

    def _explain(self, results: KubernetesResults) -> None:
        pod = self._read(results.namespace, results.pod_name)
        seen = "" if results.pod_name.startswith(_UNSEEN) else results.pod_name
        failure = explain(pod, self._events(results.namespace, results.pod_name), name=seen)
        self._reasons[results.key] = failure
        if not failure.costs_no_try:
            # Airflow would make another pod at once, with the same token. Its own retries wait and make a new one.
            self.pod_launch_attempts.pop(results.key, None)
        phase = ((pod or {}).get("status") or {}).get("phase")
        if pod is not None and phase not in ENDED:
            # Airflow keeps failed pods for people to look at. This one would go on trying to start.
            self.kube_scheduler.delete_pod(pod_name=results.pod_name, namespace=results.namespace)

    def _tell(self, key: TaskInstanceKey, failure: PodFailure) -> None:
        """Where people look: the task's events and its note; and no retry for what no retry can help."""
        Stats.incr(f"drivetrain.pods.failed.{failure.kind.value}")
        if key in self.running:
            self.log.warning("Task %s gets another pod: %s", key, failure.line)
            # Not by log_task_event: what the scheduler takes from there may be gone when it is saved (3.3.2).
            told = f"{failure.line}; another pod is made for the same try"
            with create_session(scoped=False) as session:
                session.add(Log(event=EVENT, task_instance=key, extra=told))
            return
        if self.event_buffer.get(key, (None,))[0] == TaskInstanceState.FAILED:
            self.event_buffer[key] = (TaskInstanceState.FAILED, failure.line)
        # A session of its own: the scheduler's may hold what it has not committed yet.
        with create_session(scoped=False) as session:
            query = select(TaskInstance).where(TaskInstance.filter_for_tis([key]))
            ti = session.scalar(with_row_locks(query, session, of=TaskInstance, skip_locked=True))
            if ti is None or ti.try_number != key.try_number or not _concerns(ti.state, failure):
                self.log.info("Task %s has said itself how it ended; its pod: %s", key, failure.line)
                return
            self.log.error("Task %s failed with its pod: %s", key, failure.line)
            session.add(Log(event=EVENT, task_instance=key, extra=failure.line))
            ti.note = "\n".join(filter(None, [ti.note, failure.line]))[-_LONGEST_NOTE:]
            if not failure.retriable:
                # Airflow retries while try_number <= max_tries. Clearing the task sets it anew.
                ti.max_tries = min(ti.max_tries, ti.try_number - 1)
                if ti.state == TaskInstanceState.UP_FOR_RETRY:
                    ti.state = TaskInstanceState.FAILED

    def _look(self) -> None:
        """Hold the list of pods against what is believed."""
        held = {key for key in self.running if key in self._made or key not in self.pod_launch_attempts}
        if not held:
            self._odd = {}
            return
        listed = self._list()
        told = self._warnings() if any(pod["status"].get("phase") == "Pending" for pod in listed) else {}
        pods = [seen for pod in listed if (seen := self._seen(pod, told)) is not None]
        found = sweep(held, pods, self._odd, now=dt.datetime.now(dt.UTC), patience=self._patience)
        self._odd = found.odd
        self._made &= self.running
        self._names = {key: name for key, name in self._names.items() if key in self.running}
        self._names |= {pod.key: pod.name for pod in pods}
        namespace = self.kube_config.kube_namespace
        for pod in found.untold:
            Stats.incr("drivetrain.pods.untold")
            self.log.warning("Pod %s ended and the watch has not told it", pod.name)
            state = TaskInstanceState.FAILED if pod.failed else None
            self._change_state(KubernetesResults(pod.key, state, pod.name, namespace, "0", None))
        for pod, failure in found.given_up:
            self.log.warning("Pod %s is given up: %s", pod.name, failure.line)
            self._change_state(KubernetesResults(pod.key, TaskInstanceState.FAILED, pod.name, namespace, "0", None))
        for key in found.lost:
            Stats.incr("drivetrain.pods.lost")
            self.log.warning("Task %s holds a slot and has no pod", key)
            # Each time another name: Airflow takes a name that it knows for one event told twice.
            name = self._names.get(key) or f"{_UNSEEN}{time.monotonic_ns()}"
            self._change_state(KubernetesResults(key, TaskInstanceState.FAILED, name, namespace, "0", None))

    def _seen(self, pod: dict[str, Any], told: Mapping[str, list[dict[str, Any]]]) -> SeenPod[TaskInstanceKey] | None:
        metadata, phase = pod["metadata"], pod["status"].get("phase")
        key = annotations_to_key(metadata["annotations"])
        attempt = self.pod_launch_attempts.get(key)
        if attempt and attempt.requeued_for_pod == metadata["name"]:
            return None
        waits_for = explain(pod, told.get(metadata["name"], ())) if phase == "Pending" else None
        return SeenPod(
            key=key,
            name=metadata["name"],
            made_at=dt.datetime.fromisoformat(metadata["creationTimestamp"]),
            ended=phase in ENDED,
            failed=phase == "Failed",
            waits_for=waits_for,
        )

    def _list(self) -> list[dict[str, Any]]:
        found = self.kube_client.list_namespaced_pod(
            self.kube_config.kube_namespace,
            label_selector=f"airflow-worker={self.scheduler_job_id},{POD_EXECUTOR_DONE_KEY}!=True",
            _preload_content=False,
            _request_timeout=_TIMEOUT_SECONDS,
        )
        items: list[dict[str, Any]] = json.loads(found.data).get("items") or []
        return items

    def _read(self, namespace: str, name: str) -> dict[str, Any] | None:
        try:
            found = self.kube_client.read_namespaced_pod(
                name, namespace, _preload_content=False, _request_timeout=_TIMEOUT_SECONDS
            )
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        pod: dict[str, Any] = json.loads(found.data)
        return pod

    def _warnings(self) -> dict[str, list[dict[str, Any]]]:
        """Events that warn of something, by the pods' names."""
        by_name: dict[str, list[dict[str, Any]]] = {}
        for event in self._list_events(self.kube_config.kube_namespace, "type=Warning"):
            by_name.setdefault(event["involvedObject"].get("name", ""), []).append(event)
        return by_name

    def _events(self, namespace: str, name: str) -> list[dict[str, Any]]:
        return self._list_events(namespace, f"involvedObject.name={name}")

    def _list_events(self, namespace: str, selector: str) -> list[dict[str, Any]]:
        """About pods; none where they may not be read: they say more, but the pod says the most."""
        try:
            found = self.kube_client.list_namespaced_event(
                namespace,
                field_selector=f"involvedObject.kind=Pod,{selector}",
                _preload_content=False,
                _request_timeout=_TIMEOUT_SECONDS,
            )
        except ApiException as error:
            if error.status == 403:
                self.log.warning("Events of pods: the scheduler's role may not list them")
                return []
            raise
        events: list[dict[str, Any]] = json.loads(found.data).get("items") or []
        return events


def _concerns(state: str | None, failure: PodFailure) -> bool:
    """Whether the pod's end is the task's: it has not said itself how it ended.

    Where the kernel killed the task's process alone, what is left of the pod still says "try again" before it ends.
    """
    return state in _WAITING or (state == TaskInstanceState.UP_FOR_RETRY and failure.kind is FailureKind.OOM_KILLED)


def _is_away(error: Exception) -> bool:
    """Whether the API server may answer later."""
    return not isinstance(error, ApiException) or error.status in (0, None, 429) or error.status >= 500


def _said(error: Exception) -> str:
    return f"HTTP {error.status} {error.reason}" if isinstance(error, ApiException) else type(error).__name__
