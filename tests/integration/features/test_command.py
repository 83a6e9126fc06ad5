"""`drivetrain features`: files of rows into a real Redis, whatever is in them and however often."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from redis import Redis
from typer.testing import CliRunner

from commands import features
from drivetrain.errors import FatalError
from drivetrain.features import materialize
from hooks.online_writer import OnlineWriter
from tests.support.registries import RegistryFile
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """One view of two features."""
    file = RegistryFile()
    features = {"price": "DOUBLE", "city": "STRING"}
    ttl = dt.timedelta(days=2)
    file.view("cars", {"car": "INT64"}, features, ttl=ttl, table="marketplace.features.cars")
    file.view("odd", {}, {}, timestamp="")
    file.view("offline", {"car": "INT64"}, features, online=False)
    path = tmp_path / "registry.db"
    path.write_bytes(file.content())
    return path


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    with Valkey(tmp_path) as valkey, Redis(port=valkey.port, protocol=2, socket_timeout=20) as client:
        yield client


def rows(path: Path, count: int, *, minutes: int = 0, **columns: Any) -> Path:
    at = [NOON + dt.timedelta(minutes=minutes)] * count
    table = {
        "car": pa.array(range(count), pa.int64()),
        "price": pa.array([1.5] * count),
        "city": pa.array(["Pune"] * count),
        "at": pa.array(at, pa.timestamp("us", "UTC")),
    }
    pq.write_table(pa.table(table | columns), path, row_group_size=70)
    return path


def run(registry: Path, *arguments: object, redis: Redis | None = None) -> Result:
    port = redis.connection_pool.connection_kwargs["port"] if redis else 1
    store = ("--store", f"redis://127.0.0.1:{port}/0") if "write" in arguments else ()
    command = [*map(str, arguments), "--registry", str(registry), *store]
    return CliRunner().invoke(features.app, command, catch_exceptions=False)


def contents(redis: Redis) -> dict[bytes, dict[bytes, bytes]]:
    return {key: redis.hgetall(key) for key in redis.keys("*")}


def test_views_are_listed_and_one_that_can_t_be_used_says_why(registry: Path) -> None:
    told = run(registry, "views")
    assert "cars     car        2         2 days  marketplace.features.cars" in told.output
    assert "feature view odd: its source has no timestamp_field" in told.output
    one = json.loads(run(registry, "views", "--json").stdout)["cars"]
    assert (one["features"], one["ttl_seconds"]) == ({"price": "DOUBLE", "city": "STRING"}, 172_800.0)


def test_files_are_written_and_what_is_older_or_has_no_entity_is_told(
    registry: Path, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(materialize, "PART", 60)
    new = rows(tmp_path / "new.parquet", 200, minutes=5)
    assert "200 rows: 200 written, 0 older" in run(registry, "write", "cars", new, redis=redis).output
    cars = [None if number in (3, 150) else number for number in range(300)]
    old = rows(tmp_path / "old.parquet", 300, car=pa.array(cars, pa.int64()))
    told = run(registry, "write", "cars", old, new, redis=redis).output
    assert "500 rows: 300 written, 198 older" in told
    assert "2 rejected: car: is missing (rows 3, 150, counted from 0)" in told
    assert redis.dbsize() == 300


def test_a_dry_run_counts_and_writes_nothing(registry: Path, redis: Redis, tmp_path: Path) -> None:
    file = rows(tmp_path / "cars.parquet", 10)
    told = json.loads(run(registry, "write", "cars", file, "--dry-run", "--json", redis=redis).stdout)
    assert (told["read"], told["written"], told["dry_run"]) == (10, 10, True)
    assert redis.dbsize() == 0


@pytest.mark.parametrize("dies_at", range(5))
def test_a_run_that_dies_and_is_run_again_leaves_what_one_run_leaves(
    registry: Path, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    monkeypatch.setattr(materialize, "PART", 50)
    file = rows(tmp_path / "cars.parquet", 230)
    run(registry, "write", "cars", file, redis=redis)
    whole = contents(redis)
    redis.flushall()
    calls, write = 0, OnlineWriter.write

    def dying(self: OnlineWriter, part: Any) -> Any:
        nonlocal calls
        calls += 1
        done = write(self, part)
        if calls > dies_at:
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as patch:
        patch.setattr(OnlineWriter, "write", dying)
        assert run(registry, "write", "cars", file, redis=redis).exit_code == 130
    assert 0 < redis.dbsize() <= 230
    run(registry, "write", "cars", file, redis=redis)
    assert contents(redis) == whole


def test_what_can_t_be_written_is_refused_with_what_to_do(registry: Path, redis: Redis, tmp_path: Path) -> None:
    file = rows(tmp_path / "cars.parquet", 10)
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(file.read_bytes()[:-40])
    short = tmp_path / "short.parquet"
    pq.write_table(pq.read_table(file).drop(["city"]), short)
    texts = rows(tmp_path / "texts.parquet", 10, price=pa.array(["dear"] * 10))
    for arguments, says in (
        (("write", "cars", torn), "torn.parquet: is no Parquet file"),
        (("write", "cars", short), "short.parquet: has no column city, which feature view cars asks for"),
        (("write", "cars", texts), "column price: is string, which does not fit DOUBLE"),
        (("write", "trucks", file), "feature view trucks: there is none; there are cars, offline"),
        (("write", "offline", file), "feature view offline: is defined with online=False"),
        (("write", "odd", file), "feature view odd: its source has no timestamp_field"),
        (("views", "--project", "lending"), "has no feature view of project lending; it has those of marketplace"),
    ):
        with pytest.raises(FatalError, match=says):
            run(registry, *arguments, redis=redis)
    assert redis.dbsize() == 0
    with pytest.raises(FatalError, match=r"nowhere.db: No such file or directory: `feast apply` writes it"):
        run(tmp_path / "nowhere.db", "views")
    with pytest.raises(Exception, match=r"--store ftp://: Redis URL must"):
        CliRunner().invoke(
            features.app,
            ["write", "cars", str(file), "--registry", str(registry), "--store", "ftp://"],
            catch_exceptions=False,
        )
