"""The platform from k8s/overlays/test, deployed: its DAGs run in pods of their own."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from kubernetes import client

from standins.kubernetes.cluster import Cluster
from standins.kubernetes.platform import PARTS, Platform
from standins.kubernetes.platform_secrets import NAMESPACE
from standins.platform.api import AirflowApi
from standins.platform.versions import wait_for_version
from tests.k8s.manifests import kubectl
from tests.k8s.waiting import is_gone
from tests.support.waiting import eventually

# The first test also waits for images, which are made anew on a fresh machine, and for all parts to be ready.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]

PROBE = "dags/k8s_probe.py"
DAGS = """
import os
import socket
import time
from pathlib import Path

from airflow.sdk import DAG, task

GIVEN = {"schedule": None, "catchup": False, "tags": ["team:platform"], "default_args": {"owner": "platform"}}

with DAG("k8s_probe", **GIVEN):

    @task
    def look():
        for name, value in sorted(os.environ.items()):
            print(f"environment {name}={value}")
        for file in Path("/etc/drivetrain").rglob("*"):
            print(f"file {file}")
        time.sleep(3)
        return {"host": socket.gethostname(), "user": os.getuid(), "writes": os.access("/opt/venv", os.W_OK)}

    look()

with DAG("k8s_sleeps", **GIVEN):

    @task
    def sleeps():
        print("sleeps now")
        time.sleep(45)
        print("slept well")

    sleeps()

with DAG("k8s_fails", **GIVEN):

    @task
    def fails():
        raise ValueError("there is no customer 4711")

    fails()
