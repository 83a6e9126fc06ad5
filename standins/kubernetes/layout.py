"""Where everything is: one cache for what is built, one home for the cluster that runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from standins.kubernetes import recipe
from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.network import Network, short_name

NODE_NAME = "node1"
API_PORT = 6443
# The node has folders of its own there, so a home below them could not be seen from inside.
HIDDEN = (Path("/run"), Path("/var/lib"), Path("/var/log"), Path("/var/run"), Path("/proc"), Path("/sys"), Path("/usr"))


@dataclass(frozen=True)
class Layout:
    """Paths of one cluster.

    Attributes:
        cache: built programs and images; safe to remove while nothing runs.
        home: state of the cluster that runs.
        network: its addresses.
    """

    cache: Path
    home: Path
    network: Network = field(default_factory=lambda: Network.from_env({}))

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Layout:
        """`drivetrain/kubernetes` below XDG_CACHE_HOME or ~/.cache; DRIVETRAIN_K8S_HOME moves the cluster's state.

        Raises:
            KubernetesError: a path that the node could not see, or that a mount option cannot carry.
        """
        caches = Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "/root")) / ".cache")
        cache = (caches / "drivetrain" / "kubernetes").resolve()
        home = Path(env.get("DRIVETRAIN_K8S_HOME") or cache / "cluster").resolve()
        for variable, path in (("XDG_CACHE_HOME", cache), ("DRIVETRAIN_K8S_HOME", home)):
            if any(path.is_relative_to(hidden) for hidden in HIDDEN) or set(":,\\") & set(str(path)):
                raise KubernetesError(
                    f"{path} can't hold a cluster: set {variable} to a folder outside of "
                    f"{', '.join(map(str, HIDDEN))}, without commas, colons and backslashes in its name."
                )
        return cls(cache, home, Network.from_env(env))

    @property
    def built(self) -> Path:
        """What the recipe makes; there only when it is complete."""
        return self.cache / f"{recipe.VERSION}-{recipe.fingerprint()}"

    @property
    def work(self) -> Path:
        """An unfinished build, from which the next one goes on."""
        return self.built.with_name(f"{self.built.name}.work")

    @property
    def images(self) -> Path:
        """The node's image store; it outlives the cluster."""
        return self.home / "images"

    @property
    def node(self) -> Path:
        """What the node's processes write; new at each start of the node."""
        return self.home / "node"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.home / "pki"

    @property
    def kubeconfigs(self) -> Path:
        """One for each component."""
        return self.home / "kubeconfigs"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.kubeconfigs / "admin.yaml"

    @property
    def api_url(self) -> str:
        """Of the API server."""
        return f"https://{self.network.node_ip}:{API_PORT}"

    @property
    def name(self) -> str:
        """Of the interface on our side, and of the control groups."""
        return short_name(self.home)

    def program(self, name: str) -> str:
        """One of Kubernetes' own programs."""
        return str(self.built / "bin" / name)

    def packaged(self, name: str) -> Path:
        """A file of Debian's packages: unpacked, or where the machine has it installed."""
        unpacked = self.built / "root" / name
        return unpacked if unpacked.exists() else Path("/") / name
