"""Our DAGs as they are parsed where pods are made, and the pods that their tasks get. No cluster is needed."""

from __future__ import annotations

import json
from typing import Any

import kubernetes_validate
import pytest

from drivetrain.kubernetes.presets import PRESET_LABEL, load_presets
from tests.dags.conftest import ROOT, run_python
from tests.support.executor_process import deployed_environment

pytestmark = pytest.mark.slow
MODERN = "1.37"
SCRIPT = """
import json, os, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from kubernetes.client import ApiClient

def pod_of(task):
    override = (task.executor_config or {}).get("pod_override")
    if override is None:
        return None
    pod = PodGenerator.construct_pod(
        dag_id=task.dag_id, task_id=task.task_id, pod_id="pod", try_number=1, kube_image="drivetrain:1", date=None,
        args=["run"], pod_override_object=override, namespace="drivetrain", scheduler_job_id="1", run_id="r",
        base_worker_pod=PodGenerator.deserialize_model_file("k8s/base/pod-template.yaml"),
    )
    return ApiClient().sanitize_for_serialization(pod)

bag = DagBag(os.path.join(os.getcwd(), "dags"))
tasks = [
    {"dag": d.dag_id, "task": t.task_id, "executor": t.executor, "tags": sorted(d.tags), "pod": pod_of(t),
     "seconds": t.execution_timeout.total_seconds()}
    for d in bag.dags.values() for t in d.tasks
]
print(json.dumps({"errors": bag.import_errors, "tasks": tasks}))
"""


def parsed(executor: str, home: str) -> list[dict[str, Any]]:
    """Every task, with this setting of [core] executor."""
    said = run_python(SCRIPT, AIRFLOW__CORE__EXECUTOR=executor, AIRFLOW_HOME=home)
    found = json.loads(said.splitlines()[-1])
    assert found["errors"] == {}
    tasks: list[dict[str, Any]] = found["tasks"]
    return tasks


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """As the DAG processor of k8s/base sees them."""
    return parsed(deployed_environment()["AIRFLOW__CORE__EXECUTOR"], str(tmp_path_factory.mktemp("airflow")))


def test_each_task_gets_a_pod_of_a_preset_or_is_tiny(tasks: list[dict[str, Any]]) -> None:
    presets = load_presets(ROOT / "include").presets
    for task in tasks:
        if task["executor"] is not None:
            assert (task["executor"], task["pod"]) == ("LocalExecutor", None), task["task"]
        else:
            assert task["pod"]["metadata"]["labels"][PRESET_LABEL] in presets, task["task"]
    assert {task["dag"] for task in tasks if task["executor"]} >= {"sheets_dispatch", "sheets_request"}


def test_what_runs_beside_the_scheduler_is_the_platforms_and_ends_soon(tasks: list[dict[str, Any]]) -> None:
    for task in tasks:
        if task["executor"]:
            assert "team:platform" in task["tags"], task["dag"]
            assert task["seconds"] <= 300, task["dag"]


def test_a_pods_deadline_is_the_last_resort_behind_its_tasks_own_time_out(tasks: list[dict[str, Any]]) -> None:
    for task in tasks:
        if task["pod"]:
            assert task["pod"]["spec"]["activeDeadlineSeconds"] > task["seconds"] + 600, task["task"]


def test_a_preset_changes_what_it_is_about_and_leaves_the_template_as_it_is(tasks: list[dict[str, Any]]) -> None:
    by_preset = {task["pod"]["metadata"]["labels"][PRESET_LABEL]: task["pod"] for task in tasks if task["pod"]}
    assert set(by_preset) == {"light", "heavy"}
    for pod in by_preset.values():
        kubernetes_validate.validate(pod, MODERN, strict=True)
        [container] = pod["spec"]["containers"]
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {mount["name"] for mount in container["volumeMounts"]} == {"scratch"}
    memory = {name: pod["spec"]["containers"][0]["resources"]["limits"]["memory"] for name, pod in by_preset.items()}
    assert memory == {"light": "1Gi", "heavy": "4Gi"}


def test_where_no_pods_are_made_the_same_files_say_nothing_of_them(tmp_path: Any) -> None:
    found = parsed("LocalExecutor", str(tmp_path))
    assert [task["task"] for task in found if task["pod"]] == []
    assert {task["executor"] for task in found} == {None, "LocalExecutor"}
