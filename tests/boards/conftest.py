from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import get_user
from fastapi import FastAPI
from fastapi.testclient import TestClient

from boards.app import create_app
from boards.plugin import PREFIX
from boards.state import state
from drivetrain.state.migrate import migrate
from hooks.state import StateHook
from tests.support.postgres import database_url, empty_tables, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
    from sqlalchemy.engine import Engine

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class User:
    """Rights as Airflow's roles give them: team or DAG -> "read", "run" (which reads too), "edit" (which does all)."""

    name: str = "asha"
    rights: dict[str, set[str]] = field(default_factory=dict)

    def get_id(self) -> str:
        return self.name

    def get_name(self) -> str:
        return self.name


class Manager:
    """An auth manager that knows rights by DAG."""

    def is_authorized_dag(
        self,
        *,
        method: str,
        user: User,
        access_entity: DagAccessEntity | None = None,
        details: DagDetails | None = None,
    ) -> bool:
        assert details is not None
        name = str(details.id)
        rights = user.rights.get(name.removeprefix("sheets_sync_"), user.rights.get(name, set()))
        if access_entity is not None:
            return (method, access_entity.value) == ("POST", "RUN") and "run" in rights
        return {"GET": "read", "PUT": "edit"}[method] in rights


EVERYTHING = {"read", "run", "edit"}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running_postgres(tmp_path_factory.mktemp("state")) as connection:
        engine = sa.create_engine(database_url(connection))
        migrate(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def engine(server: Engine) -> Iterator[Engine]:
    yield server
    with server.begin() as connection:
        empty_tables(connection)


class Board:
    """The boards, mounted as Airflow mounts them, for one user at a time."""

    def __init__(self, engine: Engine) -> None:
        self.state = StateHook()
        self.state.__dict__["engine"] = engine
        self.user: User | None = User(rights={"retail": EVERYTHING, "growth": EVERYTHING})
        self.boards = create_app()
        self.boards.dependency_overrides[state] = lambda: self.state
        self.boards.dependency_overrides[get_auth_manager] = Manager
        airflow = FastAPI()
        airflow.mount(PREFIX, self.boards)
        self.client = TestClient(airflow, base_url="http://airflow.example", follow_redirects=False)

    def _as_user(self) -> None:
        if self.user is None:
            self.boards.dependency_overrides.pop(get_user, None)
        else:
            self.boards.dependency_overrides[get_user] = lambda: self.user

    def get(self, path: str, **options: Any) -> Any:
        self._as_user()
        return self.client.get(f"{PREFIX}{path}", **options)

    def post(self, path: str, data: dict[str, str] | None = None, headers: dict[str, str] = SAME_ORIGIN) -> Any:
        self._as_user()
        return self.client.post(f"{PREFIX}{path}", data=data, headers=headers)


@pytest.fixture
def board(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setenv("AIRFLOW_CONN_GOOGLE_SHEETS_DEFAULT", '{"conn_type": "googlesheets"}')
    return Board(engine)
