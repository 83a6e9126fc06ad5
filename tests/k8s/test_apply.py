"""The manifests on a real API server: it takes them, and what they allow is what it allows."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
from kubernetes import client

from tests.k8s.manifests import REPOSITORY, kubectl, objects_of, of_kind, text_of
from tests.k8s.waiting import is_gone
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow
NAMESPACE = "drivetrain"
JOBS = "drivetrain-jobs"


@pytest.fixture(scope="module")
def applied(core: client.CoreV1Api, kubeconfig) -> Iterator[str]:
    """The overlay for tests, applied; what kubectl said."""
    if not is_gone(lambda: core.read_namespace(NAMESPACE)):
        pytest.skip(f"namespace {NAMESPACE} is in use: delete it, or run `make k8s-down`")
    apply = [kubectl(), "apply", "--filename=-"]
    environment = {"KUBECONFIG": str(kubeconfig), "HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        apply, input=text_of("test"), env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    yield done.stdout
    core.delete_namespace(NAMESPACE)
    eventually("the namespace's end", lambda: is_gone(lambda: core.read_namespace(NAMESPACE)), timeout_seconds=120)
    for name in of_kind(objects_of("test"), "PersistentVolume"):
        core.delete_persistent_volume(name)


def test_the_api_server_takes_every_object(applied):
    assert applied.count(" created") == len(objects_of("test"))


def test_each_part_has_pods_made_for_it(applied, core):
    for name, one in of_kind(objects_of("test"), "Deployment").items():
        selector = ",".join("=".join(pair) for pair in one["spec"]["selector"]["matchLabels"].items())
        eventually(
            f"a pod of {name}",
            lambda labels=selector: core.list_namespaced_pod(NAMESPACE, label_selector=labels).items,
        )


ALLOWED = {
    ("airflow-scheduler", "create", "pods"),
    ("airflow-scheduler", "patch", "pods"),
    ("airflow-scheduler", "delete", "pods"),
    ("airflow-scheduler", "watch", "pods"),
    ("airflow-scheduler", "list", "pods"),
    ("airflow-scheduler", "get", "pods/log"),
    ("airflow-scheduler", "list", "events"),
    ("airflow-api-server", "get", "pods/log"),
    ("airflow-api-server", "list", "pods"),
}
ACCOUNTS = (
    *("airflow-scheduler", "airflow-api-server", "airflow-dag-processor", "airflow-triggerer"),
    *("airflow-task", "airflow-migrate", "airflow-launcher"),
)
ASKED = (
    *(("pods", verb) for verb in ("create", "patch", "delete", "watch", "list")),
    *(("pods/log", "get"), ("pods/exec", "create"), ("events", "list")),
    *(("secrets", "get"), ("secrets", "list"), ("configmaps", "get"), ("serviceaccounts/token", "create")),
)


@pytest.fixture(scope="module")
def allowed(connect) -> Callable[..., bool]:
    """Asks the API server whether a service account of ours may do something in a namespace."""
    reviews = client.AuthorizationV1Api(connect())

    def ask(account: str, verb: str, resource: str, namespace: str) -> bool:
        kind, _, below = resource.partition("/")
        attributes = {
            "namespace": namespace,
            "verb": verb,
            "resource": kind,
            **({"subresource": below} if below else {}),
        }
        spec = {
            "user": f"system:serviceaccount:{NAMESPACE}:{account}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}"],
            "resourceAttributes": attributes,
        }
        found: bool = reviews.create_subject_access_review({"spec": spec}).status.allowed
        return found

    return ask


def rights(allowed: Callable[..., bool], namespace: str) -> set[tuple[str, str, str]]:
    """Who may do what of all that is asked for."""
    asked = ((account, verb, resource) for account in ACCOUNTS for resource, verb in ASKED)
    return {one for one in asked if allowed(*one, namespace)}


def test_each_account_may_do_what_its_role_says_and_nothing_else(applied, allowed):
    assert rights(allowed, NAMESPACE) == ALLOWED
    assert not [one for one in ACCOUNTS if allowed(one, "create", "pods", "default")]


@pytest.fixture
def jobs(core: client.CoreV1Api, kubeconfig) -> Iterator[str]:
    """k8s/jobs, applied; its namespace."""
    environment = {"KUBECONFIG": str(kubeconfig), "HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}
    command = [kubectl(), "apply", "--server-side", "--kustomize", str(REPOSITORY / "k8s" / "jobs")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    yield JOBS
    core.delete_namespace(JOBS)
    eventually("the namespace's end", lambda: is_gone(lambda: core.read_namespace(JOBS)), timeout_seconds=120)


LAUNCHER = {("pods", verb) for verb in ("create", "patch", "delete", "watch", "list")} | {
    *(("pods/log", "get"), ("pods/exec", "create"), ("events", "list")),
}
WATCHER = {*(("pods", verb) for verb in ("delete", "watch", "list")), ("pods/log", "get"), ("events", "list")}


def test_tasks_that_make_pods_may_do_so_in_the_namespace_for_jobs_alone(jobs, allowed):
    wanted = {("airflow-launcher", verb, resource) for resource, verb in LAUNCHER}
    assert rights(allowed, jobs) == wanted | {("airflow-triggerer", verb, resource) for resource, verb in WATCHER}
    assert not [verb for resource, verb in ASKED if allowed("airflow-launcher", verb, resource, NAMESPACE)]
