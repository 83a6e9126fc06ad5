"""Pods of tasks, by the Kubernetes API."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from kubernetes.client import ApiException, CoreV1Api, V1DeleteOptions, V1Preconditions
from urllib3.exceptions import HTTPError

from drivetrain.cleanup.pods import SELECTOR, Pod
from drivetrain.errors import (
    AccessDeniedError,
    CredentialsError,
    FatalError,
    QuotaExceededError,
    RequestRejectedError,
    TargetMissingError,
    UnavailableError,
)
from drivetrain.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubernetes.client import V1Pod

_PAGE = 500  # https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
_TIMEOUT_SECONDS = 30.0
_GONE, _CONFLICT, _EXPIRED, _TOO_MANY = 404, 409, 410, 429


class FinishedPodsHook(BaseHook):
    """Look for pods of tasks and remove them. The account needs `list` and `delete` on pods, and nothing else.

    Args:
        kubernetes_conn_id: a connection of type kubernetes. It has to be there: without one Airflow's own hook would
            take whatever cluster the machine's kubeconfig points to.
        retry: for an API server that is away for a moment.
    """

    conn_name_attr = "kubernetes_conn_id"
    default_conn_name = "kubernetes_default"

    def __init__(
        self, kubernetes_conn_id: str = default_conn_name, *, retry: RetryPolicy | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.kubernetes_conn_id = kubernetes_conn_id
        self._retry = retry or RetryPolicy(attempts=5, max_wait_seconds=10.0)

    def exists(self) -> bool:
        """Whether there is such a connection: where tasks run in no pods there is none."""
        try:
            self.get_connection(self.kubernetes_conn_id)
        except AirflowNotFoundException:
            return False
        return True

    @property
    def namespace(self) -> str:
        """The connection's.

        Raises:
            FatalError: it names none.
        """
        namespace: str | None = self._hook.get_namespace()
        if not namespace:
            raise FatalError(
                f"connection {self.kubernetes_conn_id}: names no namespace: add it to the extra, or list namespaces "
                "under pods.namespaces in include/cleanup/retention.yaml"
            )
        return namespace

    def pods(self, namespace: str) -> Iterator[Pod]:
        """Every pod with the labels of a task, 500 at a time.

        Raises:
            FatalError: the account may not list pods.
            RetriableError: the API server does not answer.
        """
        token: str | None = None
        while True:
            page = self._retry.call(partial(self._page, namespace, token))
            if page is None:  # the list is too old to go on with: begin again, what is gone by now is not in it
                token = None
                continue
            for item in page.items:
                yield _pod(item)
            token = page.metadata._continue
            if not token:
                return

    def delete(self, pod: Pod) -> bool:
        """Delete a pod, and no later one of its name; whether it was still there. Raises as `pods`."""
        return self._retry.call(partial(self._delete, pod))

    @cached_property
    def _hook(self) -> KubernetesHook:
        return KubernetesHook(conn_id=self.kubernetes_conn_id)

    @cached_property
    def _api(self) -> CoreV1Api:
        return self._hook.core_v1_client

    def _page(self, namespace: str, token: str | None) -> Any:
        given = {"_continue": token} if token else {}
        with self._mapped(namespace):
            try:
                return self._api.list_namespaced_pod(
                    namespace, label_selector=SELECTOR, limit=_PAGE, _request_timeout=_TIMEOUT_SECONDS, **given
                )
            except ApiException as error:
                if error.status == _EXPIRED and token:
                    return None
                raise

    def _delete(self, pod: Pod) -> bool:
        options = V1DeleteOptions(preconditions=V1Preconditions(uid=pod.uid), propagation_policy="Background")
        with self._mapped(pod.namespace):
            try:
                self._api.delete_namespaced_pod(
                    pod.name, pod.namespace, body=options, _request_timeout=_TIMEOUT_SECONDS
                )
            except ApiException as error:
                if error.status in (_GONE, _CONFLICT):  # gone, or another pod took its name
                    return False
                raise
        return True

    @contextmanager
    def _mapped(self, namespace: str) -> Iterator[None]:
        where = f"connection {self.kubernetes_conn_id}: namespace {namespace}"
        try:
            yield
        except ApiException as error:
            said = f"{where}: HTTP {error.status} {error.reason}"
            if error.status == 401:
                raise CredentialsError(f"{said}: renew the token") from None
            if error.status == 403:
                raise AccessDeniedError(f"{said}: let the account list and delete pods there") from None
            if error.status == _GONE:
                raise TargetMissingError(f"{said}: correct the namespace") from None
            if error.status == _TOO_MANY:
                raise QuotaExceededError(said) from None
            if error.status and 400 <= error.status < 500:
                raise RequestRejectedError(said) from None
            raise UnavailableError(said) from None
        except (HTTPError, OSError) as error:
            raise UnavailableError(f"{where}: no answer: {type(error).__name__}") from None


def _pod(pod: V1Pod) -> Pod:
    return Pod(
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        uid=pod.metadata.uid,
        labels=frozenset(pod.metadata.labels or {}),
        phase=pod.status.phase or "",
        ended_at=_ended_at(pod),
        is_leaving=pod.metadata.deletion_timestamp is not None,
    )


def _ended_at(pod: V1Pod) -> dt.datetime | None:
    """When the last container ended.

    A pod that was evicted, or whose deadline passed, before it had a container says it in its conditions; some versions
    of Kubernetes leave these out as well, and then it is the last time that anybody wrote to the pod.
    https://kubernetes.io/docs/reference/using-api/server-side-apply/#managed-fields
    """
    status = pod.status
    containers = [*(status.container_statuses or []), *(status.init_container_statuses or [])]
    ended = [one.state.terminated.finished_at for one in containers if one.state and one.state.terminated]
    changed = [condition.last_transition_time for condition in status.conditions or []]
    written = [entry.time for entry in pod.metadata.managed_fields or []]
    times = [at for at in ended if at] or [at for at in (*changed, *written) if at]
    return max(times, default=None)
