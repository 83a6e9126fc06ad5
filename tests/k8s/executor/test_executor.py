"""Known complaints about KubernetesExecutor, on a real API server: docs/KUBERNETES_EXECUTOR.md."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest
from kubernetes import client

from standins.kubernetes.cluster import Cluster
from standins.kubernetes.errors import KubernetesError
from tests.k8s.executor.conftest import IMPATIENT, NewExecutor
from tests.k8s.executor.test_pod_failures import pods_of, running_pod
from tests.k8s.waiting import is_gone
from tests.support.executor_process import STOCK, ExecutorProcess, deployed_settings
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stock(new_executor: NewExecutor) -> ExecutorProcess:
    """Airflow's own, with the settings that it comes with."""
    return new_executor(kind=STOCK, settings={}, job=9)


def all_succeeded(found: dict[str, Any]) -> bool:
    return {task["state"] for task in found["tasks"].values()} == {"success"}


def delete_unseen(executor: ExecutorProcess, core: client.CoreV1Api, pod: str) -> None:
    """Delete a pod while no watch runs: the next one lists what there is, and this is not there."""
    [watcher] = executor.ask("look", names=[])["watchers"]
    os.kill(watcher, signal.SIGSTOP)
    core.delete_namespaced_pod(pod, executor.namespace, grace_period_seconds=0)
    eventually("its end", lambda: is_gone(lambda: core.read_namespaced_pod(pod, executor.namespace)))
    os.kill(watcher, signal.SIGKILL)


def test_a_slot_whose_pod_went_unseen_is_given_back_and_its_task_tried_again(
    executor: ExecutorProcess, core: client.CoreV1Api, names: list[str]
) -> None:
    executor.ask("queue", names=names[:1], work="sleep 8")
    delete_unseen(executor, core, running_pod(executor, core, names[0]))
    found = executor.run(names[:1])
    task = found["tasks"][names[0]]
    assert (task["state"], task["try"], found["running"]) == ("success", 2, 0)


def test_airflows_own_executor_holds_such_a_slot(
    stock: ExecutorProcess, core: client.CoreV1Api, names: list[str]
) -> None:
    stock.ask("queue", names=names[:1], work="sleep 60")
    delete_unseen(stock, core, running_pod(stock, core, names[0]))
    found = stock.run(names[:1], seconds=10)
    assert (found["tasks"][names[0]]["state"], found["running"]) == ("running", 1)


def test_a_task_whose_pod_went_unseen_before_it_began_is_not_stuck_in_queued(
    executor: ExecutorProcess, core: client.CoreV1Api, names: list[str]
) -> None:
    volume = {"volumes": [{"name": "late", "configMap": {"name": f"late-{names[0]}"}}]}
    mounted = {"name": "base", "volumeMounts": [{"name": "late", "mountPath": "/late"}]}
    executor.ask("queue", names=names[:1], override={"spec": {"containers": [mounted], **volume}})
    executor.ask("step")
    [pod] = eventually("its pod", lambda: pods_of(executor, core, names[0]))
    delete_unseen(executor, core, pod.metadata.name)
    core.create_namespaced_config_map(executor.namespace, {"metadata": {"name": f"late-{names[0]}"}})
    task = executor.run(names[:1])["tasks"][names[0]]
    assert (task["state"], task["try"]) == ("success", 1)


def test_a_watch_that_begins_at_a_version_too_old_goes_on_from_now(
    executor: ExecutorProcess, cluster: Cluster, names: list[str]
) -> None:
    executor.ask("stop")
    cluster.restart("apiserver")  # a server that has always run on a new cluster still knows the first version
    executor.ask("resource_version", version="1", namespace=executor.namespace)
    executor.ask("start", kind=executor.kind, job=executor.job)
    executor.ask("queue", names=names[:3])
    assert all_succeeded(executor.run(names[:3]))
    assert "too old" in executor.log.read_text(errors="replace")


def test_a_watch_that_dies_again_and_again_loses_no_task(executor: ExecutorProcess, names: list[str]) -> None:
    executor.ask("queue", names=names, work="sleep 1")
    for _ in range(5):
        executor.ask("step", times=3)
        for watcher in executor.ask("look", names=[])["watchers"]:
            os.kill(watcher, signal.SIGKILL)
    found = executor.run(names)
    assert all_succeeded(found)
    assert (found["running"], found["crashes"]) == (0, [])


