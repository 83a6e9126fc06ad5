"""A feature view's runs, from BigQuery's emulator into a real Redis: what is written, when, and what is not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from drivetrain.errors import RetriableError
from drivetrain.features.decode import decode
from drivetrain.features.redis_layout import feature_field
from drivetrain.state.feature_tables import feature_runs
from hooks.feature_store import FeatureStoreHook
from hooks.feature_warehouse import FeatureWarehouseHook
from hooks.online_writer import OnlineWriter
from hooks.state import StateHook
from operators.feature_materialize import MaterializeFeaturesOperator
from operators.feature_stage import StageFeaturesOperator
from tests.integration.features.conftest import NOON, Store, cars_spec
from tests.support.operators import Context

MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


def price_of(store: Store, car: int) -> Any:
    """What Redis has of a car; None: nothing."""
    (key,) = [key for key in store.redis.keys("*") if car.to_bytes(8, "little") in key] or [None]
    value = store.redis.hget(key, feature_field("cars", "price")) if key else None
    return None if value is None else decode(value)


def runs() -> list[tuple[Any, ...]]:
    """Kind, outcome, rows and written rows of each run."""
    columns = (feature_runs.c.kind, feature_runs.c.outcome, feature_runs.c.rows, feature_runs.c.written)
    with StateHook().engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(feature_runs.c.started_at))]


def test_the_latest_row_of_each_entity_is_written_and_the_watermark_moves(store: Store) -> None:
    store.insert(
        {"car": 1, "price": 1.0, "at": NOON - 4 * HOUR},
        {"car": 1, "price": 2.0, "at": NOON - 3 * HOUR},
        {"car": 2, "price": 3.0, "at": NOON - 3 * HOUR, "made_at": NOON - 170 * MINUTE},
        {"car": 2, "price": 4.0, "at": NOON - 3 * HOUR, "made_at": NOON - 160 * MINUTE},
        {"car": 3, "price": 9.0, "at": NOON + HOUR},
        {"car": 4, "price": None, "city": None, "badges": [], "at": NOON - 3 * HOUR},
        {"car": None, "price": 7.0, "at": NOON - 3 * HOUR},
    )
    done = store.run("one")
    assert (done["stage"]["rows"], done["finish"]) == (4, {"written": 3, "stale": 0, "rejected": 1})
    assert done["write"][0]["rejected"] == {"car: is missing": 1}
    assert (price_of(store, 1), price_of(store, 2)) == (2.0, 4.0)
    assert price_of(store, 3) is None, "its time has not come"
    assert store.watermark() == NOON
    assert store.staged_tables() == [], "what is written is dropped"
    assert runs() == [("news", "written", 4, 3)]
    store.now = NOON + 2 * HOUR
    assert store.run("two")["finish"]["written"] == 1
    assert price_of(store, 3) == 9.0, "now it has"


def test_a_row_that_comes_late_is_read_and_one_that_was_read_is_not_read_again(store: Store) -> None:
    store.insert({"car": 1, "at": NOON - 5 * HOUR}, {"car": 2, "at": NOON - 5 * HOUR})
    store.run("one")
    store.now = NOON + HOUR
    store.insert(
        {"car": 3, "price": 3.0, "at": NOON - DAY, "made_at": NOON + 30 * MINUTE},
        {"car": 4, "price": 4.0, "at": NOON - 10 * MINUTE, "made_at": NOON - 10 * MINUTE},  # on its way at noon
        {"car": 5, "price": 5.0, "at": NOON - 9 * DAY, "made_at": NOON + 30 * MINUTE},  # later than lateness allows
    )
    assert store.run("two")["stage"]["rows"] == 2
    assert [price_of(store, car) for car in (3, 4, 5)] == [3.0, 4.0, None]


def test_a_late_row_does_not_take_the_place_of_a_newer_one(store: Store) -> None:
    store.insert({"car": 1, "price": 2.0, "at": NOON - 2 * HOUR})
    store.run("one")
    store.now = NOON + HOUR
    store.insert({"car": 1, "price": 1.0, "at": NOON - 3 * HOUR, "made_at": NOON + MINUTE})
    assert store.run("two")["finish"] == {"written": 0, "stale": 1, "rejected": 0}
    assert price_of(store, 1) == 2.0


def test_shards_write_together_what_one_writes_alone(store: Store) -> None:
    store.insert(*({"car": car, "price": float(car), "at": NOON - HOUR} for car in range(200)))
    store.run("one")
    alone = store.contents()
    store.redis.flushall()
    done = store.run("again", cars_spec(shards=4), start=(NOON - DAY).isoformat())
    assert sorted(shard["written"] > 20 for shard in done["write"]) == [True] * 4
    assert sum(shard["written"] for shard in done["write"]) == 200
    assert store.contents() == alone


def test_a_backfill_writes_a_range_again_and_leaves_the_watermark(store: Store) -> None:
    store.insert({"car": 1, "price": 1.0, "at": NOON - 40 * DAY}, {"car": 2, "price": 2.0, "at": NOON - 3 * DAY})
    store.run("one")
    assert (price_of(store, 1), store.watermark()) == (None, NOON)
    done = store.run("back", start=(NOON - 50 * DAY).isoformat(), end=(NOON - 30 * DAY).isoformat())
    assert (done["stage"]["rows"], done["stage"]["until"], price_of(store, 1)) == (1, "", 1.0)
    assert store.watermark() == NOON
    assert runs()[-1][0] == "backfill"
    for params, says in (
        ({"end": NOON.isoformat()}, "end: there is no start"),
        ({"start": "yesterday"}, "start: 'yesterday' is no time: write it as"),
        ({"start": "2026-11-01T00:00:00"}, "has no zone"),
        ({"start": (NOON + DAY).isoformat()}, "is not before end"),
        ({"strat": NOON.isoformat()}, "conf: unknown key strat; known: dry_run, end, start"),
    ):
        with pytest.raises(AirflowFailException, match=says):
            store.run("odd", **params)


def test_a_dry_run_tells_rows_and_price_and_changes_nothing(store: Store) -> None:
    store.insert({"car": 1, "at": NOON - HOUR}, {"car": 1, "at": NOON - 2 * HOUR})
    context = Context("dry", dry_run=True)
    context.returned["stage"] = store.stage(context)
    assert context.returned["stage"] == {"table": "", "rows": 2, "gib": 0.0, "until": ""}
    for task in (store.write, store.finish):
        with pytest.raises(AirflowSkipException):
            task(context)
    assert (store.staged_tables(), store.contents(), store.watermark(), runs()) == ([], {}, None, [])


def test_rows_that_are_not_fit_are_refused_and_redis_keeps_what_it_has(store: Store) -> None:
    asked = cars_spec(gates={"features": {"price": {"max_null_share": 0.1, "min": 0}}})
    store.insert({"car": 1, "price": 1.0, "at": NOON - HOUR})
    store.run("good", asked)
    before, store.now = store.contents(), NOON + HOUR
    store.insert(
        {"car": 1, "price": -5.0, "at": NOON, "made_at": NOON + MINUTE},
        {"car": 2, "price": None, "at": NOON, "made_at": NOON + MINUTE},
    )
    with pytest.raises(AirflowFailException) as refused:
        store.stage(Context("bad"), asked)
    assert "2 rows are not fit to be served, and Redis keeps what it has" in str(refused.value)
    assert "price: 1 of 2 rows have no value (at most 10.0%)" in str(refused.value)
    assert "price: 1 of 2 values are not between 0 and inf" in str(refused.value)
    assert (store.contents(), store.watermark()) == (before, NOON)
    assert [run[1] for run in runs()] == ["written", "refused"]
    (table,) = store.staged_tables()
    assert f"marketplace.staging.{table}" in str(refused.value), "the rows can be looked at"
    store.bigquery.query("UPDATE marketplace.features.cars SET price = 6 WHERE price < 0 OR price IS NULL").result()
    store.run("bad", asked)  # the same run, cleared
    assert (price_of(store, 1), price_of(store, 2), store.watermark()) == (6.0, 6.0, NOON + HOUR)
    assert [run[1] for run in runs()] == ["written", "written"]


def test_ten_times_the_usual_rows_are_refused(store: Store) -> None:
    for hour in range(5):
        store.now = NOON + hour * HOUR
        store.insert(*({"car": car, "at": store.now - MINUTE} for car in range(3)))
        store.run(f"run {hour}", cars_spec(overlap="1m"))
    store.now = NOON + 6 * HOUR
    store.insert(*({"car": car, "at": store.now - MINUTE} for car in range(40)))
    with pytest.raises(AirflowFailException, match="rows: 40 are more than 10 times the usual 3"):
        store.stage(Context("flood"), cars_spec(overlap="1m"))


def test_values_that_moved_since_last_week_are_refused(store: Store) -> None:
    asked = cars_spec(gates={"psi_rows": 100, "features": {"price": {"max_psi": 0.25}}})
    store.insert(*({"car": car, "price": float(car % 50), "at": NOON - HOUR} for car in range(300)))
    store.run("last week", asked)
    store.now = NOON + 8 * DAY
    store.insert(*({"car": car, "price": float(car % 50 + 1), "at": store.now - HOUR} for car in range(300)))
    store.run("this week", asked)
    store.now += DAY
    store.insert(*({"car": car, "price": float(car % 50 + 30), "at": store.now - HOUR} for car in range(300)))
    with pytest.raises(AirflowFailException, match=r"price: its values differ from last week's by \d"):
        store.stage(Context("moved"), asked)


@pytest.mark.parametrize("dies_after", ["stage", "first batch", "second batch", "write", "record"])
def test_a_run_that_dies_anywhere_and_is_tried_again_leaves_what_one_run_leaves(store: Store, dies_after: str) -> None:
    store.patch.setattr("drivetrain.features.materialize.PART", 50)
    store.insert(*({"car": car, "price": float(car), "at": NOON - HOUR} for car in range(120)))
    store.run("whole")
    whole = store.contents()
    store.redis.flushall()
    with StateHook().engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE feature_watermarks, feature_runs"))
    context = Context("dying")
    context.returned["stage"] = store.stage(context)
    if dies_after == "stage":
        context.returned["stage"] = store.stage(context)
    if dies_after.endswith("batch"):
        _die_in_batch(store, context, 1 if dies_after == "first batch" else 2)
        assert 0 < len(store.contents()) < 120
    assert store.watermark() is None
    context.returned["write"] = [store.write(context)]
    if dies_after == "write":
        context.returned["write"] = [store.write(context)]
    if dies_after == "record":
        with store.patch.context() as patch:
            patch.setattr(FeatureWarehouseHook, "drop", _die)
            with pytest.raises(KeyboardInterrupt):
                store.finish(context)
    assert store.finish(context)["written"] == 120
    assert (store.contents(), store.watermark(), store.staged_tables()) == (whole, NOON, [])
    assert runs() == [("news", "written", 120, 120)]


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def _die_in_batch(store: Store, context: Context, number: int) -> None:
    write, calls = OnlineWriter.write, 0

    def dying(self: OnlineWriter, rows: Any) -> Any:
        nonlocal calls
        calls += 1
        done = write(self, rows)
        if calls == number:
            raise KeyboardInterrupt
        return done

    with store.patch.context() as patch:
        patch.setattr(OnlineWriter, "write", dying)
        with pytest.raises(KeyboardInterrupt):
            store.write(context)


def test_a_watermark_never_goes_back(store: Store) -> None:
    store.insert({"car": 1, "at": NOON - HOUR})
    slow = Context("slow")
    slow.returned["stage"] = store.stage(slow)
    slow.returned["write"] = [store.write(slow)]
    store.now = NOON + HOUR
    store.run("fast")
    store.finish(slow)
    assert store.watermark() == NOON + HOUR


def test_rows_that_are_gone_say_which_task_to_clear(store: Store) -> None:
    store.insert({"car": 1, "at": NOON - HOUR})
    context = Context("one")
    context.returned["stage"] = store.stage(context)
    store.bigquery.delete_table(context.returned["stage"]["table"])
    with pytest.raises(AirflowFailException, match=r"the run's rows are no more there.*clear task stage"):
        store.write(context)
    with pytest.raises(AirflowFailException, match="task stage: left no XCom"):
        store.write(Context("other"))


@pytest.mark.parametrize(
    ("view", "says"),
    [
        ("trucks", "feature view trucks: there is none; there are cars"),
        ("offline", "feature view offline: is defined with online=False"),
        ("lost", "BigQuery: .*lost.*: create it, or correct its name"),
        ("short", "BigQuery refused a query: .*colour"),
    ],
)
def test_what_is_not_there_is_told_by_name_and_not_tried_again(store: Store, view: str, says: str) -> None:
    with pytest.raises(AirflowFailException, match=says):
        StageFeaturesOperator(task_id="stage", spec=cars_spec(view=view)).execute(Context())


def test_gates_for_what_the_view_does_not_have_and_odd_connections_are_refused(store: Store) -> None:
    with pytest.raises(AirflowFailException, match=r"gates.features: prize is no feature of the view"):
        store.stage(Context(), cars_spec(gates={"features": {"prize": {}}}))
    odd = StageFeaturesOperator(task_id="stage", spec=cars_spec(), feature_store_conn_id="feature_store_odd")
    with pytest.raises(AirflowFailException, match="connection feature_store_odd: extra: unknown key regsitry"):
        odd.execute(Context())


def test_a_run_that_would_cost_too_much_is_not_begun(store: Store) -> None:
    store.patch.setattr(FeatureWarehouseHook, "gib", lambda *_: 101.0)  # the emulator's dry runs tell no bytes
    with pytest.raises(AirflowFailException, match=r"would scan 101.0 GiB .*0\.6\d+ USD.*more than max_gib, 100"):
        store.stage(Context())
    assert store.staged_tables() == []


def test_a_server_that_is_away_is_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.insert({"car": 1, "at": NOON - HOUR})
    context = Context("one")
    context.returned["stage"] = store.stage(context)
    extra = FeatureStoreHook().get_connection("feature_store_default").extra
    monkeypatch.setenv(
        "AIRFLOW_CONN_FEATURE_STORE_AWAY", f'{{"conn_type": "redis", "host": "127.0.0.1", "port": 1, "extra": {extra}}}'
    )
    away = MaterializeFeaturesOperator(task_id="write", view="cars", feature_store_conn_id="feature_store_away")
    with pytest.raises(RetriableError, match="the online store can't be reached"):
        away.execute(context)
