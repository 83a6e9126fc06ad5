from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from drivetrain.kubernetes.failures import FailureKind, PodFailure
from drivetrain.kubernetes.sweep import Patience, SeenPod, sweep

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
PATIENCE = Patience(starts=10 * MINUTE, told=MINUTE)
NO_ROOM = PodFailure(FailureKind.UNSCHEDULABLE, "pod a: no node takes it", "add nodes", retriable=True)
NO_IMAGE = PodFailure(FailureKind.IMAGE, "pod a: image x can't be had", "push it", retriable=False)


def seen(key: str = "a", name: str = "a-1", *, age: dt.timedelta = MINUTE, **more: object) -> SeenPod[str]:
    return SeenPod(key=key, name=name, made_at=NOW - age, **more)  # type: ignore[arg-type]


def test_a_task_whose_pod_is_gone_is_lost_once_the_watch_has_had_its_time() -> None:
    first = sweep({"a"}, [], {}, now=NOW, patience=PATIENCE)
    assert (first.lost, first.odd) == ((), {"a": NOW})
    soon = sweep({"a"}, [], first.odd, now=NOW + MINUTE / 2, patience=PATIENCE)
    assert (soon.lost, soon.odd) == ((), {"a": NOW})
    late = sweep({"a"}, [], soon.odd, now=NOW + MINUTE, patience=PATIENCE)
    assert (late.lost, late.odd) == (("a",), {})


def test_a_pod_that_comes_back_into_view_ends_the_count() -> None:
    found = sweep({"a"}, [seen()], {"a": NOW - MINUTE}, now=NOW, patience=PATIENCE)
    assert (found.lost, found.odd) == ((), {})


def test_an_ended_pod_that_nobody_told_of_is_taken_from_the_list() -> None:
    ended = seen(ended=True, failed=True)
    found = sweep({"a"}, [ended], {"a": NOW - MINUTE}, now=NOW, patience=PATIENCE)
    assert found.untold == (ended,)
    assert found.lost == ()


def test_a_pod_that_can_never_start_is_given_up_at_once_and_one_that_waits_for_room_later() -> None:
    image, room = seen(waits_for=NO_IMAGE), seen(waits_for=NO_ROOM)
    assert sweep({"a"}, [image], {}, now=NOW, patience=PATIENCE).given_up == ((image, NO_IMAGE),)
    assert sweep({"a"}, [room], {}, now=NOW, patience=PATIENCE).given_up == ()
    old = seen(waits_for=NO_ROOM, age=10 * MINUTE)
    assert sweep({"a"}, [old], {}, now=NOW, patience=PATIENCE).given_up == ((old, NO_ROOM),)


def test_of_two_pods_of_a_task_the_one_that_lives_counts() -> None:
    pods = [seen(name="a-1", ended=True, failed=True), seen(name="a-2")]
    found = sweep({"a"}, pods, {"a": NOW - MINUTE}, now=NOW, patience=PATIENCE)
    assert (found.untold, found.lost, found.given_up, found.odd) == ((), (), (), {})


KEYS = st.sampled_from("abcd")


@given(
    running=st.sets(KEYS),
    pods=st.lists(st.builds(seen, KEYS, st.text("xyz", min_size=1), ended=st.booleans())),
    odd=st.dictionaries(KEYS, st.sampled_from([NOW, NOW - 2 * MINUTE])),
)
def test_nothing_is_done_about_a_task_that_holds_no_slot_and_nothing_twice(
    running: set[str], pods: list[SeenPod[str]], odd: dict[str, dt.datetime]
) -> None:
    found = sweep(running, pods, odd, now=NOW, patience=PATIENCE)
    touched = [*(pod.key for pod in found.untold), *(pod.key for pod, _ in found.given_up), *found.lost, *found.odd]
    assert len(touched) == len(set(touched))
    assert set(touched) <= running
    assert not {pod.key for pod in pods} & set(found.lost)
