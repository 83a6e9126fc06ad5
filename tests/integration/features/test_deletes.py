"""What leaves Redis: entities that a row says are gone, those whose rows are gone, and those that are too old."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drivetrain.errors import RetriableError
from drivetrain.features.decode import decode
from drivetrain.features.redis_layout import feature_field, time_field
from drivetrain.features.training_spec import TrainingSetSpec
from drivetrain.state.feature_tables import feature_runs
from hooks.feature_store import FeatureStoreHook
from hooks.feature_warehouse import FeatureWarehouseHook
from hooks.online_writer import OnlineWriter
from hooks.state import StateHook
from operators.feature_prune import PruneFeaturesOperator
from operators.feature_training import BuildTrainingSetOperator
from tests.integration.features.conftest import CARS, LEADS, NOON, Store, cars_spec
from tests.support.operators import Context

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
LEADS_SPEC = cars_spec(view="leads", gates={"features": {"score": {"max_null_share": 0.4}}})


def add_lead(store: Store, lead: str, score: float | None, at: dt.datetime, *, is_gone: bool | None = None) -> None:
    values = f"'{lead}', TIMESTAMP '2026-11-01', 7, {'NULL' if score is None else score}, ['called']"
    gone = "NULL" if is_gone is None else str(is_gone)
    moment = f"TIMESTAMP '{at.isoformat()}'"
    store.bigquery.query(f"INSERT INTO {LEADS} VALUES ({values}, {moment}, {moment}, {gone})").result()


def lead(store: Store, name: str) -> dict[bytes, bytes]:
    """All that Redis has of one."""
    (key,) = [key for key in store.redis.keys("*") if name.encode() in key] or [None]
    return {} if key is None else store.redis.hgetall(key)


def score_of(store: Store, name: str) -> Any:
    return decode(lead(store, name)[feature_field("leads", "score")])


def cars_online(store: Store) -> set[int]:
    """Cars that Redis has a price of."""
    there = {
        key for key in store.redis.scan_iter(_type="hash") if store.redis.hexists(key, feature_field("cars", "price"))
    }
    return {car for car in range(1_000, 1_200) if any(car.to_bytes(8, "little") in key for key in there)}


def prune(run_id: str = "one", view: str = "cars", *, dry_run: bool = False, **asked: Any) -> dict[str, int]:
    spec = cars_spec(view=view, prune={"max_share": 0.5, **asked})
    return PruneFeaturesOperator(task_id=view, spec=spec).execute(Context(run_id, dry_run=dry_run))


def last_run() -> tuple[Any, ...]:
    """Of all in the state database."""
    with StateHook().engine.connect() as connection:
        columns = (feature_runs.c.kind, feature_runs.c.outcome, feature_runs.c.rows, feature_runs.c.written)
        return tuple(connection.execute(feature_runs.select().with_only_columns(*columns)).all()[-1])


def test_a_row_that_deletes_takes_the_features_away_and_older_rows_do_not_bring_them_back(store: Store) -> None:
    add_lead(store, "asha", 0.5, NOON - 3 * HOUR, is_gone=False)
    add_lead(store, "binu", 0.25, NOON - 3 * HOUR)
    store.run("one", LEADS_SPEC)
    assert (score_of(store, "asha"), score_of(store, "binu")) == (0.5, 0.25)
    store.now = NOON + HOUR
    add_lead(store, "asha", 0.75, NOON + HOUR / 2, is_gone=True)
    assert store.run("two", LEADS_SPEC)["finish"]["written"] == 1
    assert score_of(store, "asha") is None, "whatever else the row says"
    assert decode(lead(store, "asha")[feature_field("leads", "notes")]) in (None, []), "BigQuery has no null of a list"
    back = store.run("back", LEADS_SPEC, start=(NOON - DAY).isoformat(), end=NOON.isoformat())
    assert back["finish"] == {"written": 1, "stale": 1, "rejected": 0}
    assert (score_of(store, "asha"), score_of(store, "binu")) == (None, 0.25)
    store.now = NOON + 3 * HOUR
    add_lead(store, "asha", 1.5, NOON + 2 * HOUR)
    store.run("three", LEADS_SPEC)
    assert score_of(store, "asha") == 1.5, "it is there again"


def test_of_two_rows_of_one_time_the_one_that_deletes_counts(store: Store) -> None:
    for is_gone in (False, True, False):
        add_lead(store, "asha", 0.5, NOON - HOUR, is_gone=is_gone)
    store.run("one", LEADS_SPEC)
    assert score_of(store, "asha") is None


def test_a_gate_for_nulls_does_not_count_rows_that_delete(store: Store) -> None:
    for number in range(8):
        add_lead(store, f"lead {number}", 0.5, NOON - HOUR, is_gone=number < 6)
    assert store.stage(Context("one"), LEADS_SPEC)["rows"] == 8
    add_lead(store, "odd", None, NOON - HOUR)
    add_lead(store, "odder", None, NOON - HOUR)
    with pytest.raises(AirflowFailException, match=r"score: 2 of 4 rows have no value"):
        store.stage(Context("two"), LEADS_SPEC)


def test_a_training_set_has_no_features_of_an_entity_after_it_was_deleted(store: Store) -> None:
    add_lead(store, "asha", 0.5, NOON - 3 * HOUR)
    add_lead(store, "asha", 0.5, NOON - HOUR, is_gone=True)
    key = "'asha' lead, TIMESTAMP '2026-11-01' asked_on, 7 car"
    times = [f"TIMESTAMP '{(NOON - hours * HOUR).isoformat()}'" for hours in (4, 2, 0)]
    query = " UNION ALL ".join(f"SELECT {key}, {time} asked_at" for time in times)
    spec = {
        "training_set": "won",
        "description": "Who bought.",
        "team": "pricing",
        "owner": "a@drivetrain.example",
        "sql": "features/won.sql",
        "time": "asked_at",
        "service": "leads",
        "target": "marketplace.training.won",
    }
    BuildTrainingSetOperator(task_id="build", spec=TrainingSetSpec.model_validate(spec), sql=query).execute(Context())
    found = store.bigquery.query("SELECT score FROM marketplace.training.won ORDER BY asked_at").result()
    assert [row.score for row in found] == [None, 0.5, None]


@pytest.fixture
def served(store: Store) -> Store:
    """A hundred cars in Redis, of which BigQuery then loses ten; and a lead, which shares no key with them."""
    store.insert(*({"car": car, "price": float(car), "at": NOON - HOUR} for car in range(1_000, 1_100)))
    store.run("fill")
    add_lead(store, "asha", 0.5, NOON - HOUR)
    store.run("fill leads", LEADS_SPEC)
    store.redis.set("something else", "x")
    store.bigquery.query(f"DELETE FROM {CARS} WHERE car < 1010").result()
    return store


def test_entities_whose_rows_are_gone_leave_redis_and_all_others_stay(served: Store) -> None:
    before = served.everything()
    assert prune() == {"online": 100, "gone": 10, "removed": 10, "kept": 0}
    after = served.everything()
    assert cars_online(served) == set(range(1_010, 1_100))
    assert after == {key: before[key] for key in after}, "byte for byte"
    assert len(after) == len(before) - 10
    assert last_run() == ("prune", "written", 10, 10)
    assert served.staged_tables() == []
    assert prune("two") == {"online": 90, "gone": 0, "removed": 0, "kept": 0}


def test_what_a_hash_has_of_other_views_stays(served: Store) -> None:
    (key,) = (key for key in served.redis.keys("*") if (1_000).to_bytes(8, "little") in key)
    served.redis.hset(key, mapping={time_field("demand"): b"\x08\x01", feature_field("demand", "views"): b"x"})
    assert prune()["removed"] == 10
    assert served.redis.hgetall(key) == {time_field("demand"): b"\x08\x01", feature_field("demand", "views"): b"x"}


def test_keys_of_texts_times_and_numbers_find_their_rows(served: Store) -> None:
    assert prune("one", "leads") == {"online": 1, "gone": 0, "removed": 0, "kept": 0}
    served.bigquery.query(f"DELETE FROM {LEADS} WHERE TRUE").result()
    assert prune("two", "leads", max_share=1) == {"online": 1, "gone": 1, "removed": 1, "kept": 0}
    assert lead(served, "asha") == {}


def test_a_dry_run_counts_and_removes_nothing(served: Store) -> None:
    before = served.everything()
    assert prune(dry_run=True, max_share=0.01) == {"online": 100, "gone": 10, "removed": 0, "kept": 0}
    assert (served.everything(), served.staged_tables()) == (before, [])
    assert last_run()[0] == "news"


def test_a_source_that_lost_its_rows_removes_nothing(served: Store) -> None:
    served.bigquery.query(f"DELETE FROM {CARS} WHERE car < 1090").result()
    before = served.everything()
    with pytest.raises(AirflowFailException, match=r"90 of 100 entities in Redis are to be forgotten.*raise prune"):
        prune()
    assert served.everything() == before
    assert last_run() == ("prune", "refused", 90, None)
    (table,) = served.staged_tables()
    assert table.startswith("cars__gone_"), "those that were to go can be looked at"


def test_features_that_are_too_old_for_any_server_leave_redis(served: Store) -> None:
    served.insert({"car": 1_099, "at": NOON + 20 * DAY})
    served.now = NOON + 21 * DAY
    served.run("later")
    served.now = NOON + 40 * DAY  # ten more than the view's ttl
    assert prune("kept", after_ttl="11d")["gone"] == 10
    assert prune("gone", after_ttl="9d", max_share=1) == {"online": 90, "gone": 89, "removed": 89, "kept": 0}
    assert cars_online(served) == {1_099}


def test_an_entity_that_is_written_meanwhile_stays(served: Store) -> None:
    asked = FeatureWarehouseHook.rows

    def and_then_a_row_comes(self: FeatureWarehouseHook, table: str) -> int:
        served.insert({"car": 1_003, "price": 5.0, "at": NOON, "made_at": NOON})
        served.now = NOON + HOUR
        served.run("meanwhile")
        return asked(self, table)

    served.patch.setattr(FeatureWarehouseHook, "rows", and_then_a_row_comes)
    assert prune() == {"online": 100, "gone": 10, "removed": 9, "kept": 1}
    assert 1_003 in cars_online(served)


@pytest.mark.parametrize("dies_in", ["load", "rows", "batches", "write", "drop"])
def test_a_run_that_dies_anywhere_and_is_tried_again_removes_the_same(served: Store, dies_in: str) -> None:
    hook = OnlineWriter if dies_in == "write" else FeatureWarehouseHook
    does, calls = getattr(hook, dies_in), 0

    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        done = does(*arguments, **named)
        if calls == (2 if dies_in == "drop" else 1):
            raise KeyboardInterrupt
        return done

    with served.patch.context() as patch:
        patch.setattr(hook, dies_in, dying)
        with pytest.raises(KeyboardInterrupt):
            prune()
    prune()
    assert cars_online(served) == set(range(1_010, 1_100))
    assert last_run()[:2] == ("prune", "written")


def test_a_redis_that_is_away_is_tried_again(served: Store) -> None:
    away = '{"conn_type": "redis", "host": "127.0.0.1", "port": 1, "extra": {"registry": "%s", "project": "%s", %s}}'
    settings = FeatureStoreHook().settings
    extra = away % (settings.registry, settings.project, f'"staging": "{settings.staging}"')
    served.patch.setenv("AIRFLOW_CONN_FEATURE_STORE_AWAY", extra)
    operator = PruneFeaturesOperator(
        task_id="cars", spec=cars_spec(prune={}), feature_store_conn_id="feature_store_away"
    )
    with pytest.raises(RetriableError, match="the online store can't be reached"):
        operator.execute(Context("one"))
