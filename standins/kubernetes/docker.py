"""The container runtime of the node: Debian's dockerd, with a data folder, a socket and a bridge of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from standins.kubernetes.layout import Layout
from standins.kubernetes.node import Node
from standins.platform.secrets import write_private
from standins.supervisor.probes import call
from standins.supervisor.units import Action, Service

UNIT = "docker"
# Full paths: another client may come first on the path.
CLIENT = "/usr/bin/docker"
DAEMON = "/usr/sbin/dockerd"
SOCKET = "/run/docker.sock"
RUNTIME = "clamped"


def configuration(layout: Layout) -> dict[str, object]:
    """What daemon.json says: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file."""
    return {
        "hosts": [f"unix://{SOCKET}"],
        "data-root": "/var/lib/docker",
        "exec-root": "/run/docker",
        "pidfile": "/run/docker.pid",
        "bip": layout.network.pod_gateway,
        # A pod is seen by its own address, also from this machine, which has a route to it.
        "ip-masq": False,
        "userland-proxy": False,
        "storage-driver": "overlay2",
        "log-driver": "json-file",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "cgroup-parent": f"/{layout.name}",
        "default-runtime": RUNTIME,
        "runtimes": {RUNTIME: {"path": str(_wrapper(layout))}},
        "oom-score-adjust": 0,
        # The cluster ends with its containers, and none of them is asked.
        "shutdown-timeout": 1,
        "max-concurrent-downloads": 1,
    }


def daemon(node: Node) -> Service:
    """dockerd, which starts a containerd of its own."""
    layout = node.layout
    file = layout.node / "docker.json"
    content = json.dumps(configuration(layout), indent=1)

    def prepare() -> None:
        _wrapper(layout).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(__file__).with_name("runc"), _wrapper(layout))
        write_private(file, content)

    return node.service(
        UNIT,
        (DAEMON, "--config-file", str(file)),
        probe=call(lambda: docker(node, "version", "--format", "{{.Server.Version}}")),
        prepare=prepare,
        revision=content,
    )


def forget_containers(node: Node) -> Action:
    """Removes containers that an earlier cluster left in the store; kubelet would take them for its own."""
    done = node.layout.node / "containers-forgotten"

    def forget() -> str:
        if done.exists():
            return "done before"
        if left := docker(node, "ps", "--all", "--quiet").split():
            docker(node, "rm", "--force", "--volumes", *left)
        done.touch()
        return f"{len(left)} removed" if left else "done"

    return Action("containers", forget, depends_on=(UNIT,))


def docker(node: Node, *arguments: str, stdin: int | None = None, timeout_seconds: float = 60.0) -> str:
    """Call the client inside the node; returns what it printed.

    Raises:
        KubernetesError: it failed; the message has its last line.
    """
    return node.run(CLIENT, *arguments, stdin=stdin, timeout_seconds=timeout_seconds)


def _wrapper(layout: Layout) -> Path:
    return layout.node / "bin" / "runc"
