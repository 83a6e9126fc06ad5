from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One server for tests that leave it running."""
    with Valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def valkey(shared_valkey: Valkey) -> Valkey:
    """A running server without any key."""
    with shared_valkey.client() as client:
        client.flushall()
    return shared_valkey
