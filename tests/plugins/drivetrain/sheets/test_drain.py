from __future__ import annotations

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from drivetrain.sheets.drain import Arrival, Calls, Done, drain

BOOKS = ("stock", "leads", "loans", "prices", "repairs")


def cost(syncs: Collection[str]) -> Calls:
    return Calls(1 + len(syncs), (1 + len(syncs)) // 2)


def arrival(minute: int, workbook: str, *syncs: str, account: int = 0, priority: int = 0) -> Arrival:
    return Arrival(minute, workbook, account, syncs or (workbook,), priority)


def plain(arrivals: Collection[Arrival], accounts: int, per_account: Calls, per_project: Calls) -> list[Done]:
    """The same by going through everybody in line, in every minute."""
    line: list[dict] = []
    done: list[Done] = []
    minute, number, left_to_come = 0, 0, len(arrivals)
    while line or left_to_come:
        for each in (each for each in arrivals if each.minute == minute):
            number, left_to_come = number + 1, left_to_come - 1
            due = dict.fromkeys(each.syncs, minute)
            older = next((turn for turn in line if turn["book"] == each.workbook and not turn["begun"]), None)
            if older:
                due |= older["due"]
            order = (-each.priority, each.deadline, min(due.values()), number)
            if older:
                first = older["order"]
                if order[0] >= first[0] and order[1] >= first[1]:
                    older |= {"due": due, "left": list(cost(due))}
                    continue
                order = (min(order[0], first[0]), min(order[1], first[1]), *order[2:])
                line.remove(older)
            line.append(
                {"book": each.workbook, "account": each.account, "order": order}
                | {"due": due, "left": list(cost(due)), "begun": False}
            )
        for kind in (0, 1):
            project, own = per_project[kind], [per_account[kind]] * accounts
            for turn in sorted(line, key=lambda turn: turn["order"]):
                if kind == 1 and turn["left"][0]:
                    continue
                used = min(turn["left"][kind], own[turn["account"]], project)
                turn["left"][kind] -= used
                turn["begun"] |= used > 0
                own[turn["account"]] -= used
                project -= used
        for turn in line:
            if not any(turn["left"]):
                done += [Done(sync, since, minute + 1) for sync, since in turn["due"].items()]
        line = [turn for turn in line if any(turn["left"])]
        minute += 1
    return done


@given(
    st.lists(
        st.builds(
            lambda minute, book, count, priority, wait: Arrival(
                minute,
                BOOKS[book],
                book % 3,
                tuple(f"{BOOKS[book]}_{n}" for n in range(count)),
                priority,
                minute + wait,
            ),
            st.integers(0, 12),
            st.integers(0, 4),
            st.integers(1, 4),
            st.integers(-1, 1),
            st.integers(0, 9),
        ),
        max_size=40,
        unique_by=lambda each: (each.minute, each.workbook),
    ),
    st.integers(1, 6),
    st.integers(1, 12),
)
def test_every_sync_is_done_when_a_walk_through_the_whole_line_says_so(
    arrivals: list[Arrival], own: int, project: int
) -> None:
    quotas = {"per_account": Calls(own, own), "per_project": Calls(project, project)}
    found = drain(arrivals, cost=cost, accounts=3, **quotas)
    ordered = sorted(arrivals, key=lambda each: each.minute)
    assert sorted(found.done) == sorted(plain(ordered, 3, **quotas))


def test_a_workbook_that_is_due_again_before_its_turn_runs_once_and_counts_from_the_first_time() -> None:
    arrivals = [arrival(0, "stock", priority=1), arrival(0, "leads"), arrival(1, "leads"), arrival(1, "stock", "more")]
    found = drain(arrivals, cost=lambda _: Calls(3, 1), accounts=1, per_account=Calls(2, 2), per_project=Calls(9, 9))
    assert [done for done in found.done if done.sync == "leads"] == [Done("leads", 0, 3 + 1 - 1)]
    assert found.queues == ((0, 5),)


def test_what_fits_a_minute_is_no_queue() -> None:
    arrivals = [arrival(minute, "stock") for minute in range(5)]
    found = drain(arrivals, cost=cost, accounts=1, per_account=Calls(2, 1), per_project=Calls(9, 9))
    assert found.queues == ()
    assert [done.done - done.due for done in found.done] == [1] * 5


def test_the_more_urgent_goes_first_also_when_it_joins_one_that_waits() -> None:
    arrivals = [*(arrival(0, name) for name in ("a", "b", "c", "d")), arrival(1, "d", "d_now", priority=1)]
    found = drain(arrivals, cost=lambda _: Calls(1, 1), accounts=1, per_account=Calls(1, 1), per_project=Calls(9, 9))
    assert [done.sync for done in found.done] == ["a", "d_now", "d", "b", "c"]


def test_an_account_that_is_used_up_does_not_hold_up_the_others() -> None:
    arrivals = [arrival(0, "a"), arrival(0, "b"), arrival(0, "c", account=1)]
    quotas = {"per_account": Calls(2, 1), "per_project": Calls(3, 9)}
    found = drain(arrivals, cost=cost, accounts=2, **quotas)
    # The project's third read of the first minute is the second account's.
    assert {done.sync: done.done for done in found.done} == {"a": 1, "b": 2, "c": 2}
