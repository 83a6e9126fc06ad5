from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.network import Network, short_name


def test_cable_pods_and_services_are_apart_and_each_address_is_in_its_own():
    network = Network.from_env({})
    parts = [ip_network(text) for text in (network.cable, network.pods, network.services)]
    assert not any(one.overlaps(other) for one in parts for other in parts if one is not other)
    assert ip_address(network.machine_ip) in parts[0]
    assert ip_address(network.node_ip) in parts[0]
    assert ip_address(network.pod_gateway.partition("/")[0]) in parts[1]
    assert ip_address(network.api_service_ip) in parts[2]
    assert all(part.subnet_of(network.block) for part in parts)


@pytest.mark.parametrize("text", ["8.8.0.0/22", "10.0.0.0/8", "10.201.0.1/22", "fd00::/22", "here", ""])
def test_what_is_no_private_block_of_its_size_is_refused_with_the_variables_name(text):
    with pytest.raises(KubernetesError, match="DRIVETRAIN_K8S_NETWORK"):
        Network.from_env({"DRIVETRAIN_K8S_NETWORK": text})


def test_a_home_has_one_short_name_that_linux_takes_for_an_interface():
    assert short_name(Path("/a")) == short_name(Path("/a"))
    assert short_name(Path("/a")) != short_name(Path("/b"))
    assert len(short_name(Path("/" + "long" * 50))) <= 15
