"""A second cluster beside the first: what it changes on this machine, and that nothing of it stays."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from kubernetes.client import ApiClient, Configuration, CoreV1Api
from kubernetes.config import load_kube_config

from standins.kubernetes.cluster import Cluster
from standins.kubernetes.images import exists
from standins.kubernetes.layout import Layout
from standins.kubernetes.network import Network
from standins.supervisor.errors import SupervisorError
from standins.supervisor.units import Service
from tests.k8s import machine
from tests.k8s.pods import pod
from tests.k8s.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def other(built: Layout, tmp_path: Path) -> Cluster:
    """A cluster that does not run, at addresses of its own."""
    network = Network.from_env({"DRIVETRAIN_K8S_NETWORK": "10.211.0.0/22"})
    one = Cluster(Layout(built.cache, tmp_path / "cluster", network))
    yield one
    one.down()
    shutil.rmtree(one.layout.home, ignore_errors=True)  # an up that is refused made none


def everything(layout: Layout) -> dict[str, object]:
    return {
        "settings": machine.settings(),
        "interfaces": machine.interfaces(),
        "routes": machine.routes(),
        "mounts": machine.mounts(),
        "firewall": machine.firewall(),
        "groups": machine.groups(layout),
        "members": machine.members(layout),
    }


def start_a_pod(layout: Layout) -> None:
    configuration = Configuration()
    load_kube_config(str(layout.kubeconfig), client_configuration=configuration)
    configuration.proxy = None
    with ApiClient(configuration) as api:
        core = CoreV1Api(api)
        core.create_namespaced_pod("default", pod("stays", "while true; do sleep 1; done"))
        until(core, "default", "stays", lambda one: one.status.phase == "Running")


def test_everything_is_gone_after_down_and_nothing_of_the_machine_was_changed_meanwhile(other):
    layout = other.layout
    before = everything(layout)
    others = machine.all_namespaces()
    other.up()
    start_a_pod(layout)
    assert machine.members(layout)
    assert machine.groups(layout)
    # Not all that are new: pods of the first cluster and browsers come and go meanwhile.
    its_own = machine.namespaces(machine.members(layout)) - others
    assert {name.partition(":")[0] for name in its_own} == {"net", "mnt", "pid"}
    assert machine.settings() == before["settings"]
    assert machine.mounts() == before["mounts"]
    assert machine.firewall() == before["firewall"]
    assert machine.interfaces() - before["interfaces"] == {layout.name}
    assert {one.get("dev") for one in machine.routes() if one not in before["routes"]} == {layout.name}

    stopped = other.down()
    assert all(not one.unstoppable for one in stopped)
    assert everything(layout) == before
    assert not its_own & machine.all_namespaces()
    assert {path.name for path in layout.home.iterdir()} <= {"images", "logs", "run"}
    assert other.down() == []


def test_the_node_that_is_killed_takes_all_with_it_and_up_makes_another(other):
    layout = other.layout
    before = everything(layout)
    other.up()
    start_a_pod(layout)
    record = other.supervisor.state.read("node")
    os.kill(record.pid, signal.SIGKILL)
    assert {part.state for part in other.status()} - {"ready"}

    assert "node" in other.up()
    assert {part.state for part in other.status()} == {"ready"}
    assert exists(other.node, "drivetrain.local/busybox:latest")
    start_a_pod(layout)  # the name is free: it is another cluster

    other.down()
    assert everything(layout) == before


def test_an_up_that_fails_leaves_nothing(other, monkeypatch):
    layout = other.layout
    before = everything(layout)
    units = other.units()

    def broken() -> list[object]:
        return [
            *units,
            Service(name="broken", argv=("/bin/false",), probe=lambda _: "never", depends_on=("kubelet",)),
        ]

    monkeypatch.setattr(other, "units", broken)
    with pytest.raises(SupervisorError, match="broken"):
        other.up()
    assert everything(layout) == before


def test_addresses_that_are_taken_are_refused_with_the_variable_to_change(other, cluster, tmp_path):
    taken = Cluster(Layout(other.layout.cache, tmp_path / "taken", cluster.layout.network))
    before = everything(taken.layout)
    with pytest.raises(SupervisorError, match="DRIVETRAIN_K8S_NETWORK"):
        taken.up()
    assert everything(taken.layout) == before
