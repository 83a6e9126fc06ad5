from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from standins.snowflake.testing import SnowflakeStandin, standins_python
from standins.warehouse.draw import Market
from standins.warehouse.load import load

MARKET = Market(seed=7, scale=0.1, as_of=datetime.date(2026, 11, 24))


@pytest.fixture(scope="session")
def standin() -> Iterator[SnowflakeStandin]:
    try:
        standins_python()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with SnowflakeStandin() as running:
        connection = running.connect()
        load(connection, MARKET)
        connection.close()
        yield running


@pytest.fixture
def connection(standin: SnowflakeStandin) -> Iterator[Any]:
    opened = standin.connect()
    yield opened
    opened.close()
