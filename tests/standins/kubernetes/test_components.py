from __future__ import annotations

import json
import re

import pytest

from standins.kubernetes.cluster import CALLERS, Cluster
from standins.kubernetes.components import api_server_flags, kubelet_configuration
from standins.kubernetes.docker import configuration
from standins.supervisor.supervisor import needs
from standins.supervisor.units import Service


@pytest.fixture
def services(layout) -> dict[str, Service]:
    return {unit.name: unit for unit in Cluster(layout).units() if isinstance(unit, Service)}


def test_the_parts_depend_on_each_other_without_a_circle_and_all_on_the_node(layout, services):
    found = needs(Cluster(layout).units())
    for name in services:
        assert name == "node" or "node" in found[name]
    assert {"docker", "images", "containers", "apiserver", "etcd", "cable"} <= found["node-ready"]


def test_every_part_listens_on_loopback_or_on_the_cable_alone(layout, services):
    ours = {"127.0.0.1", layout.network.node_ip}
    text = json.dumps([service.argv for service in services.values()]) + json.dumps(kubelet_configuration(layout))
    listening = re.findall(r"(?:bind-address|listen-(?:client|peer)-urls)[\"=, ]+(?:http://)?([\d.]+)", text)
    assert len(listening) == 7
    assert set(listening) <= ours
    assert {kubelet_configuration(layout)[key] for key in ("address", "healthzBindAddress")} == ours
    assert "0.0.0.0" not in text
    assert configuration(layout)["hosts"] == ["unix:///run/docker.sock"]


def test_nobody_is_let_in_without_a_certificate_or_a_token(layout):
    flags = api_server_flags(layout)
    assert (flags["anonymous-auth"], flags["insecure-port"]) == ("false", "0")
    assert flags["authorization-mode"] == "Node,RBAC"
    kubelet = kubelet_configuration(layout)
    assert kubelet["authentication"]["anonymous"] == {"enabled": False}
    assert kubelet["authorization"] == {"mode": "Webhook"}
    assert kubelet["readOnlyPort"] == 0


def test_no_command_line_holds_a_secret(services):
    text = json.dumps([service.argv for service in services.values()])
    assert "BEGIN" not in text
    assert not re.search(r"(?:password|token)=", text)


def test_kubelet_and_dockerd_agree_on_control_groups(layout):
    assert kubelet_configuration(layout)["cgroupRoot"] == configuration(layout)["cgroup-parent"] == f"/{layout.name}"
    assert configuration(layout)["exec-opts"] == [
        f"native.cgroupdriver={kubelet_configuration(layout)['cgroupDriver']}"
    ]


def test_each_caller_has_a_kubeconfig_that_its_flags_name(layout, services):
    named = set(re.findall(r"kubeconfigs/([\w-]+)\.yaml", json.dumps([unit.argv for unit in services.values()])))
    assert named == set(CALLERS) - {"admin"}


def test_another_home_has_other_names(layout, tmp_path):
    other = type(layout)(layout.cache, tmp_path / "other")
    assert other.name != layout.name
