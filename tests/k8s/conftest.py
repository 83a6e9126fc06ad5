"""One cluster for all tests of this folder: the one that runs, else one that is started and stopped here.

DRIVETRAIN_TEST_KUBECONFIG: use that cluster instead, and leave it as it is but for namespaces of the tests' own.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubernetes import client
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import load_kube_config

from standins.kubernetes import needs
from standins.kubernetes.cluster import Cluster
from standins.kubernetes.layout import Layout
from standins.supervisor.errors import SupervisorError
from tests.support.waiting import eventually


@pytest.fixture(scope="session")
def built() -> Layout:
    """Paths of a cluster whose programs are built; skips where there are none."""
    try:
        layout = Layout.from_env()
    except SupervisorError as error:
        pytest.skip(str(error))
    if found := needs.missing():
        pytest.skip(f"Kubernetes can't run here. Missing: {'; '.join(found)}")
    if not layout.built.is_dir():
        pytest.skip("Kubernetes is not built: run `make k8s-up`")
    return layout


@pytest.fixture(scope="session")
def cluster(built: Layout) -> Iterator[Cluster]:
    """The cluster of `make k8s-up`. One that did not run before does not run afterwards."""
    one = Cluster(built)
    started = one.up()
    yield one
    if started:
        one.down()


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest) -> Path:
    """How to call the API as the administrator."""
    if named := os.environ.get("DRIVETRAIN_TEST_KUBECONFIG"):
        return Path(named)
    found: Path = request.getfixturevalue("cluster").layout.kubeconfig
    return found


Connect = Callable[..., ApiClient]


@pytest.fixture(scope="session")
def connect(kubeconfig: Path) -> Iterator[Connect]:
    """Makes official clients: the administrator's, or that of a bearer token; an empty one shows nothing at all."""
    made: list[ApiClient] = []

    def new(token: str | None = None) -> ApiClient:
        configuration = Configuration()
        load_kube_config(str(kubeconfig), client_configuration=configuration)
        configuration.proxy = None  # that of the environment, which knows nothing of our network
        if token is not None:
            configuration.cert_file = configuration.key_file = None
            configuration.api_key = {"authorization": f"Bearer {token}"} if token else {}
        made.append(ApiClient(configuration))
        return made[-1]

    yield new
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def core(connect: Connect) -> client.CoreV1Api:
    """The administrator's."""
    return client.CoreV1Api(connect())


def has_token(core: client.CoreV1Api, namespace: str) -> bool:
    """Whether the default service account is complete: without its token no pod of it is accepted."""
    return any(one.secrets for one in core.list_namespaced_service_account(namespace).items)


@pytest.fixture
def namespace(core: client.CoreV1Api) -> Iterator[str]:
    """A namespace of the test's own, in which pods can be made."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    eventually("its service account", lambda: has_token(core, name))
    yield name
    core.delete_namespace(name, grace_period_seconds=0)
