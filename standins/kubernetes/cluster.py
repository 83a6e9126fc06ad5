"""A whole cluster: up, down, and what of it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from standins.kubernetes import certificates, cgroups, components, docker, needs
from standins.kubernetes.api import Api
from standins.kubernetes.build import require_built
from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.images import small_images
from standins.kubernetes.kubeconfig import kubeconfig
from standins.kubernetes.layout import NODE_NAME, Layout
from standins.kubernetes.node import Node, interface
from standins.platform.secrets import write_private
from standins.supervisor.status import Part, status
from standins.supervisor.stop import Stopped, stop
from standins.supervisor.supervisor import Report, Supervisor, silent
from standins.supervisor.units import Action, Unit

# Everyone who calls the API with a file; the API server's own pair is for its other side.
CALLERS = ("admin", "controller-manager", "scheduler", "proxy", "kubelet")
READY_TIMEOUT_SECONDS = 90.0
GONE_TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.1


class Cluster:
    """One cluster under one home.

    Args:
        layout: its paths and addresses.
        report: told of each part with its seconds.
    """

    def __init__(self, layout: Layout, report: Report = silent) -> None:
        self.layout = layout
        self.node = Node(layout)
        self.supervisor = Supervisor(layout.home, report)

    def units(self) -> list[Unit]:
        """All of it, in the order of a reader."""
        node = self.node
        return [
            node.unit(self._prepare),
            node.cable(),
            docker.daemon(node),
            docker.forget_containers(node),
            small_images(node),
            *components.components(node),
            Action("node-ready", self._await_node, depends_on=("kubelet", "scheduler", "proxy")),
            Action("service-account", self._await_service_account, depends_on=("controller-manager",)),
        ]

    def up(self) -> list[str]:
        """Bring it up; what runs already and answers is left alone. Returns the names of what was started now.

        Raises:
            NotPossibleError: this machine can't.
            NotBuiltError: its programs are not in the cache.
            SupervisorError: the first part that failed. What this call had started is stopped again.
        """
        needs.require()
        require_built(self.layout)
        self.layout.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return self.supervisor.up(self.units())
        except BaseException:
            if not self.runs:
                self.node.clear()
            raise

    def down(self) -> list[Stopped]:
        """Stop it and remove what it left; safe to repeat, also after a crash. Images stay for the next time.

        Raises:
            KubernetesError: something is left that the kernel does not let go of.
        """
        if not self.layout.home.is_dir():
            return []
        stopped = self.supervisor.down()
        if self.runs:
            return stopped  # by a pid that can't be stopped, which is for the caller to say
        self.node.clear()
        if left := self.leftovers():
            raise KubernetesError(f"Left behind: {', '.join(left)}.")
        return stopped

    def restart(self, name: str) -> None:
        """Stop one part and start it again: for tests of what others do meanwhile.

        Raises:
            KubernetesError: nothing of that name runs.
            SupervisorError: it did not come back.
        """
        record = self.supervisor.state.read(name)
        if record is None:
            known = ", ".join(sorted(one.name for one in self.supervisor.state.all()))
            raise KubernetesError(f"{name}: does not run, so it can't be restarted; what runs: {known or 'nothing'}.")
        stop(record, self.supervisor.state)
        self.supervisor.up(self.units())

    def leftovers(self) -> list[str]:
        """What of a stopped cluster is still there: control groups and the interface, which go with a delay."""
        deadline = time.monotonic() + GONE_TIMEOUT_SECONDS
        while True:
            left = [str(group) for group in cgroups.groups(self.layout.name) if group.exists()]
            if (cable := interface(self.layout.name)).exists():
                left.append(str(cable))
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(POLL_SECONDS)

    def status(self) -> list[Part]:
        """Each process and how it is."""
        return status(self.units(), self.supervisor.state)

    @property
    def runs(self) -> bool:
        """Whether any of it does."""
        return any(record.alive for record in self.supervisor.state.all())

    def _prepare(self) -> None:
        """Keys of a new cluster, and who has which."""
        layout = self.layout
        pairs = certificates.write_all(layout.pki, layout.network, datetime.now(UTC))
        for name in CALLERS:
            text = kubeconfig(layout.api_url, pairs["ca"].certificate, pairs[name])
            write_private(layout.kubeconfigs / f"{name}.yaml", text)

    def _await_node(self) -> str:
        def ready(api: Api) -> bool:
            node = api.get(f"/api/v1/nodes/{NODE_NAME}") or {}
            conditions = node.get("status", {}).get("conditions", [])
            return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

        return self._await("node Ready", ready)

    def _await_service_account(self) -> str:
        def made(api: Api) -> bool:
            account = api.get("/api/v1/namespaces/default/serviceaccounts/default") or {}
            # Without its token no pod of the account can be made.
            return bool(account.get("secrets"))

        return self._await("default service account", made)

    def _await(self, what: str, check: Callable[[Api], bool]) -> str:
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        with Api(self.layout) as api:
            while not check(api):
                if time.monotonic() > deadline:
                    raise KubernetesError(
                        f"{what}: not within {READY_TIMEOUT_SECONDS:.0f} s (logs: {self.layout.home / 'logs'})."
                    )
                time.sleep(POLL_SECONDS)
        return "done"
