"""The node: namespaces that one process holds, and the cable that joins them to this machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from standins.kubernetes import cgroups
from standins.kubernetes.enter import first_process, set_namespace
from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.layout import Layout
from standins.kubernetes.network import VARIABLE
from standins.kubernetes.overlay import mount_command
from standins.kubernetes.programs import output_of
from standins.supervisor.spawn import ROOT
from standins.supervisor.state import Record, StateDirectory
from standins.supervisor.units import Action, Probe, Service

UNIT = "node"
PATH = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
# The node's own, empty at its start; what the machine has there is not seen.
OWN_FOLDERS = ("/run", "/var/lib", "/var/log")
# kubelet and dockerd set these for the whole machine. They get files instead, which hold what the machine has.
MACHINE_WIDE = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
SYSCTLS = Path("/proc/sys")
ETCD_MIB = 512
COMMAND_TIMEOUT_SECONDS = 120.0


class Node:
    """What the rest of this package needs to know of a node.

    Args:
        layout: its paths and addresses.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.state = StateDirectory(layout.home / "run")
        self._ready = layout.node / "ready"
        self._request = layout.node / "init.json"

    def unit(self, prepare: Callable[[], None]) -> Service:
        """The process that holds the namespaces.

        Args:
            prepare: called before each start, after the folders of the last one were removed.
        """

        def fresh() -> None:
            self.clear()
            self._prepare()
            prepare()

        return Service(
            name=UNIT,
            argv=(
                *(_program("unshare"), "--mount", "--net", "--pid", "--fork", "--kill-child"),
                *(sys.executable, "-S", "-m", "standins.kubernetes.init", str(self._request)),
            ),
            probe=lambda _: None if self._ready.exists() else "its mounts are not made yet",
            env={"PATH": PATH},
            unset=("*",),
            prepare=fresh,
            revision=json.dumps(self.commands()),
        )

    def service(
        self,
        name: str,
        command: Sequence[str],
        probe: Probe,
        depends_on: tuple[str, ...] = (),
        ready_timeout_seconds: float = 60.0,
        prepare: Callable[[], None] = lambda: None,
        revision: str = "",
    ) -> Service:
        """A process inside the node, as `Service` has it. `probe` is asked from inside the node's network."""

        def asked_inside(record: Record) -> str | None:
            try:
                with self.network():
                    return probe(record)
            except KubernetesError as error:
                return str(error)

        return Service(
            name=name,
            argv=self._entering(command),
            probe=asked_inside,
            env={"PATH": PATH},
            unset=("*",),
            depends_on=(UNIT, *depends_on),
            ready_timeout_seconds=ready_timeout_seconds,
            prepare=prepare,
            revision=revision,
        )

    def cable(self) -> Action:
        """Joins the node's network to this machine's: a pair of interfaces, and one route to pods and services."""
        return Action("cable", self._connect, depends_on=(UNIT,))

    def run(self, *command: str, stdin: int | None = None, timeout_seconds: float = COMMAND_TIMEOUT_SECONDS) -> str:
        """Run a program inside the node; returns what it printed.

        Args:
            command: program and arguments.
            stdin: a descriptor to read from.
            timeout_seconds: after this long it is killed.

        Raises:
            KubernetesError: it ended with another code than 0, or not in time; the message has its last line.
        """
        return _call(self._entering(command), stdin=stdin, timeout_seconds=timeout_seconds)

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """The calling thread, and no other, is in the node's network meanwhile.

        Raises:
            KubernetesError: the node does not run.
        """
        pid = self._pid()
        with contextlib.ExitStack() as stack:
            own = stack.enter_context(_opened("/proc/thread-self/ns/net"))
            theirs = stack.enter_context(_opened(f"/proc/{pid}/ns/net"))
            set_namespace(theirs)
            try:
                yield
            finally:
                set_namespace(own)

    def clear(self) -> None:
        """Remove what an earlier node left: files, control groups and the cable. The node must not run."""
        cgroups.remove(self.layout.name)
        # The kernel takes it away with the node's network, but in its own time.
        if interface(self.layout.name).exists():
            subprocess.run(["ip", "link", "delete", self.layout.name], capture_output=True, check=False)
        for folder in (self.layout.node, self.layout.pki, self.layout.kubeconfigs):
            shutil.rmtree(folder, ignore_errors=True)

    def _prepare(self) -> None:
        cgroups.create(self.layout.name)
        for folder in OWN_FOLDERS:
            self._own(folder).mkdir(parents=True)
        (self._own("/var/lib") / "etcd").mkdir()
        (self.layout.node / "cgroup").mkdir()
        self.layout.images.mkdir(parents=True, exist_ok=True)
        (self._own("/var/lib") / "docker").mkdir()
        # Nobody outside is asked for a name: the node has no way out anyway.
        (self.layout.node / "resolv.conf").touch()
        for name in self._sysctls():
            file = self._sysctl(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text((SYSCTLS / name).read_text())
        self._request.write_text(json.dumps({"commands": self.commands(), "ready": str(self._ready)}, indent=1))

    def commands(self) -> list[list[str]]:
        """What makes the namespaces a node, in order."""
        control_groups = str(self.layout.node / "cgroup")
        sysctls = [["mount", "--bind", str(self._sysctl(name)), str(SYSCTLS / name)] for name in self._sysctls()]
        return [
            mount_command(self.layout.built / "root"),
            ["mount", "-t", "proc", "proc", "/proc"],
            # /sys shows the interfaces of the network namespace that it was mounted from.
            ["mount", "--rbind", "/sys/fs/cgroup", control_groups],
            ["mount", "-t", "sysfs", "sysfs", "/sys"],
            ["mount", "--rbind", control_groups, "/sys/fs/cgroup"],
            ["umount", "--lazy", control_groups],
            *sysctls,
            *(["mount", "--bind", str(self._own(folder)), folder] for folder in OWN_FOLDERS),
            ["mount", "--bind", str(self.layout.images), "/var/lib/docker"],
            # In memory: a disk that is slow to sync makes etcd, and with it everything, slow.
            ["mount", "-t", "tmpfs", "-o", f"size={ETCD_MIB}m,mode=0700", "etcd", "/var/lib/etcd"],
            # kubelet hands mounts on to containers.
            ["mount", "--make-rshared", "/"],
            ["ip", "link", "set", "lo", "up"],
            # Before dockerd does: it would also refuse to forward whatever is not its own.
            ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
        ]

    def _connect(self) -> str:
        ours, theirs, network = self.layout.name, "cable0", self.layout.network
        pid = self._pid()
        exists = interface(ours).exists()
        if not exists:
            _require_free(network.machine_ip)
            _call(["ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", str(pid)])
        self.run("ip", "address", "replace", f"{network.node_ip}/24", "dev", theirs)
        self.run("ip", "link", "set", theirs, "up")
        # A service's address is rewritten on its way out, and this is the way.
        self.run("ip", "route", "replace", network.services, "dev", theirs)
        _call(["ip", "address", "replace", f"{network.machine_ip}/24", "dev", ours])
        _call(["ip", "link", "set", ours, "up"])
        for block in (network.pods, network.services):
            _call(["ip", "route", "replace", block, "via", network.node_ip, "dev", ours])
        return "runs" if exists else "done"

    def _pid(self) -> int:
        """Of the node's first process, as this machine counts."""
        record = self.state.read(UNIT)
        pid = first_process(record) if record else None
        if pid is None:
            raise KubernetesError("The node does not run: `make k8s-up` starts it.")
        return pid

    def _entering(self, command: Sequence[str]) -> tuple[str, ...]:
        return (sys.executable, "-S", "-m", "standins.kubernetes.enter", str(self.state.path), UNIT, *command)

    def _own(self, folder: str) -> Path:
        return self.layout.node / folder.lstrip("/").replace("/", "-")

    def _sysctl(self, name: str) -> Path:
        return self.layout.node / "sysctl" / name

    @staticmethod
    def _sysctls() -> list[str]:
        return [name for name in MACHINE_WIDE if (SYSCTLS / name).exists()]


def interface(name: str) -> Path:
    """Exists while the interface does."""
    return Path("/sys/class/net") / name


def _require_free(address: str) -> None:
    """Refuse addresses that this machine reaches in another way than by its default route."""
    asked = subprocess.run(["ip", "-json", "route", "get", address], capture_output=True, text=True, check=False)
    routes = json.loads(asked.stdout) if asked.returncode == 0 else []
    if any("gateway" not in route for route in routes):
        raise KubernetesError(
            f"{address} is taken by {routes[0].get('dev')}: set {VARIABLE} to a private /22 that is free."
        )


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise KubernetesError(f"{name} is not on the path: install Debian's package for it.")
    return found


def _call(command: Sequence[str], *, stdin: int | None = None, timeout_seconds: float = COMMAND_TIMEOUT_SECONDS) -> str:
    # Neither a proxy nor a Docker context of the caller's shell counts in the node.
    environment = {"PATH": PATH, "HOME": "/nonexistent"}
    return output_of(command, cwd=ROOT, env=environment, stdin=stdin, timeout_seconds=timeout_seconds)
