"""A real executor of Airflow in a process of its own, on a real cluster."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from standins.kubernetes.images import BUSYBOX
from tests.support.airflow_history import airflow_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

ROOT = Path(__file__).parents[2]
OURS = "hooks.pod_executor.PodExecutor"
STOCK = "airflow.providers.cncf.kubernetes.executors.kubernetes_executor.KubernetesExecutor"
# Ours as they are deployed.
_SECTIONS = ("AIRFLOW__DRIVETRAIN_PODS__", "AIRFLOW__KUBERNETES_EXECUTOR__", "AIRFLOW__SCHEDULER__TASK_QUEUED")
# Whoever the pod's task is stands in its last argument. It reports as a task does, and in between does its work.
_SCRIPT = r"""
ti=$(echo "$*" | sed -n 's/.*"ti": *{"id": *"\([0-9a-f-]*\)".*/\1/p')
# Not wget: linked statically, it ends where it looks for the port of http.
tell() {
  printf 'GET /%s/%s HTTP/1.0\r\n\r\n' "$1" "$ti" | nc -w 20 "${REPORTS%:*}" "${REPORTS#*:}" | grep -q ' 204 '
}
tell running || exit 3
sh -c "$WORK"
code=$?
tries=0
while [ $code = 0 ] && ! tell success; do  # whoever took the first report may be on its way back
  tries=$((tries + 1)); [ $tries -lt 60 ] || exit 4
  sleep 1
done
exit $code
"""


def deployed_environment() -> dict[str, str]:
    """Everything that k8s/base/airflow.env sets."""
    lines = (ROOT / "k8s" / "base" / "airflow.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def deployed_settings() -> dict[str, str]:
    """Those of them that are the executor's."""
    return {name: value for name, value in deployed_environment().items() if name.startswith(_SECTIONS)}


def shell_template() -> dict[str, Any]:
    """A pod of a small shell in the place of a task's process; Airflow's arguments are its own."""
    container = {
        "name": "base",
        "image": BUSYBOX,
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", _SCRIPT, "task"],
        "resources": {"limits": {"memory": "32Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "airflow-task"},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534},
            "containers": [container],
        },
    }


class ExecutorProcess:
    """The executor; a context.

    Args:
        database: Airflow's, as a connection's fields.
        home: for its files.
        kubeconfig: the cluster.
        namespace: where pods are made.
        address: of this machine, as pods reach it.
        kind: the executor's class.
        job: the scheduler's number.
        port: where its tasks report; 0: any.
        settings: what differs from the deployed settings; those of another class begin with none.
    """

    def __init__(
        self,
        database: dict[str, object],
        home: Path,
        *,
        kubeconfig: Path,
        namespace: str,
        address: str,
        kind: str = OURS,
        job: int = 1,
        port: int = 0,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        template = home / "pod-template.yaml"
        template.write_text(yaml.safe_dump(shell_template()), encoding="utf-8")
        repository, tag = BUSYBOX.split(":")
        own = {
            "AIRFLOW__KUBERNETES_EXECUTOR__IN_CLUSTER": "False",
            "AIRFLOW__KUBERNETES_EXECUTOR__CONFIG_FILE": str(kubeconfig),
            "AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE": namespace,
            "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE": str(template),
            "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_REPOSITORY": repository,
            "AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_TAG": tag,
            "AIRFLOW__API_AUTH__JWT_SECRET": "0" * 64,
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "AIRFLOW__CORE__PARALLELISM": "64",
        }
        base = airflow_settings(database, home)
        # The proxy of a company's network knows nothing of this cluster.
        base = {name: value for name, value in base.items() if not name.lower().endswith("_proxy")}
        deployed = deployed_settings() if kind == OURS else {}
        self._env = {**base, **deployed, **own, **(settings or {})}
        self.kind, self.job, self.namespace = kind, job, namespace
        self.port, self._address = port, address
        self.log = home / "executor.log"

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.support.executor_driver", self._address, str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._answer()
        self.port = int(self.ask("start", kind=self.kind, job=self.job)["port"])
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.stdin.close()  # type: ignore[union-attr]
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=40)
        self.kill()

    def kill(self) -> None:
        """As a scheduler whose pod is killed: its watch goes with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def ask(self, what: str, **given: Any) -> dict[str, Any]:
        """See tests.support.executor_driver.Driver's methods.

        Raises:
            RuntimeError: it failed there.
        """
        self._process.stdin.write(json.dumps({"do": what, **given}) + "\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        return self._answer()

    def run(self, names: Sequence[str], seconds: float = 60) -> dict[str, Any]:
        """Until these have ended; everything that is known then."""
        return self.ask("run", names=list(names), seconds=seconds)

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            tail = os.linesep.join(self.log.read_text(errors="replace").splitlines()[-25:])
            raise RuntimeError(f"the executor's process ended:\n{tail}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{answer['error']} ({self.log})")
        return answer
