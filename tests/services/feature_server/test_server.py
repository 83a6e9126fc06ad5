"""The feature server over HTTP: what it answers, what it refuses, and what it does when Redis is away."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import gc
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import psutil
import pyarrow as pa
import pytest
from redis import Redis

from services.feature_server.app import make
from services.feature_server.settings import Settings
from tests.services.feature_server.conftest import CARS, KEYS, NOW, Running, clients_file, registry_bytes, write
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.valkey import Valkey

pytestmark = pytest.mark.slow
STAMP = NOW.isoformat().replace("+00:00", "Z")
OLD = NOW - dt.timedelta(hours=3)


def times(*at: dt.datetime) -> pa.Array:
    return pa.array(at, pa.timestamp("us", "UTC"))


@pytest.fixture(scope="module", autouse=True)
def rows(redis: Redis) -> None:
    """Car 1 is whole, car 2 has nulls, car 3 is beyond its age."""
    write(
        redis,
        "cars",
        car=[1, 2, 3],
        price=[7.5, None, 9.0],
        views=[2**60, 0, 1],
        city=["Pune", "", "Goa"],
        tags=[["a", "b"], None, []],
        raw=[b"\x00\xff", None, b"x"],
        sold=[True, False, None],
        at=times(NOW, NOW, OLD),
    )
    write(redis, "demand", car=[1, 3], leads=[4, 5], price=[1.0, 2.0], at=times(NOW, OLD))
    write(redis, "dealers", dealer=["d1"], branch=pa.array([2], pa.int32()), rating=[4.5], at=times(NOW))


def told(server: Running, **body: object) -> dict[str, list[tuple[object, str]]]:
    """Values with their statuses, by name."""
    response = server.ask(**body)
    assert response.status_code == 200, response.text
    answer = response.json()
    return {
        name: list(zip(one["values"], one["statuses"], strict=True))
        for name, one in zip(answer["metadata"]["feature_names"], answer["results"], strict=True)
    }


def test_features_come_in_the_order_of_the_request_each_with_what_it_is(server: Running) -> None:
    features = [f"cars:{name}" for name in ("sold", "price", "views", "city", "tags", "raw")]
    found = told(server, features=features, entities={"car": [1, 2, 3, 9]})
    assert list(found) == ["car", "sold", "price", "views", "city", "tags", "raw"]
    gone = [(None, "OUTSIDE_MAX_AGE"), (None, "NOT_FOUND")]
    assert found == {
        "car": [(1, "PRESENT"), (2, "PRESENT"), (3, "PRESENT"), (9, "PRESENT")],
        "sold": [(True, "PRESENT"), (False, "PRESENT"), *gone],
        "price": [(7.5, "PRESENT"), (None, "NULL_VALUE"), *gone],
        "views": [(2**60, "PRESENT"), (0, "PRESENT"), *gone],
        "city": [("Pune", "PRESENT"), ("", "PRESENT"), *gone],
        "tags": [(["a", "b"], "PRESENT"), (None, "NULL_VALUE"), *gone],
        "raw": [(base64.b64encode(b"\x00\xff").decode(), "PRESENT"), (None, "NULL_VALUE"), *gone],
    }


def test_each_view_has_its_own_event_time_and_its_own_age(server: Running) -> None:
    answer = server.ask(features=["cars:city", "demand:leads"], entities={"car": [1, 2, 3]}).json()
    old = OLD.isoformat().replace("+00:00", "Z")
    assert [one["event_timestamps"] for one in answer["results"][1:]] == [
        [STAMP, STAMP, old],
        [STAMP, "1970-01-01T00:00:00Z", old],
    ]
    assert answer["results"][2]["values"] == [4, None, 5], "demand has no age limit"


def test_a_service_reads_views_of_several_entities_and_an_entity_may_come_often(server: Running) -> None:
    entities = {"car": [1, 1, 2], "dealer": ["d1", "d1", "nobody"], "branch": [2, 3, 2]}
    found = told(server, feature_service="page", entities=entities, full_feature_names=True)
    assert list(found) == ["car", "branch", "dealer", "cars__price", "cars__city", "demand__leads", "dealers__rating"]
    assert found["cars__price"] == [(7.5, "PRESENT"), (7.5, "PRESENT"), (None, "NULL_VALUE")]
    assert found["dealers__rating"] == [(4.5, "PRESENT"), (None, "NOT_FOUND"), (None, "NOT_FOUND")]


def test_most_features_of_a_car_are_read_at_once_and_mean_what_they_mean_one_by_one(
    server: Running, valkey: Valkey
) -> None:
    features = [f"{view}:{name}" for view, names in (("cars", CARS), ("demand", ["leads"])) for name in names]
    client = valkey.client()
    entities = {"car": [3, 1, 9, 2, 1]}
    client.config_resetstat()
    together = told(server, features=features, entities=entities)
    assert client.info("commandstats")["cmdstat_hgetall"]["calls"] == 4
    client.config_resetstat()
    assert together == {
        name: found for one in features for name, found in told(server, features=[one], entities=entities).items()
    }
    assert "cmdstat_hgetall" not in client.info("commandstats")


def test_requests_at_the_same_time_each_get_their_own_cars(server: Running, redis: Redis) -> None:
    cars = range(1_000, 1_200)
    write(redis, "demand", car=cars, leads=[car * 7 for car in cars], price=[0.5] * 200, at=times(*[NOW] * 200))

    def leads(car: int) -> object:
        entities = {"car": [car, 1, *range(1_000, 1_000 + car % 40)]}  # answers of different sizes
        return told(server, features=["demand:leads"], entities=entities)["leads"][:2]

    with ThreadPoolExecutor(16) as pool:
        for car, found in zip(cars, pool.map(leads, cars), strict=True):
            assert found == [(car * 7, "PRESENT"), (4, "PRESENT")]


CAR = {"car": [1]}


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"features": ["trucks:price"], "entities": CAR}, 404, "feature view trucks: there is none; there are cars, "),
        ({"features": ["cars:nope"], "entities": CAR}, 404, "feature cars:nope: the view has none of that name"),
        ({"feature_service": "nope", "entities": CAR}, 404, "feature_service nope: there is none; there are page"),
        ({"features": ["price"], "entities": CAR}, 422, "features: 'price' is not view:feature"),
        ({"entities": CAR}, 422, "features, feature_service: give one of them"),
        ({"features": ["cars:city"], "feature_service": "page", "entities": CAR}, 422, "give one of them"),
        ({"features": ["cars:price", "demand:price"], "entities": CAR}, 422, "more than one is called price"),
        ({"features": ["cars:city"], "entities": {}}, 422, "entities: car is missing"),
        ({"features": ["cars:city"], "entities": {"car": [1], "x": [1]}}, 422, "entities: x is no join key"),
        ({"features": ["cars:city"], "entities": {"car": []}}, 422, "entities: 0; a request is for 1 to 1000"),
        ({"features": ["cars:city"], "entities": {"car": [1] * 1_001}}, 422, "entities: 1001; a request is for 1 to"),
        ({"features": ["cars:city"], "entities": {"car": [1, "x"]}}, 422, "entities: car: 'x' is no INT64"),
        ({"features": ["cars:city"], "entities": {"car": [True]}}, 422, "entities: car: True is no INT64"),
        ({"features": ["cars:city"], "entities": {"car": [1.0]}}, 422, "entities: car: 1.0 is no INT64"),
        ({"features": ["cars:city"], "entities": {"car": [2**63]}}, 422, "is no INT64"),
        ({"features": ["cars:city"], "entities": {"car": [None]}}, 422, "entities: car: None is no INT64"),
        (
            {"features": ["dealers:rating"], "entities": {"dealer": ["d1", "d2"], "branch": [1]}},
            422,
            "lists of different lengths: dealer 2, branch 1",
        ),
        ({"features": ["cars:city"], "entities": CAR, "other": 1}, 422, "Extra inputs are not permitted"),
        ({"features": "cars:city", "entities": CAR}, 422, '"loc":["body","features"]'),
    ],
)
def test_a_request_that_can_t_be_answered_says_why(
    server: Running, body: dict[str, object], status: int, says: str
) -> None:
    response = server.ask(**body)
    assert (response.status_code, says in response.text) == (status, True), response.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"\xff", b'{"features": ["cars:city"], "entities": {"car": [NaN]}}']
)
def test_a_body_that_is_no_request_is_422_and_says_so(server: Running, body: bytes) -> None:
    response = server.client.post("/get-online-features", content=body)
    assert (response.status_code, response.json()["detail"] != []) == (422, True)


def test_other_methods_and_other_paths_are_told_apart(server: Running) -> None:
    assert server.client.get("/get-online-features").status_code == 405
    assert server.client.post("/get-online-features/").status_code in (307, 404)
    assert server.client.post("/nowhere").status_code == 404


@pytest.mark.parametrize("is_length_said", [True, False])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Running, is_length_said: bool) -> None:
    part, parts = b" " * 100_000, 50

    def body() -> Iterator[bytes]:
        for _ in range(parts):
            yield part

    content = part * parts if is_length_said else body()
    response = server.client.post("/get-online-features", content=content)
    assert (response.status_code, "larger than 4000000 bytes" in response.text) == (413, True)
    assert told(server, features=["cars:city"], entities=CAR)["city"] == [("Pune", "PRESENT")]


def test_a_registry_that_changes_is_read_again_and_one_that_is_broken_leaves_what_was(server: Running) -> None:
    good = server.registry.read_bytes()
    before = server.registry.stat().st_mtime_ns
    server.registry.write_bytes(b"\xff" * 50)
    eventually("the log's line", lambda: "is none of Feast's" in server.log.read_text())
    assert told(server, features=["cars:city"], entities=CAR)["city"] == [("Pune", "PRESENT")]
    message = registry_bytes()
    server.registry.write_bytes(message.replace(b"\n\x04city", b"\n\x04town"))
    eventually("the new view", lambda: server.ask(features=["cars:town"], entities=CAR).status_code == 200)
    assert server.ask(features=["cars:city"], entities=CAR).status_code == 404
    server.registry.write_bytes(good)
    os.utime(server.registry, ns=(before + 10**9, before + 10**9))
    eventually("the old view", lambda: server.ask(features=["cars:city"], entities=CAR).status_code == 200)


def test_requests_are_counted_with_what_they_took(server: Running) -> None:
    server.ask(features=["cars:city"], entities=CAR)
    text = server.client.get("/metrics").text
    assert 'drivetrain_features_requests_total{client="anybody",status="200"}' in text
    assert 'drivetrain_features_request_seconds_bucket{le="0.01",status="200"}' in text
    assert server.client.get("/openapi.json").json()["paths"]["/get-online-features"]["post"]["responses"].keys() >= {
        *("200", "401", "403", "404", "422", "429", "503")
    }


def test_keys_say_who_may_read_what_and_how_often(folder: Path, valkey: Valkey) -> None:
    with Running(folder, valkey, CLIENTS=str(clients_file(folder))) as server:
        one = {"features": ["cars:city"], "entities": CAR}
        both = {"features": ["cars:city", "demand:leads"], "entities": CAR}
        service = {"feature_service": "page", "entities": {**CAR, "dealer": ["d1"], "branch": [1]}}
        assert server.ask(**one).status_code == 401
        assert server.ask(key="guess", **one).status_code == 401
        assert server.ask(key=KEYS["cars"], **one).status_code == 200
        refused = server.ask(key=KEYS["cars"], **both)
        assert (refused.status_code, refused.json()["detail"]) == (403, "feature view demand: this key may not read it")
        assert server.ask(key=KEYS["cars"], **service).status_code == 403
        assert server.ask(key=KEYS["all"], **service).status_code == 200
        assert server.ask(key=KEYS["slow"], **one).status_code == 200
        often = server.ask(key=KEYS["slow"], **one)
        assert (often.status_code, int(often.headers["Retry-After"]) > 50) == (429, True)
        text = server.client.get("/metrics").text
        assert 'requests_total{client="pricing",status="403"} 2.0' in text
        assert "key-of" not in text + server.log.read_text()


def test_a_redis_that_goes_away_is_503_at_once_and_its_return_needs_no_restart(
    folder: Path, valkey: Valkey, redis: Redis
) -> None:
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="0.5") as server:
        one = {"features": ["cars:city"], "entities": CAR}
        assert server.client.get("/ready").status_code == 200
        valkey.kill()
        response = server.ask(**one)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert response.elapsed < dt.timedelta(seconds=2)
        assert server.client.get("/ready").status_code == 503
        assert server.client.get("/health").status_code == 200
        valkey.start()
        eventually("readiness", lambda: server.client.get("/ready").status_code == 200)
        # It came back empty: nothing is there, which is an answer and no error.
        assert told(server, **one)["city"] == [(None, "NOT_FOUND")]


def test_a_redis_that_is_killed_under_load_gives_nobody_anothers_values(folder: Path, valkey: Valkey) -> None:
    cars, done, right = range(2_000, 2_100), threading.Event(), list[int]()
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="0.5") as server, ThreadPoolExecutor(8) as pool:

        def fill() -> None:
            with Redis(port=valkey.port, protocol=2) as client:
                leads = [car * 7 for car in cars]
                write(client, "demand", car=cars, leads=leads, price=[0.5] * 100, at=times(*[NOW] * 100))

        def ask(first: int) -> set[int]:
            statuses = set()
            with httpx.Client(base_url=server.client.base_url, timeout=20, trust_env=False) as client:
                while not done.is_set():
                    for car in cars[first::8]:
                        body = {"features": ["demand:leads"], "entities": {"car": [car]}}
                        response = client.post("/get-online-features", json=body)
                        value = response.json()["results"][1]["values"][0] if response.is_success else None
                        assert value in (None, car * 7), (car, value)
                        statuses.add(response.status_code)
                        right.extend([car] if value is not None else [])
            return statuses

        fill()
        asking = [pool.submit(ask, first) for first in range(8)]
        try:
            for number in range(3):
                eventually("values", lambda wanted=50 * (number + 1): len(right) > wanted)
                valkey.kill()
                eventually("503", lambda: server.client.get("/ready").status_code == 503)
                valkey.start()
                fill()
                eventually("readiness", lambda: server.client.get("/ready").status_code == 200)
        finally:
            done.set()
        assert set.union(*(each.result(timeout=30) for each in asking)) == {200, 503}


def test_a_server_without_a_registry_or_with_wrong_clients_does_not_start(folder: Path, valkey: Valkey) -> None:
    clients = folder / "wrong.yaml"
    clients.write_text("clients: {pricing: {key_sha256: abc, views: [cars]}}")
    for settings, says in (
        ({"REGISTRY": str(folder / "nowhere.db")}, "nowhere.db: No such file or directory: `feast apply` writes it"),
        ({"CLIENTS": str(clients)}, "clients.pricing.key_sha256: String should match pattern"),
        ({"PROJECT": "lending"}, "has no feature view of project lending"),
        ({"MOST_ENTITIES": "many"}, "error: DRIVETRAIN_FEATURES_MOST_ENTITIES: Input should be a valid integer"),
    ):
        server = Running(folder, valkey, **settings)
        assert server.process.wait(timeout=60) != 0
        assert says in server.log.read_text()


def test_redis_password_may_be_a_file(folder: Path, valkey: Valkey, redis: Redis) -> None:
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "drivetrain_features_redis_password").write_text("hunter2\n")
    redis.config_set("requirepass", "hunter2")
    try:
        with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5", SECRETS=str(secrets)) as server:
            assert server.client.get("/ready").status_code == 200
        with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5") as server:
            assert server.client.get("/ready").status_code == 503
    finally:
        redis.config_set("requirepass", "")


def test_a_server_that_is_told_to_end_answers_what_it_has_begun(folder: Path, valkey: Valkey) -> None:
    def is_asking(process: int) -> bool:
        return any(one.raddr and one.raddr.port == valkey.port for one in psutil.Process(process).net_connections())

    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="20") as server, ThreadPoolExecutor(1) as pool:
        with valkey.standing_still():
            begun = pool.submit(server.ask, features=["cars:city"], entities=CAR)
            eventually("it asks Redis", lambda: is_asking(server.process.pid))
            server.process.terminate()
            eventually("it takes no others", lambda: not _takes_connections(server))
            assert not begun.done()
        assert begun.result(timeout=20).status_code == 200
        assert server.process.wait(timeout=20) in (0, -signal.SIGTERM)


def _takes_connections(server: Running) -> bool:
    with httpx.Client(base_url=server.client.base_url, timeout=20, trust_env=False) as another:
        try:
            return another.get("/health").status_code == 200
        except httpx.ConnectError:
            return False


def test_a_server_that_has_started_leaves_its_modules_out_of_looking_for_garbage(folder: Path, valkey: Valkey) -> None:
    registry = folder / "registry.db"
    registry.write_bytes(registry_bytes())
    settings = Settings(registry=registry, project="marketplace", redis_url=f"redis://127.0.0.1:{valkey.port}/0")
    app = make(settings)

    async def starts() -> int:
        async with app.router.lifespan_context(app):
            return gc.get_freeze_count()

    try:
        assert asyncio.run(starts()) > 10_000
    finally:
        gc.unfreeze()
