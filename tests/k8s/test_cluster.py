"""The cluster is a real one: what runs in it, what it refuses, and what comes and goes."""

from __future__ import annotations

import os
import socket

import pytest
from kubernetes import client
from kubernetes.client import ApiException
from kubernetes.stream import stream

from standins.kubernetes import recipe
from standins.kubernetes.layout import NODE_NAME
from tests.k8s.pods import pod
from tests.k8s.waiting import is_gone, until
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


def ended(one) -> bool:
    return one.status.phase in ("Succeeded", "Failed")


def running(one) -> bool:
    return one.status.phase == "Running"


def test_the_node_is_ready_and_everything_is_of_the_pinned_version(core, connect):
    [node] = core.list_node().items
    assert {one.type: one.status for one in node.status.conditions}["Ready"] == "True"
    assert node.status.node_info.kubelet_version == f"v{recipe.VERSION}"
    assert client.VersionApi(connect()).get_code().git_version == f"v{recipe.VERSION}"


def test_a_pod_runs_to_its_end_and_its_log_is_read_through_the_api(core, namespace):
    core.create_namespaced_pod(namespace, pod("once", "echo hello from $(hostname); exit 0"))
    done = until(core, namespace, "once", ended)
    assert done.status.phase == "Succeeded"
    assert done.spec.node_name == NODE_NAME
    # As bytes: this version of the client makes of a text what Python would print for its bytes.
    log = core.read_namespaced_pod_log("once", namespace, _preload_content=False)
    assert log.data == b"hello from once\n"


def test_a_pod_that_fails_keeps_its_exit_code(core, namespace):
    core.create_namespaced_pod(namespace, pod("fails", "exit 7"))
    done = until(core, namespace, "fails", ended)
    assert done.status.phase == "Failed"
    assert done.status.container_statuses[0].state.terminated.exit_code == 7


def test_a_pod_that_takes_too_much_memory_is_killed_and_the_api_says_so(core, namespace):
    core.create_namespaced_pod(namespace, pod("greedy", "x=$(head -c 200m /dev/zero | tr '\\0' x); sleep 60"))
    done = until(core, namespace, "greedy", lambda one: ended(one) or "OOMKilled" in str(one.status))
    assert "OOMKilled" in str(done.status.container_statuses)


def test_a_pod_that_is_deleted_while_it_runs_is_killed_and_gone(core, namespace):
    core.create_namespaced_pod(namespace, pod("killed", "while true; do sleep 1; done"))
    until(core, namespace, "killed", running)
    core.delete_namespaced_pod("killed", namespace, grace_period_seconds=0)
    eventually("its end", lambda: is_gone(lambda: core.read_namespaced_pod("killed", namespace)))


def test_a_pod_whose_process_is_killed_from_inside_fails(core, namespace):
    core.create_namespaced_pod(namespace, pod("dies", "sleep 1000 & wait $!; exit 3"))
    until(core, namespace, "dies", running)
    command = ["sh", "-c", "kill -9 $(pidof sleep)"]
    stream(core.connect_get_namespaced_pod_exec, "dies", namespace, command=command, stdout=True, stderr=True)
    done = until(core, namespace, "dies", ended)
    assert done.status.container_statuses[0].state.terminated.exit_code == 3


def test_an_image_that_is_not_there_is_never_pulled_and_the_pod_says_why(core, namespace):
    missing = pod("missing", "true")
    missing["spec"]["containers"][0]["image"] = "drivetrain.local/missing:1"
    core.create_namespaced_pod(namespace, missing)
    found = until(core, namespace, "missing", lambda one: "ErrImageNeverPull" in str(one.status))
    assert found.status.phase == "Pending"


def test_a_pod_that_fits_nowhere_stays_pending_with_the_schedulers_reason(core, namespace):
    big = pod("big", "true")
    big["spec"]["containers"][0]["resources"] = {"requests": {"memory": "10Ti"}}
    core.create_namespaced_pod(namespace, big)
    found = until(core, namespace, "big", lambda one: bool(one.status.conditions))
    assert found.status.conditions[0].reason == "Unschedulable"


def test_a_service_leads_to_its_pods_from_another_pod_and_from_this_machine(core, namespace):
    serving = pod("web", "echo -n welcome > /tmp/index; while true; do nc -l -p 8080 < /tmp/index; done")
    core.create_namespaced_pod(namespace, serving)
    web = until(core, namespace, "web", running)
    service = core.create_namespaced_service(
        namespace, {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080}]}}
    )
    address = service.spec.cluster_ip
    calling = f"until nc -w 2 {address} 8080 < /dev/null | grep welcome; do sleep 0.2; done"
    core.create_namespaced_pod(namespace, pod("calls", calling))
    assert until(core, namespace, "calls", ended).status.phase == "Succeeded"
    for host in (web.status.pod_ip, address):
        assert eventually(f"an answer of {host}", lambda host=host: answer(host)) == b"welcome"


def answer(host: str) -> bytes:
    try:
        with socket.create_connection((host, 8080), timeout=2) as connection:
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(100)
    except OSError:
        return b""


def test_no_pod_reaches_anything_but_this_cluster_and_this_machine(core, namespace):
    # 192.0.2.0/24 is set aside for documentation: nobody is there (RFC 5737).
    core.create_namespaced_pod(namespace, pod("lost", "nc -w 2 192.0.2.77 9"))
    assert until(core, namespace, "lost", ended).status.phase == "Failed"


def test_a_service_account_may_do_what_its_role_says_and_nothing_else(core, connect, namespace):
    rules = client.RbacAuthorizationV1Api(connect())
    core.create_namespaced_service_account(namespace, {"metadata": {"name": "reader"}})
    rules.create_namespaced_role(
        namespace,
        {"metadata": {"name": "reader"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]},
    )
    rules.create_namespaced_role_binding(
        namespace,
        {
            "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
        },
    )
    request = {"spec": {"audiences": None, "expirationSeconds": 600}}
    token = core.create_namespaced_service_account_token("reader", namespace, request).status.token
    reader = client.CoreV1Api(connect(token))
    assert reader.list_namespaced_pod(namespace).items == []
    refused = [
        lambda: reader.create_namespaced_pod(namespace, pod("mine", "true")),
        lambda: reader.list_namespaced_secret(namespace),
        lambda: reader.list_namespaced_pod("kube-system"),
        lambda: reader.list_node(),
    ]
    for call in refused:
        with pytest.raises(ApiException) as error:
            call()
        assert error.value.status == 403


@pytest.mark.parametrize("token", ["", "made-up"])
def test_without_a_certificate_or_a_token_nobody_is_let_in(connect, token):
    with pytest.raises(ApiException) as error:
        client.CoreV1Api(connect(token)).list_namespace()
    assert error.value.status == 401


def test_only_the_owner_reads_the_administrators_file(cluster):
    assert os.stat(cluster.layout.kubeconfig).st_mode & 0o777 == 0o600


def test_what_runs_is_left_alone_by_another_up(cluster):
    before = {part.name: part.pid for part in cluster.status()}
    assert cluster.up() == []
    assert {part.name: part.pid for part in cluster.status()} == before
    assert {part.state for part in cluster.status()} == {"ready"}
