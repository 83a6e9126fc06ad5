"""The addresses of a cluster: one block, of which the machine's side is a pair of virtual cables and one route."""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from standins.kubernetes.errors import KubernetesError

VARIABLE = "DRIVETRAIN_K8S_NETWORK"
DEFAULT = "10.201.0.0/22"
PREFIX_BITS = 22


@dataclass(frozen=True)
class Network:
    """Four networks of 256 addresses: the cable between machine and node, pods, services, and one that is spare."""

    block: ipaddress.IPv4Network

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Network:
        """Read DRIVETRAIN_K8S_NETWORK.

        Raises:
            KubernetesError: it is not a private /22.
        """
        text = env.get(VARIABLE, DEFAULT)
        try:
            block = ipaddress.IPv4Network(text)
        except ValueError:
            block = None
        if block is None or block.prefixlen != PREFIX_BITS or not block.is_private:
            raise KubernetesError(f"{VARIABLE}={text!r} is no private /22: set it to one such as {DEFAULT}.")
        return cls(block)

    def _part(self, number: int) -> ipaddress.IPv4Network:
        return list(self.block.subnets(new_prefix=24))[number]

    @property
    def machine_ip(self) -> str:
        """Our end of the cable; what a pod calls to reach a server of a test."""
        return str(self._part(0)[1])

    @property
    def node_ip(self) -> str:
        """The node's end; the API server listens there."""
        return str(self._part(0)[2])

    @property
    def cable(self) -> str:
        """Both ends, as a network."""
        return str(self._part(0))

    @property
    def pods(self) -> str:
        """Addresses of pods."""
        return str(self._part(1))

    @property
    def pod_gateway(self) -> str:
        """The node's bridge, with its prefix, as dockerd wants it."""
        return f"{self._part(1)[1]}/24"

    @property
    def services(self) -> str:
        """Addresses of services."""
        return str(self._part(2))

    @property
    def api_service_ip(self) -> str:
        """The first service's: `kubernetes.default`."""
        return str(self._part(2)[1])


def short_name(home: Path) -> str:
    """Tells one cluster's interface and control groups from another's; an interface has at most 15 characters."""
    return f"dtk8s-{hashlib.sha256(str(home).encode()).hexdigest()[:6]}"
