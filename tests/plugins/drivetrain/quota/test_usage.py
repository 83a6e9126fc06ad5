"""The chart's numbers, from counts of ten seconds each."""

from __future__ import annotations

from drivetrain.quota.limits import Limits
from drivetrain.quota.port import Kind
from drivetrain.quota.usage import POINTS, SLOT_SECONDS, Counts, Usage, slots_of_interest, usages

SECOND = 1_000_000
NOW = 1_790_000_005 * SECOND
MINUTE = 60 * SECOND
NEWEST = NOW // (SLOT_SECONDS * SECOND)
ME = "sync-1@project.iam.gserviceaccount.com"


def found(counts: Counts) -> dict[tuple[str, Kind], Usage]:
    return {(usage.account, usage.kind): usage for usage in usages("project", counts, Limits(), NOW)}


def test_a_point_is_the_minute_before_it() -> None:
    slots = {NEWEST - age: {f"made:read:{ME}": 10, "made:read": 10} for age in (0, 5, 6, 40)}
    reads = found(Counts(slots, {}, {}))[ME, Kind.READ].calls
    assert len(reads) == POINTS
    assert reads[-1] == 25, "now and fifty seconds ago, and half of a slot of which half is a minute ago"
    assert reads[-2] == 20, "ten seconds ago: fifty and sixty seconds before now"
    assert [reads[-1 - age] for age in (34, 35, 40, 41)] == [0, 10, 10, 0]


def test_the_first_point_is_as_whole_as_the_last() -> None:
    slots = {slot: {"made:write": 1} for slot in slots_of_interest(NOW, MINUTE)}
    assert found(Counts(slots, {}, {}))["", Kind.WRITE].calls == (6,) * POINTS


def test_a_project_comes_before_its_accounts_with_its_own_limits() -> None:
    counts = Counts({NEWEST: {f"made:read:{ME}": 1, "made:read": 3}}, {}, {"write:b@project": 2})
    order = [(usage.account, usage.kind, usage.limit, usage.normal) for usage in usages("p", counts, Limits(), NOW)]
    assert order == [
        ("", Kind.READ, 300, 240), ("", Kind.WRITE, 300, 240),
        ("b@project", Kind.READ, 60, 48), ("b@project", Kind.WRITE, 60, 48),
        (ME, Kind.READ, 60, 48), (ME, Kind.WRITE, 60, 48),
    ]  # fmt: skip
    assert found(counts)["b@project", Kind.WRITE].waiting == 2


def test_a_refusal_pauses_slows_down_and_is_counted() -> None:
    brakes = {f"write:{ME}:closed": NOW + 3 * SECOND, f"write:{ME}:share": 500_000, f"write:{ME}:since": NOW}
    slots = {NEWEST - age: {f"refused:write:{ME}": count} for age, count in ((0, 2), (89, 1), (90, 9))}
    writes = found(Counts(slots, brakes, {}))[ME, Kind.WRITE]
    assert (writes.refused, writes.opens_in_seconds, writes.share) == (3, 3.0, 0.5)
    assert found(Counts(slots, brakes, {}))[ME, Kind.READ].share == 1
