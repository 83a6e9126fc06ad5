"""kubectl of this machine on the cluster, as the administrator."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.programs import output_of

if TYPE_CHECKING:
    from standins.kubernetes.layout import Layout

# `labels` with `includeTemplates`, and components.
KUSTOMIZE = 5
TIMEOUT_SECONDS = 120.0


def program() -> str:
    """Its path.

    Raises:
        KubernetesError: there is none, or it is too old to render our manifests.
    """
    found = shutil.which("kubectl")
    if not found:
        raise KubernetesError("kubectl is not on the path: it renders k8s/, install 1.27 or later.")
    said = json.loads(subprocess.check_output([found, "version", "--client", "--output=json"], text=True))
    version = str(said.get("kustomizeVersion", "v0"))
    if int(version.lstrip("v").partition(".")[0]) < KUSTOMIZE:
        raise KubernetesError(f"{found} has Kustomize {version}: install kubectl 1.27 or later, which has 5.")
    return found


class Kubectl:
    """Calls it.

    Args:
        layout: whose cluster.
    """

    def __init__(self, layout: Layout) -> None:
        self._program = program()
        # Nothing of the caller's shell counts, such as a proxy that knows nothing of the cluster.
        self._environment = {"KUBECONFIG": str(layout.kubeconfig), "HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}

    def render(self, folder: Path) -> str:
        """What `kubectl apply --kustomize` would apply."""
        return self("kustomize", str(folder))

    def apply(self, objects: list[dict[str, Any]]) -> str:
        """Make these so; says what was changed."""
        return self("apply", "--filename=-", text=yaml.safe_dump_all(objects))

    def items(self, kind: str, namespace: str, *options: str) -> list[dict[str, Any]]:
        """Objects of a kind."""
        said = self("get", kind, "--namespace", namespace, "--output=json", *options)
        found: list[dict[str, Any]] = json.loads(said)["items"]
        return found

    def __call__(self, *arguments: str, text: str | None = None, timeout_seconds: float = TIMEOUT_SECONDS) -> str:
        """Run a command; returns what it printed.

        Raises:
            KubernetesError: it failed, or did not end in time; the message has its last line.
        """
        return output_of(
            [self._program, *arguments],
            env=self._environment,
            text=text,
            timeout_seconds=timeout_seconds,
            what=f"kubectl {' '.join(arguments[:2])}",
        )
