"""Pods by the official client against a server that speaks the few calls that are made."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from drivetrain.cleanup.pods import LABELS, left_over
from drivetrain.errors import AccessDeniedError, CredentialsError, FatalError, RequestRejectedError, UnavailableError
from drivetrain.retry import RetryPolicy
from hooks.finished_pods import FinishedPodsHook
from operators.platform_cleanup import FinishedPodsCleanupOperator
from tests.integration.cleanup.kubernetes_api import TOKEN, kubernetes_api
from tests.support.operators import Context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.cleanup.kubernetes_api import KubernetesApi

QUICK = RetryPolicy(attempts=3, initial_wait_seconds=0, max_wait_seconds=0.01)
TASK = dict.fromkeys(LABELS, "x")


def ago(minutes: float) -> str:
    return (dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ended(minutes: float) -> dict[str, Any]:
    state = {"terminated": {"exitCode": 0, "finishedAt": ago(minutes)}}
    return {
        "containerStatuses": [
            {"name": "base", "image": "i", "imageID": "i", "ready": False, "restartCount": 0, "state": state}
        ]
    }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[KubernetesApi]:
    with kubernetes_api() as server:
        config = {
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": server.url}}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        extra = {"kube_config_path": str(tmp_path / "kubeconfig"), "namespace": "airflow"}
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes", "extra": extra}))
        server.add("old", labels=TASK, phase="Succeeded", **ended(90))
        server.add("failed", labels=TASK, phase="Failed", **ended(90))
        server.add("young", labels=TASK, phase="Succeeded", **ended(10))
        server.add("running", labels=TASK, phase="Running")
        condition = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": ago(90)}
        server.add("evicted", labels=TASK, phase="Failed", reason="Evicted", conditions=[condition])
        server.add("database", labels={"app": "postgres"}, phase="Succeeded", **ended(9_000))
        server.add("elsewhere", namespace="other", labels=TASK, phase="Succeeded", **ended(90))
        yield server


@pytest.fixture
def include(tmp_path: Path) -> Path:
    (tmp_path / "include" / "cleanup").mkdir(parents=True)
    (tmp_path / "include" / "cleanup" / "retention.yaml").write_text("pods: {finished_for: 1h}\n")
    return tmp_path / "include"


def run(include: Path, **params: Any) -> dict[str, Any]:
    task = FinishedPodsCleanupOperator(task_id="finished_pods", include=str(include))
    return task.execute(Context(**params))  # type: ignore[arg-type]


def test_pods_of_tasks_that_ended_long_ago_go_and_no_others(api: KubernetesApi, include: Path) -> None:
    told = run(include, dry_run=False)
    assert told == {
        "pods": 3,
        "names": ["airflow/evicted", "airflow/failed", "airflow/old"],
        "is_complete": True,
        "dry_run": False,
    }
    assert api.names() == ["database", "elsewhere", "running", "young"]
    assert run(include, dry_run=False)["pods"] == 0


def test_a_pod_with_neither_containers_nor_conditions_ended_when_it_was_written_last(api: KubernetesApi) -> None:
    for name, minutes in (("deadline", 90), ("just_now", 1)):
        api.add(name, labels=TASK, phase="Failed", reason="DeadlineExceeded")
        fields = [{"manager": "kubelet", "operation": "Update", "time": ago(at)} for at in (200, minutes)]
        api.pods["airflow", name]["metadata"]["managedFields"] = fields
    old = left_over(
        FinishedPodsHook(retry=QUICK).pods("airflow"), now=dt.datetime.now(dt.UTC), finished_for=dt.timedelta(hours=1)
    )
    assert {pod.name for pod in old} == {"old", "failed", "evicted", "deadline"}


def test_a_dry_run_lists_them_and_deletes_nothing(api: KubernetesApi, include: Path) -> None:
    assert run(include)["names"] == ["airflow/evicted", "airflow/failed", "airflow/old"]
    assert {call.split()[0] for call in api.calls} == {"GET"}
    assert len(api.pods) == 7


def test_other_namespaces_are_looked_into_where_the_file_says_so(api: KubernetesApi, include: Path) -> None:
    (include / "cleanup" / "retention.yaml").write_text("pods: {namespaces: [other]}\n")
    assert run(include, dry_run=False)["names"] == ["other/elsewhere"]


def test_a_thousand_pods_come_in_pages_and_a_list_that_got_too_old_begins_again(api: KubernetesApi) -> None:
    for number in range(1_200):
        api.add(f"task-{number:04}", labels=TASK, phase="Succeeded", **ended(90))
    api.answers = [0, 410]
    found = list(FinishedPodsHook(retry=QUICK).pods("airflow"))
    assert len({pod.name for pod in found}) == 1_205
    assert len(api.calls) == 2 + 3


def test_a_later_pod_of_the_same_name_stays_and_one_that_is_gone_is_no_failure(api: KubernetesApi) -> None:
    hook = FinishedPodsHook(retry=QUICK)
    old = next(pod for pod in hook.pods("airflow") if pod.name == "old")
    api.add("old", labels=TASK, phase="Running")
    assert hook.delete(old) is False
    assert "old" in api.names()
    del api.pods["airflow", "old"]
    assert hook.delete(old) is False


@pytest.mark.parametrize("code", [429, 500, 503, 504])
def test_a_server_that_is_away_for_a_moment_is_asked_again(api: KubernetesApi, code: int) -> None:
    api.answers = [code, code]
    assert len(list(FinishedPodsHook(retry=QUICK).pods("airflow"))) == 5


@pytest.mark.parametrize(
    ("code", "error"),
    [(401, CredentialsError), (403, AccessDeniedError), (400, RequestRejectedError), (503, UnavailableError)],
)
def test_each_refusal_says_what_to_do(api: KubernetesApi, code: int, error: type[Exception]) -> None:
    api.answers = [code] * 9
    with pytest.raises(error, match="connection kubernetes_default: namespace airflow: HTTP"):
        list(FinishedPodsHook(retry=QUICK).pods("airflow"))


def test_without_a_connection_no_cluster_is_touched_and_the_task_is_skipped(
    include: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "somebodys"))
    with pytest.raises(AirflowSkipException, match="there is none: no task runs in a pod"):
        run(include)


def test_without_a_namespace_it_asks_for_one_and_takes_not_all(
    api: KubernetesApi, include: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes", "extra": {}}))
    with pytest.raises(FatalError, match="names no namespace: add it to the extra"):
        _ = FinishedPodsHook().namespace
    with pytest.raises(AirflowFailException, match="names no namespace"):
        run(include)
    assert api.calls == []
