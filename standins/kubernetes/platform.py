"""The platform on the cluster of the tests: image, secrets, bundle, manifests, and a wait that says what is wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from standins.feast import apply_definitions
from standins.kubernetes import platform_vendors as vendors
from standins.kubernetes.cluster import Cluster
from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.git_server import PORT as GIT_PORT
from standins.kubernetes.git_server import REPOSITORY
from standins.kubernetes.kubectl import Kubectl
from standins.kubernetes.platform_image import AIRFLOW, PlatformImages
from standins.kubernetes.platform_secrets import NAMESPACE, PlatformSecrets
from standins.kubernetes.platform_troubles import troubles
from standins.kubernetes.programs import output_of
from standins.platform import bundle
from standins.platform.layout import REPOSITORY as SOURCES
from standins.platform.layout import Layout as BundleLayout
from standins.platform.revisions import hash_of, roles_of
from standins.platform.secrets import ADMIN
from standins.ports import Ports
from standins.supervisor.supervisor import Report, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from standins.kubernetes.layers import Image
    from standins.kubernetes.layout import Layout

OVERLAY = SOURCES / "k8s" / "overlays" / "test"
PARTS = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
MIGRATION = "airflow-migrate"
REVISION = "drivetrain.local/revision"
LOGS = "/var/lib/drivetrain-logs"
LOGS_VOLUME = "drivetrain-airflow-logs"
READY_TIMEOUT_SECONDS = 600.0  # on a busy machine; a pod without hope is told of at once
PUSH_TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 2.0  # each look is a process of kubectl
# What a container waits for that no waiting helps.
HOPELESS = {"CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "InvalidImageName"}
RESTARTS = 4

Object = dict[str, Any]


@dataclass(frozen=True)
class Deployed:
    """A platform that runs.

    Attributes:
        url: of Airflow, from this machine.
        user: the administrator.
        password: the administrator's.
        version: commit of the DAG bundle.
    """

    url: str
    user: str
    password: str
    version: str


class Platform:
    """One platform on one cluster.

    Args:
        layout: the cluster's.
        report: told of each step with its seconds.
    """

    def __init__(self, layout: Layout, report: Report = silent) -> None:
        self.layout = layout
        self.report = report
        self.cluster = Cluster(layout, report)
        # Beside the node's own files, which go with the node: as the databases that these secrets are of.
        self.home = layout.node / "platform"
        self.bundle = BundleLayout(home=self.home, ports=Ports())

    @property
    def secrets(self) -> PlatformSecrets:
        """Made at the first look."""
        return PlatformSecrets.of(self.home)

    def deploy(self) -> Deployed:
        """Bring it to what the working tree says; what is so already is left alone.

        Raises:
            SupervisorError: the first step that failed. What runs is left as it is, to be looked at.
        """
        images = PlatformImages(self.layout, self.report)
        made = images.make()
        self.cluster.up()
        images.load(self.cluster.node, made)
        kubectl = Kubectl(self.layout)
        objects = self._objects(kubectl, made)
        self._step("secrets", lambda: kubectl.apply([self._namespace(objects), *self.secrets.manifests()]))
        self._step("registry", lambda: self._registry(kubectl))
        self._step("stores", lambda: self._stores(kubectl, objects))
        version = self._step("bundle", lambda: self.push("Publish the working tree"))
        self._step("vendors", lambda: self._vendors(kubectl))
        self._step("migration", lambda: self._migrate(kubectl, objects))
        self._step("airflow", lambda: self._airflow(kubectl, objects))
        images.forget_others(self.cluster.node, made)
        return self.deployed(version)

    def deployed(self, version: str = "") -> Deployed:
        """How to reach it.

        Raises:
            KubernetesError: it was never deployed.
        """
        url = f"http://{self._address(Kubectl(self.layout), 'airflow-api-server')}:8080"
        return Deployed(url, ADMIN, self.secrets.airflow.admin_password, version)

    def push(self, message: str, changes: dict[str, str | None] | None = None) -> str:
        """Publish dags/ and include/ of the working tree; see bundle.publish. Returns the commit."""
        version = bundle.publish(self.bundle, message, changes)
        url = f"http://{self._address(Kubectl(self.layout), 'git')}:{GIT_PORT}/{REPOSITORY}"
        token = base64.b64encode(f"drivetrain:{self.secrets.git_token}".encode()).decode()
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = {
            **inherited,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            # In the environment: a command line can be read by everyone.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {token}",
            "GIT_TERMINAL_PROMPT": "0",
        }
        command = ["git", "--git-dir", str(self.bundle.bundle_repository), "push", "--quiet", "--force", url, "main"]
        output_of(command, env=environment, timeout_seconds=PUSH_TIMEOUT_SECONDS, what=f"git push to {url}")
        return version

    def remove(self) -> None:
        """Take it away; the cluster and its images stay."""
        kubectl = Kubectl(self.layout)
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait", timeout_seconds=180.0)
        kubectl("delete", "persistentvolume", LOGS_VOLUME, "--ignore-not-found")
        self.cluster.node.run("/bin/rm", "-rf", LOGS)

    def _objects(self, kubectl: Kubectl, images: Iterable[Image]) -> list[Object]:
        """The overlay, with each image named by its content: so a changed one is rolled out."""
        text = kubectl.render(OVERLAY)
        for image in images:
            text = text.replace(image.name, image.pinned)
            if image.name == AIRFLOW:
                text = text.replace("WORKER_CONTAINER_TAG: test", f"WORKER_CONTAINER_TAG: {image.tag}")
        return [one for one in yaml.safe_load_all(text) if one]

    @staticmethod
    def _namespace(objects: Iterable[Object]) -> Object:
        return next(one for one in objects if one["kind"] == "Namespace")

    def _registry(self, kubectl: Kubectl) -> None:
        """What feature_repo/ defines, for the feature server."""
        file = self.home / "registry.db"
        apply_definitions(file)
        content = base64.b64encode(file.read_bytes()).decode()
        metadata = {"name": "feature-registry", "namespace": NAMESPACE}
        binary = {"registry.db": content}
        kubectl.apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": binary}])

    def _stores(self, kubectl: Kubectl, objects: Iterable[Object]) -> None:
        self.cluster.node.run("/bin/mkdir", "-p", "-m", "0775", LOGS)
        kubectl.apply([one for one in objects if not _is_a_part(one) and one["kind"] != "Job"])
        self._await(kubectl, "statefulset", "postgres")
        for name in ("git", "sheets", "snowflake", "redis", "feature-server"):
            self._await(kubectl, "deployment", name)

    def _vendors(self, kubectl: Kubectl) -> str:
        return vendors.fill(self._address(kubectl, "snowflake"), self._address(kubectl, "sheets"))

    def _migrate(self, kubectl: Kubectl, objects: Iterable[Object]) -> str:
        setup = self.secrets.setup(vendors.connections(kubectl))
        job = next(one for one in objects if one["kind"] == "Job")
        include = SOURCES / "include"
        content = [job, setup, roles_of(include), hash_of(include.glob("sql/cleanup/*.sql"))]
        revision = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
        job["metadata"]["annotations"] = {REVISION: revision}
        found = {one["metadata"]["name"]: one for one in kubectl.items("jobs", NAMESPACE)}.get(MIGRATION)
        if found and found["metadata"].get("annotations", {}).get(REVISION) == revision and _has(found, "Complete"):
            return "done before"
        # A Job can't be changed.
        kubectl("delete", "job", MIGRATION, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
        kubectl.apply([setup, job])
        self._await(kubectl, "job", MIGRATION)
        return "done"

    def _airflow(self, kubectl: Kubectl, objects: Iterable[Object]) -> None:
        kubectl.apply([one for one in objects if _is_a_part(one)])
        for name in PARTS:
            self._await(kubectl, "deployment", name)

    def _await(self, kubectl: Kubectl, kind: str, name: str) -> None:
        """Until it is ready, or has no hope of it.

        Raises:
            KubernetesError: with what its pods say.
        """
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while True:
            [one] = kubectl.items(kind, NAMESPACE, f"--field-selector=metadata.name={name}")
            if _has(one, "Complete") if kind == "job" else _ready(one):
                return
            selector = one["spec"]["selector"]["matchLabels"]
            told = troubles(kubectl, selector, hopeless=HOPELESS, restarts=RESTARTS)
            if told or _has(one, "Failed") or time.monotonic() > deadline:
                why = told or troubles(kubectl, selector) or ["its pods say nothing"]
                raise KubernetesError(f"{kind} {name} does not get ready: " + "\n  ".join(["", *why]))
            time.sleep(POLL_SECONDS)

    @staticmethod
    def _address(kubectl: Kubectl, service: str) -> str:
        found = kubectl.items("services", NAMESPACE, f"--field-selector=metadata.name={service}")
        if not found:
            raise KubernetesError(f"There is no service {service}: run `python -m standins.kubernetes deploy` first.")
        return str(found[0]["spec"]["clusterIP"])

    def _step(self, name: str, run: Callable[[], Any]) -> Any:
        began = time.monotonic()
        found = run()
        outcome = found[:12] if isinstance(found, str) and "\n" not in found else "done"
        self.report(name, outcome, time.monotonic() - began)
        return found


def _is_a_part(one: Object) -> bool:
    return one["kind"] == "Deployment" and one["metadata"]["name"] in PARTS


def _ready(one: Object) -> bool:
    """Whether all pods are of its newest version and ready, and none of another is left."""
    status, wanted = one.get("status", {}), one["spec"].get("replicas", 1)
    return (
        status.get("observedGeneration") == one["metadata"]["generation"]
        and status.get("updatedReplicas") == wanted == status.get("replicas")
        and status.get("readyReplicas") == wanted
    )


def _has(one: Object, condition: str) -> bool:
    conditions = one.get("status", {}).get("conditions", [])
    return any(told["type"] == condition and told["status"] == "True" for told in conditions)