def test_an_api_server_that_restarts_ends_no_scheduler_and_no_task(
    executor: ExecutorProcess, cluster: Cluster, core: client.CoreV1Api, names: list[str]
) -> None:
    executor.ask("queue", names=names[:6], work="sleep 6")
    executor.ask("step", times=3)
    restart = threading.Thread(target=cluster.restart, args=("apiserver",))
    restart.start()
    executor.ask("queue", names=names[6:], work="sleep 1")
    found = executor.run(names, seconds=120)
    restart.join()
    assert all_succeeded(found), found["tasks"]
    assert (found["running"], found["crashes"]) == (0, [])
    assert {task["try"] for task in found["tasks"].values()} == {1}


def test_the_end_of_a_second_pod_of_a_try_does_not_fail_the_first(
    executor: ExecutorProcess, core: client.CoreV1Api, names: list[str]
) -> None:
    """Where the answer to the request for a pod is lost, another one is made; Airflow lets only one begin."""
    executor.ask("queue", names=names[:1], work="sleep 8")
    first = core.read_namespaced_pod(running_pod(executor, core, names[0]), executor.namespace)
    metadata = {"name": "second", "labels": first.metadata.labels, "annotations": first.metadata.annotations}
    container = {"name": "base", "image": first.spec.containers[0].image, "imagePullPolicy": "Never"}
    spec = {"restartPolicy": "Never", "containers": [{**container, "command": ["false"]}]}
    core.create_namespaced_pod(executor.namespace, {"metadata": metadata, "spec": spec})
    found = executor.run(names[:1])
    assert (found["tasks"][names[0]]["state"], found["tasks"][names[0]]["try"]) == ("success", 1)
    assert "pod second" not in str(found["events"])
    assert "Pod second failed, and pod" in executor.log.read_text(errors="replace")


def test_the_pods_of_a_batch_are_made_in_one_round_and_airflows_default_makes_one(
    executor: ExecutorProcess, stock: ExecutorProcess, core: client.CoreV1Api, names: list[str]
) -> None:
    made = {}
    for one in (executor, stock):
        mine = [f"{one.namespace}-{name}" for name in names]
        one.ask("queue", names=mine, work="sleep 5")
        one.ask("step")
        made[one.namespace] = sum(len(pods_of(one, core, name)) for name in mine)
        assert all_succeeded(one.run(mine, seconds=25))  # stock holds the slot of the test above
    assert made == {executor.namespace: len(names), stock.namespace: 1}


def test_a_tasks_first_token_outlives_the_longest_wait_of_its_pod(executor: ExecutorProcess) -> None:
    """A pod that begins with an expired token fails without a word in the task's log."""
    settings = deployed_settings()
    seconds = executor.ask("token_seconds")["seconds"]
    assert seconds == int(settings["AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT"])
    assert seconds >= 2 * int(settings["AIRFLOW__DRIVETRAIN_PODS__STARTS_WITHIN_SECONDS"])


def test_the_tasks_of_a_scheduler_that_was_killed_go_on_with_the_next_one(
    new_executor: NewExecutor, core: client.CoreV1Api, names: list[str]
) -> None:
    first = new_executor(job=21)
    first.ask("queue", names=names[:3], work="sleep 10")
    for name in names[:3]:
        running_pod(first, core, name)
    first.kill()
    second = new_executor(first.namespace, job=22, port=first.port)
    assert second.ask("adopt", job=21) == {"adopted": 3, "left": 0}
    found = second.run(names[:3])
    assert all_succeeded(found)
    assert {task["try"] for task in found["tasks"].values()} == {1}
    assert found["running"] == 0


def test_what_tests_wait_for_in_seconds_is_deployed_in_minutes() -> None:
    deployed = deployed_settings()
    for name, seconds in IMPATIENT.items():
        assert int(deployed[name]) >= 10 * int(seconds), name


def test_only_what_runs_can_be_restarted(cluster: Cluster) -> None:
    with pytest.raises(KubernetesError, match="what runs: apiserver, controller-manager"):
        cluster.restart("api-server")
