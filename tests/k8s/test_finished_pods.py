"""The clean-up's hook on a real API server: which pods it finds, which go, and what an account needs for it."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest
import yaml

from drivetrain.cleanup.pods import LABELS, left_over
from drivetrain.errors import AccessDeniedError, CredentialsError
from drivetrain.retry import RetryPolicy
from hooks.finished_pods import FinishedPodsHook
from tests.k8s.pods import pod
from tests.k8s.waiting import is_gone, until
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kubernetes import client

    Hook = Callable[..., FinishedPodsHook]

pytestmark = pytest.mark.slow

TASK = dict.fromkeys(LABELS, "x")
QUICK = RetryPolicy(attempts=2, initial_wait_seconds=0, max_wait_seconds=0.01)
ACCOUNT = "cleanup"


def task(name: str, script: str, **labels: str) -> dict[str, object]:
    """A pod with the labels that Airflow gives to those of tasks."""
    made = pod(name, script)
    made["metadata"]["labels"] |= TASK | labels
    return made


@pytest.fixture
def hook(kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Hook:
    """Makes hooks: as the administrator, or with a bearer token."""

    def make(token: str | None = None) -> FinishedPodsHook:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        if token is not None:
            config["users"] = [{"name": one["name"], "user": {"token": token}} for one in config["users"]]
        extra = {"kube_config": json.dumps(config), "namespace": namespace}
        connection = {"conn_type": "kubernetes", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
        # Nor does the proxy of the environment know anything of the cluster's network.
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setenv("no_proxy", "*")
        return FinishedPodsHook(retry=QUICK)

    return make


def ended(one) -> bool:  # type: ignore[no-untyped-def]
    return one.status.phase in ("Succeeded", "Failed")


def test_pods_of_tasks_that_ended_go_by_their_own_identity_and_no_others(
    core: client.CoreV1Api, namespace: str, hook: Hook
) -> None:
    for made in (task("good", "exit 0"), task("bad", "exit 7"), pod("database", "exit 0")):
        core.create_namespaced_pod(namespace, made)
    core.create_namespaced_pod(namespace, task("busy", "while true; do sleep 1; done"))
    for name in ("good", "bad", "database"):
        until(core, namespace, name, ended)
    until(core, namespace, "busy", lambda one: one.status.phase == "Running")
    pods = hook()
    seen = list(pods.pods(pods.namespace))
    assert {one.name for one in seen} == {"good", "bad", "busy"}
    now = dt.datetime.now(dt.UTC)
    hour = dt.timedelta(hours=1)
    assert list(left_over(seen, now=now, finished_for=hour)) == [], "they ended a moment ago"
    old = sorted(left_over(seen, now=now + hour, finished_for=hour), key=lambda one: one.name)
    assert [(one.name, one.phase) for one in old] == [("bad", "Failed"), ("good", "Succeeded")]

    # Another pod takes the name of one that was found.
    bad, good = old
    core.delete_namespaced_pod("bad", namespace, grace_period_seconds=0)
    eventually("its end", lambda: is_gone(lambda: core.read_namespaced_pod("bad", namespace)))
    core.create_namespaced_pod(namespace, task("bad", "while true; do sleep 1; done"))
    assert pods.delete(bad) is False
    assert core.read_namespaced_pod("bad", namespace).metadata.deletion_timestamp is None
    assert pods.delete(good) is True
    eventually("its end", lambda: is_gone(lambda: core.read_namespaced_pod("good", namespace)))
    assert pods.delete(good) is False
    assert core.read_namespaced_pod("database", namespace).status.phase == "Succeeded"


def test_a_pod_that_never_got_a_container_has_ended_when_its_conditions_say_so(
    core: client.CoreV1Api, namespace: str, hook: Hook
) -> None:
    made = task("late", "sleep 600")
    made["spec"]["activeDeadlineSeconds"] = 1  # type: ignore[index]
    made["spec"]["containers"][0]["image"] = "drivetrain.local/missing:1"  # type: ignore[index]
    core.create_namespaced_pod(namespace, made)
    assert until(core, namespace, "late", ended).status.reason == "DeadlineExceeded"
    [one] = hook().pods(namespace)
    assert one.phase == "Failed"
    assert one.ended_at is not None
    assert abs(dt.datetime.now(dt.UTC) - one.ended_at) < dt.timedelta(minutes=2)


def test_pages_of_a_real_list_go_on_where_the_last_ended(
    core: client.CoreV1Api, namespace: str, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        never = task(f"waits-{number}", "true")
        never["spec"]["nodeSelector"] = {"no": "such-node"}  # type: ignore[index]
        core.create_namespaced_pod(namespace, never)
    monkeypatch.setattr("hooks.finished_pods._PAGE", 2)
    seen = [one.name for one in hook().pods(namespace)]
    assert sorted(seen) == [f"waits-{number}" for number in range(5)]


def test_an_account_needs_list_and_delete_on_pods_and_nothing_else(
    core: client.CoreV1Api, rbac: client.RbacAuthorizationV1Api, namespace: str, hook: Hook
) -> None:
    core.create_namespaced_service_account(namespace, {"metadata": {"name": ACCOUNT}})
    token = eventually("its token", lambda: token_of(core, namespace))
    core.create_namespaced_pod(namespace, task("good", "exit 0"))
    until(core, namespace, "good", ended)
    with pytest.raises(AccessDeniedError, match=r"HTTP 403 .* let the account list and delete pods there"):
        list(hook(token).pods(namespace))
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "delete"]}]
    rbac.create_namespaced_role(namespace, {"metadata": {"name": ACCOUNT}, "rules": rules})
    binding = {
        "metadata": {"name": ACCOUNT},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
    }
    rbac.create_namespaced_role_binding(namespace, binding)
    [good] = eventually("the right to list", lambda: listed(hook(token), namespace))
    assert hook(token).delete(good) is True
    with pytest.raises(CredentialsError, match="HTTP 401"):
        list(hook("not a token").pods(namespace))


def token_of(core: client.CoreV1Api, namespace: str) -> str | None:
    """The account's, once Kubernetes has made it."""
    import base64

    named = core.read_namespaced_service_account(ACCOUNT, namespace).secrets
    if not named:
        return None
    return base64.b64decode(core.read_namespaced_secret(named[0].name, namespace).data["token"]).decode()


def listed(hook: FinishedPodsHook, namespace: str) -> list[object]:
    """Pods, or none while the role is not known yet."""
    try:
        return list(hook.pods(namespace))
    except AccessDeniedError:
        return []


@pytest.fixture
def rbac(connect) -> client.RbacAuthorizationV1Api:  # type: ignore[no-untyped-def]
    from kubernetes import client

    return client.RbacAuthorizationV1Api(connect())