"""


@dataclass(frozen=True)
class Running:
    """The platform, and its REST API as the administrator."""

    platform: Platform
    api: AirflowApi

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run; returns its id."""
        run_id = f"test-{uuid.uuid4().hex[:8]}"
        self.api.write("PATCH", f"dags/{dag_id}", {"is_paused": False})
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self.api.write("POST", f"dags/{dag_id}/dagRuns", body)
        return run_id

    def state(self, dag_id: str, run_id: str) -> str:
        """Of a run."""
        return str(self.api.read(f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def ended(self, dag_id: str, run_id: str, timeout_seconds: float = 240) -> str:
        """The state that a run ends in."""
        return eventually(
            f"the end of {dag_id}",
            lambda: (state := self.state(dag_id, run_id)) in ("success", "failed") and state,
            timeout_seconds,
        )

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """A task instance."""
        found: dict[str, Any] = self.api.read(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")
        return found

    def log(self, dag_id: str, run_id: str, task_id: str) -> str:
        """All that its first try's log says, as JSON."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/1"
        response = self.api.get(path, headers={"Accept": "application/json"})
        return json.dumps(response.json()["content"])


@pytest.fixture(scope="module")
def running(cluster: Cluster, core: client.CoreV1Api) -> Iterator[Running]:
    """Deployed once. One that was there before stays; else it goes, with its data."""
    if "DRIVETRAIN_TEST_KUBECONFIG" in os.environ:
        pytest.skip("DRIVETRAIN_TEST_KUBECONFIG is set: images are loaded into the node of `make k8s-up` alone")
    kubectl()
    was_there = not is_gone(lambda: core.read_namespace(NAMESPACE))
    platform = Platform(cluster.layout)
    try:
        found = platform.deploy()
        with AirflowApi(found.url, found.user, found.password) as api:
            sha = platform.push("Test", {PROBE: DAGS})
            wait_for_version(platform.bundle, api, sha, timeout_seconds=240)
            yield Running(platform, api)
            platform.push("Publish the working tree")
    finally:
        if not was_there:
            platform.remove()


def task_pods(core: client.CoreV1Api, dag_id: str) -> list[dict[str, Any]]:
    """Pods of a DAG's tasks, as the API gives them."""
    found = core.list_namespaced_pod(NAMESPACE, label_selector=f"dag_id={dag_id}", _preload_content=False)
    items: list[dict[str, Any]] = json.loads(found.data)["items"]
    return items


@pytest.fixture(scope="module")
def probed(running: Running, core: client.CoreV1Api) -> tuple[str, dict[str, Any]]:
    """A run that has succeeded, and its task's pod as it was while it lived."""
    run_id = running.trigger("k8s_probe")
    pods = eventually("the task's pod", lambda: task_pods(core, "k8s_probe"))
    assert running.ended("k8s_probe", run_id) == "success"
    return run_id, pods[0]


def test_every_part_is_ready_and_none_was_restarted(running, core):
    labels = "app.kubernetes.io/name=airflow,app.kubernetes.io/component!=migrate"
    pods = core.list_namespaced_pod(NAMESPACE, label_selector=labels).items
    assert {pod.metadata.name.rsplit("-", 2)[0] for pod in pods} == set(PARTS)
    statuses = [status for pod in pods for status in pod.status.container_statuses]
    assert all(status.ready for status in statuses)
    assert sum(status.restart_count for status in statuses) == 0


def test_a_deployment_of_what_runs_already_changes_nothing(running, connect):
    apps = client.AppsV1Api(connect())

    def generations() -> dict[str, int]:
        return {one.metadata.name: one.metadata.generation for one in apps.list_namespaced_deployment(NAMESPACE).items}

    before = generations()
    running.platform.deploy()
    assert generations() == before
    wait_for_version(running.platform.bundle, running.api, running.platform.push("Test", {PROBE: DAGS}))


def test_a_run_that_was_triggered_over_rest_is_a_pod_of_its_own(running, probed):
    run_id, pod = probed
    returned = running.api.read(f"dags/k8s_probe/dagRuns/{run_id}/taskInstances/look/xcomEntries/return_value")["value"]
    assert returned == {"host": pod["metadata"]["name"], "user": 50000, "writes": False}
    assert running.task("k8s_probe", run_id, "look")["hostname"] == pod["metadata"]["name"]


def test_a_tasks_log_can_be_read_over_rest_when_its_pod_is_gone(running, probed, core):
    run_id, pod = probed
    eventually("the pod's end", lambda: is_gone(lambda: core.read_namespaced_pod(pod["metadata"]["name"], NAMESPACE)))
    assert "environment AIRFLOW__CORE__EXECUTOR=LocalExecutor" in running.log("k8s_probe", run_id, "look")


def test_no_secret_is_in_a_tasks_pod_its_environment_its_files_or_its_log(running, probed):
    run_id, pod = probed
    log = running.log("k8s_probe", run_id, "look")
    assert "environment HOSTNAME" in log
    for secret in running.platform.secrets.values:
        assert secret not in json.dumps(pod)
        assert secret not in log
    assert "file /etc/drivetrain" not in log
    assert not [volume for volume in pod["spec"]["volumes"] if "secret" in volume or "projected" in volume]


def test_no_secret_is_in_the_logs_of_the_parts(running, core):
    for pod in core.list_namespaced_pod(NAMESPACE).items:
        said = core.read_namespaced_pod_log(pod.metadata.name, NAMESPACE)
        assert not [secret for secret in running.platform.secrets.values if secret in said], pod.metadata.name


def test_a_tasks_pod_meets_the_restricted_standard(probed):
    _, pod = probed
    spec, [container] = pod["spec"], pod["spec"]["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    allowed = {"name", "configMap", "csi", "downwardAPI", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
    assert all(set(volume) <= allowed for volume in spec["volumes"])
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)


def test_a_task_that_fails_keeps_its_reason(running):
    run_id = running.trigger("k8s_fails")
    assert running.ended("k8s_fails", run_id) == "failed"
    assert "there is no customer 4711" in running.log("k8s_fails", run_id, "fails")


def test_a_real_dag_runs_with_its_preset(running, core):
    run_id = running.trigger("state_maintenance", dry_run=True)
    [pod] = eventually("the task's pod", lambda: task_pods(core, "state_maintenance"))
    assert pod["metadata"]["labels"]["drivetrain.io/preset"] == "light"
    assert running.ended("state_maintenance", run_id) == "success"


def test_a_real_sheet_sync_reads_the_warehouse_and_writes_its_sheet_from_a_pod(running):
    run_id = running.trigger("sheets_sync_inspection", syncs=["inspection_failed_cars"])
    assert running.ended("sheets_sync_inspection", run_id) == "success"
    path = f"dags/sheets_sync_inspection/dagRuns/{run_id}/taskInstances"
    found: dict[str, Any] = {}
    for task in running.api.items(path, "task_instances"):
        response = running.api.get(f"{path}/{task['task_id']}/xcomEntries/return_value")
        found |= response.json()["value"] if response.is_success else {}
    # On a platform that was there before, an earlier run of these tests has written it.
    assert found["inspection_failed_cars"]["outcome"] in ("written", "unchanged")


def address(core: client.CoreV1Api, service: str) -> str:
    return str(core.read_namespaced_service(service, NAMESPACE).spec.cluster_ip)


def ask_features(core: client.CoreV1Api, key: str) -> httpx.Response:
    """For one feature of a car that nobody knows."""
    url = f"http://{address(core, 'feature-server')}:6566/get-online-features"
    body = {"features": ["car_demand:views_7d"], "entities": {"car_id": [4711]}}
    return httpx.post(url, json=body, headers={"X-Api-Key": key}, trust_env=False, timeout=30)


def in_service(core: client.CoreV1Api, service: str) -> int:
    """How many pods requests go to."""
    subsets = core.read_namespaced_endpoints(service, NAMESPACE).subsets or []
    return sum(len(one.addresses or []) for one in subsets)


def test_a_feature_server_answers_who_has_a_key_from_the_registry_and_the_redis_of_the_cluster(running, core):
    answer = ask_features(core, running.platform.secrets.features_key)
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"][-1]["statuses"] == ["NOT_FOUND"]
    refused = ask_features(core, "somebody-elses")
    assert (refused.status_code, "ask for a key" in refused.json()["detail"]) == (401, True)


def test_a_redis_that_is_away_takes_the_feature_server_out_of_service_and_restarts_nothing(running, core, connect):
    apps, key = client.AppsV1Api(connect()), running.platform.secrets.features_key
    apps.patch_namespaced_deployment_scale("redis", NAMESPACE, {"spec": {"replicas": 0}})
    try:
        eventually("nobody to ask", lambda: in_service(core, "feature-server") == 0, timeout_seconds=120)
    finally:
        apps.patch_namespaced_deployment_scale("redis", NAMESPACE, {"spec": {"replicas": 1}})
    eventually("somebody to ask", lambda: in_service(core, "feature-server") == 1, timeout_seconds=120)
    assert ask_features(core, key).status_code == 200
    [pod] = core.list_namespaced_pod(NAMESPACE, label_selector="app.kubernetes.io/name=feature-server").items
    assert [status.restart_count for status in pod.status.container_statuses] == [0]


def test_a_task_whose_scheduler_is_killed_goes_on_and_ends_right(running, core):
    run_id = running.trigger("k8s_sleeps")
    eventually(
        "the task runs", lambda: running.task("k8s_sleeps", run_id, "sleeps")["state"] == "running", timeout_seconds=180
    )
    [scheduler] = core.list_namespaced_pod(NAMESPACE, label_selector="app.kubernetes.io/component=scheduler").items
    core.delete_namespaced_pod(scheduler.metadata.name, NAMESPACE, grace_period_seconds=0)
    assert running.ended("k8s_sleeps", run_id) == "success"
    assert running.task("k8s_sleeps", run_id, "sleeps")["try_number"] == 1
    assert "slept well" in running.log("k8s_sleeps", run_id, "sleeps")


def test_nothing_is_left_of_tasks_that_succeeded(running, core):
    # Pods of a scheduler that was killed are taken over once its heartbeat is too old.
    for dag_id in ("k8s_probe", "k8s_sleeps", "state_maintenance"):
        eventually(f"no pod of {dag_id}", lambda dag_id=dag_id: not task_pods(core, dag_id), timeout_seconds=180)
