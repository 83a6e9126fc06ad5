from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from drivetrain.state.migrate import migrate
from tests.support.postgres import database_url, empty_tables, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A Postgres server with our tables."""
    with running_postgres(tmp_path_factory.mktemp("state")) as connection:
        engine = sa.create_engine(database_url(connection))
        migrate(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def engine(server: Engine) -> Iterator[Engine]:
    """The same with empty tables."""
    yield server
    with server.begin() as connection:
        empty_tables(connection)
