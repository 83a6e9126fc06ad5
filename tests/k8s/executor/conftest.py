"""Airflow's database, and executors on the cluster of the tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from standins.kubernetes.cluster import Cluster
from tests.k8s.conftest import has_token
from tests.support.airflow_history import running_airflow_database
from tests.support.executor_process import ExecutorProcess
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from kubernetes import client

# Hours are minutes here, and minutes seconds.
IMPATIENT = {
    "AIRFLOW__DRIVETRAIN_PODS__LOOK_SECONDS": "1",
    "AIRFLOW__DRIVETRAIN_PODS__TOLD_WITHIN_SECONDS": "4",
    "AIRFLOW__DRIVETRAIN_PODS__STARTS_WITHIN_SECONDS": "25",
}


class NewExecutor(Protocol):
    """Starts one in a namespace of its own, or in the one that is given."""

    def __call__(self, namespace: str | None = None, **given: Any) -> ExecutorProcess: ...


@pytest.fixture(scope="session")
def airflow_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """A server with Airflow's own tables."""
    with running_airflow_database(tmp_path_factory.mktemp("airflow")) as connection:
        yield connection


@pytest.fixture(scope="session")
def new_executor(
    cluster: Cluster,
    kubeconfig: Path,
    core: client.CoreV1Api,
    airflow_database: dict[str, object],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[NewExecutor]:
    """Makes executors; all of them end with the session."""
    with ExitStack() as stack:

        def new(namespace: str | None = None, **given: Any) -> ExecutorProcess:
            space = namespace or f"pods-{uuid.uuid4().hex[:8]}"
            if namespace is None:
                core.create_namespace({"metadata": {"name": space}})
                stack.callback(core.delete_namespace, space, grace_period_seconds=0)
                eventually("its service account", lambda: has_token(core, space))
            made = ExecutorProcess(
                airflow_database,
                tmp_path_factory.mktemp("executor"),
                kubeconfig=kubeconfig,
                namespace=space,
                address=cluster.layout.network.machine_ip,
                **{"settings": IMPATIENT, **given},
            )
            return stack.enter_context(made)

        yield new


@pytest.fixture(scope="session")
def executor(new_executor: NewExecutor) -> ExecutorProcess:
    """Ours, with the deployed settings but for its patience."""
    return new_executor()


@pytest.fixture
def names() -> list[str]:
    """Names of runs that no other test has."""
    base = uuid.uuid4().hex[:8]
    return [f"{base}-{number}" for number in range(12)]
