"""Which tests share a process when several run at a time (`-n 2`)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest

# The Triton SDK's tests run where it is installed alone: `make test-sdk`.
collect_ignore = ["sdk"] if find_spec("airflow") else []

# Their tests share one running thing, so they stay together. The longest first: it would end last.
TOGETHER = [
    "tests/e2e",
    "tests/standins/platform",
    "tests/integration/jobs",
    "tests/integration/quota",
    "tests/integration/cleanup",
    "tests/dags",
    "tests/boards",
    "tests/docker",
    "tests/k8s",
]


def group_of(nodeid: str) -> str:
    """The folder of TOGETHER that the test is in, else its file: what a file's fixtures make is made once."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]  # xdist is not typed
    """Hands out whole groups. (xdist's own loadgroup marks node ids in a way that pytest 9.2 does not keep.)"""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    config.option.loadscopereorder = False  # by our order, not by the number of tests
    return ByGroup(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {folder: number for number, folder in enumerate(TOGETHER)}
    items.sort(key=lambda item: rank.get(group_of(item.nodeid), len(TOGETHER)))
