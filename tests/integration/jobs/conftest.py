from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from drivetrain.state.migrate import migrate
from standins.pubsub.emulator import emulator_program
from standins.pubsub.testing import PubSubEmulator
from tests.support.jobs import PROJECT, Harness, PostgresHarness, PubSubHarness
from tests.support.postgres import database_url, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A Postgres server with our tables; tests have kinds of their own in it."""
    with running_postgres(tmp_path_factory.mktemp("jobs")) as connection:
        engine = sa.create_engine(database_url(connection), pool_size=20)
        migrate(engine)
        yield engine
        engine.dispose()


@pytest.fixture(scope="session")
def emulator() -> Iterator[PubSubEmulator]:
    """Google's emulator, and Airflow's default connection to it."""
    connection = {"conn_type": "google_cloud_platform", "extra": {"project": PROJECT, "is_anonymous": True}}
    try:
        emulator_program()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with PubSubEmulator() as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBSUB_EMULATOR_HOST", running.host)
        patch.setenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", json.dumps(connection))
        yield running


@pytest.fixture
def kind() -> str:
    return f"test_{next(_numbers)}"


@pytest.fixture
def postgres(engine: Engine, kind: str) -> PostgresHarness:
    return PostgresHarness(engine, kind)


@pytest.fixture
def pubsub(emulator: PubSubEmulator, engine: Engine, kind: str) -> PubSubHarness:
    return PubSubHarness(engine, kind)


@pytest.fixture(params=["postgres", "pubsub"])
def harness(request: pytest.FixtureRequest) -> Harness:
    """Each adapter in turn."""
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]
