from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from standins.snowflake.testing import SnowflakeStandin, standins_python


@pytest.fixture(scope="session")
def standin() -> Iterator[SnowflakeStandin]:
    try:
        standins_python()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with SnowflakeStandin(arguments=("--idle-transaction-seconds", "1")) as running:
        connection = running.connect()
        connection.cursor().execute("CREATE DATABASE TESTS")
        connection.close()
        yield running


@pytest.fixture
def connection(standin: SnowflakeStandin, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A connection with a schema of its own as the current one."""
    opened = standin.connect(database="TESTS")
    schema = f"S{abs(hash(request.node.nodeid)) % 10**12}"
    opened.cursor().execute(f"CREATE SCHEMA {schema}")
    yield opened
    opened.close()
