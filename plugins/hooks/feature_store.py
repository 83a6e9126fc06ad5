"""The feature store, by an Airflow connection: the registry of its views, Redis, and where rows are staged."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow as pa
from airflow.sdk import BaseHook
from redis import Redis
from redis.exceptions import RedisError

from drivetrain.errors import FatalError
from drivetrain.features.entity_key_values import key_values
from drivetrain.features.entity_keys import head_of
from drivetrain.features.prune_sql import online_schema
from drivetrain.features.redis_layout import time_field
from drivetrain.features.registry import load_registry, read_registry
from drivetrain.features.timestamps import stored_time
from drivetrain.state.feature_loads import PostgresFeatureLoads
from drivetrain.state.feature_views import PostgresFeatureViews
from drivetrain.state.features import PostgresFeatureRuns
from hooks.file_stores import GcsBucket
from hooks.online_writer import BATCH, OnlineWriter, mapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drivetrain.features.online_rows import OnlineRows
    from drivetrain.features.registry import RegisteredView, Registry
    from drivetrain.features.view import View
    from hooks.state import StateHook

_TIMEOUT_SECONDS = 30.0
_SCANNED = 5_000  # keys at a time: some ms of Redis' one thread
_KNOWN = ("expire_seconds", "gcp_conn_id", "project", "registry", "ssl", "ssl_ca", "staging")


@dataclass(frozen=True)
class FeatureStoreSettings:
    """What the connection's extra says.

    Attributes:
        registry: what `feast apply` wrote: a path, or gs://<bucket>/<name>.
        project: Feast's.
        staging: BigQuery's project.dataset for tables of some days.
        gcp_conn_id: for the registry in a bucket, and for BigQuery.
        expire_seconds: after how long Redis forgets an entity that nobody writes any more; None: never.
        ssl: whether Redis is spoken to by TLS.
        ssl_ca: certificates that Redis' is checked against, as PEM; "": those of the system.
    """

    registry: str
    project: str
    staging: str
    gcp_conn_id: str = "google_cloud_default"
    expire_seconds: int | None = None
    ssl: bool = False
    ssl_ca: str = ""


class FeatureStoreHook(BaseHook):
    """A feature store.

    Args:
        feature_store_conn_id: a connection of type redis; its extra has FeatureStoreSettings.
    """

    conn_name_attr = "feature_store_conn_id"
    default_conn_name = "feature_store_default"

    def __init__(self, feature_store_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.feature_store_conn_id = feature_store_conn_id

    @cached_property
    def settings(self) -> FeatureStoreSettings:
        """The connection's extra.

        Raises:
            FatalError: something in it is missing, or unknown.
        """
        extra = self.get_connection(self.feature_store_conn_id).extra_dejson
        where = f"connection {self.feature_store_conn_id}: extra"
        if unknown := sorted(set(extra) - set(_KNOWN)):
            raise FatalError(f"{where}: unknown key {', '.join(unknown)}; known: {', '.join(_KNOWN)}")
        if missing := sorted({"project", "registry", "staging"} - set(extra)):
            raise FatalError(f"{where}: {', '.join(missing)} is missing: docs/FEATURES.md says what belongs there")
        return FeatureStoreSettings(**extra)

    @cached_property
    def registry(self) -> Registry:
        """What is defined.

        Raises:
            RegistryError: there is no registry, or nothing of the project in it.
        """
        settings = self.settings
        parts = urlsplit(settings.registry)
        if parts.scheme == "gs":
            folder, _, file = parts.path.strip("/").rpartition("/")
            data = GcsBucket(parts.netloc, folder, gcp_conn_id=settings.gcp_conn_id).read(file)
            return read_registry(data, settings.project, where=settings.registry)
        return load_registry(Path(settings.registry), settings.project)

    def view(self, name: str) -> RegisteredView:
        """A view that is to be online.

        Raises:
            RegistryError: there is no registry, no such view in it, or the view is not to be online.
        """
        return self.registry.online_view(name)

    @contextmanager
    def writer(self) -> Iterator[OnlineWriter]:
        """What writes into Redis."""
        with self._redis() as client:
            yield OnlineWriter(client, key_ttl_seconds=self.settings.expire_seconds)

    def stored(self, rows: OnlineRows) -> Sequence[Sequence[bytes | None]]:
        """What Redis has of entities, in the order of OnlineRows.fields, shape (n, fields).

        Raises:
            UnavailableError: Redis can't be reached.
        """
        found: list[Sequence[bytes | None]] = []
        keys = rows.keys.to_pylist()
        try:
            with self._redis() as client:
                for start in range(0, len(keys), BATCH):
                    with client.pipeline(transaction=False) as pipe:
                        for key in keys[start : start + BATCH]:
                            pipe.hmget(key, rows.fields)
                        found += pipe.execute()
        except RedisError as error:
            raise mapped(error) from error
        return found

    def entities(self, view: View) -> Iterator[pa.Table]:
        """All entities that Redis has a view's features of, some thousands at a time, see prune_sql.online_schema.

        One that is written meanwhile may be there or not, and one may be there twice:
        https://redis.io/docs/latest/commands/scan/#scan-guarantees .

        Raises:
            UnavailableError: Redis can't be reached.
        """
        match = _literally(head_of(sorted(view.join_keys))) + b"*" + _literally(view.project.encode())
        field, cursor = time_field(view.name), None
        try:
            with self._redis() as client:
                while cursor != 0:
                    cursor, keys = client.scan(cursor or 0, match=match, count=_SCANNED, _type="hash")
                    with client.pipeline(transaction=False) as pipe:
                        for key in keys:
                            pipe.hget(key, field)
                        times = pipe.execute()
                    there = [(key, stored_time(at)) for key, at in zip(keys, times, strict=True) if at is not None]
                    if there:
                        yield _entities(view, *map(list, zip(*there, strict=True)))
        except RedisError as error:
            raise mapped(error) from error

    def _redis(self) -> Redis:
        connection, settings = self.get_connection(self.feature_store_conn_id), self.settings
        return Redis(
            host=connection.host or "127.0.0.1",
            port=connection.port or 6379,
            db=int(connection.schema or 0),
            username=connection.login or None,
            password=connection.password or None,
            ssl=settings.ssl,
            **({"ssl_ca_data": settings.ssl_ca} if settings.ssl_ca else {}),
            protocol=2,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
        )

    def runs(self, view: str, state: StateHook) -> PostgresFeatureRuns:
        """What is known of a view's runs."""
        return PostgresFeatureRuns(state.engine, self.settings.project, view)

    def loads(self, view: str, state: StateHook) -> PostgresFeatureLoads:
        """What is known of a view's loads."""
        return PostgresFeatureLoads(state.engine, self.settings.project, view)

    def views(self, state: StateHook) -> PostgresFeatureViews:
        """Which views are known."""
        return PostgresFeatureViews(state.engine, self.settings.project)

    def staging_table(self, view: str, digest: str) -> str:
        """The table of one run's rows.

        Args:
            view: its name.
            digest: of the run's id, of letters and digits.
        """
        return f"{self.settings.staging}.{view}__{digest}"


def _entities(view: View, keys: list[bytes], times: list[int]) -> pa.Table:
    places, columns = key_values(keys, view.join_keys, view.project)
    found = [*columns.values(), pa.array(keys, pa.binary()).take(places), pa.array(times, pa.int64()).take(places)]
    schema = online_schema(view)
    return pa.table([column.cast(field.type) for column, field in zip(found, schema, strict=True)], schema=schema)


def _literally(text: bytes) -> bytes:
    """As a part of a pattern: https://redis.io/docs/latest/commands/keys/."""
    return re.sub(rb"([*?\[\]\\^-])", rb"\\\1", text)
