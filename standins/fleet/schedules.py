"""When the syncs of a fleet are due: a mix of schedules that adds up to a number of jobs a day.

All times are wall clock in one zone without clock changes, so a week holds all there is to know of a schedule.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

ZONE = "Asia/Kolkata"
JOBS_A_DAY = 6  # a sync, on average: 2,500 syncs are 15,000 jobs
_DAY, _WEEK = 24 * 60, 7 * 24 * 60
_EVERY_DAY = tuple(range(7))


@dataclass(frozen=True)
class Schedule:
    """A schedule whose minutes, hours and days go with each other; days as cron counts them, 0 is Sunday."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...] = _EVERY_DAY

    @property
    def cron(self) -> str:
        """The five fields."""
        return f"{_field(self.minutes, 60)} {_field(self.hours, 24)} * * {_field(self.days, 7)}"

    @property
    def week(self) -> tuple[int, ...]:
        """The minutes of the week at which it is due, from Sunday 00:00."""
        times = ((day, hour, minute) for day in self.days for hour in self.hours for minute in self.minutes)
        return tuple(sorted(day * _DAY + hour * 60 + minute for day, hour, minute in times))

    @property
    def freshness(self) -> str:
        """An objective that it can keep: the longest pause between two due times, and some time to run."""
        week = self.week
        pause = max(after - before for before, after in zip(week, (*week[1:], week[0] + _WEEK), strict=True))
        minutes = pause + max(30, pause // 12)
        if minutes < 120:
            return f"{minutes}m"
        hours = -(-minutes // 60)
        return f"{hours}h" if hours < 96 else f"{-(-hours // 24)}d"


class Kind(NamedTuple):
    """A way in which teams schedule: jobs of a week, and the share of the syncs that it has."""

    name: str
    week: int
    share: float


MORNING, TWICE, HOURLY = Kind("morning", 7, 0), Kind("twice", 14, 0.08), Kind("hourly", 84, 0)
# The shares of MORNING and HOURLY are what makes the fleet's jobs a day.
KINDS = (
    MORNING,
    HOURLY,
    TWICE,
    Kind("weekly", 1, 0.08),
    Kind("other", 7, 0.04),
    Kind("six_days", 6, 0.03),
    Kind("every_4h", 28, 0.05),
    Kind("every_3h", 35, 0.04),
    Kind("every_2h", 49, 0.05),
    Kind("round_the_clock", 168, 0.03),
    Kind("half_hourly", 168, 0.022),
    Kind("quarter_hourly", 336, 0.013),
)


def mix(syncs: int) -> list[Kind]:
    """A kind for each sync, in the order of KINDS: together JOBS_A_DAY for each sync a day, to less than one job."""
    counts = {kind: round(kind.share * syncs) for kind in KINDS}
    rest = syncs - sum(counts.values())

    def missing() -> Fraction:
        return JOBS_A_DAY * syncs - Fraction(sum(kind.week * count for kind, count in counts.items()), 7)

    counts[HOURLY] = min(max(round((missing() - rest) / 11), 0), rest)
    counts[MORNING] = rest - counts[HOURLY]
    for _ in range(abs(round(missing()))):  # one more or less at a time: from once a day to twice, or back
        some, other = (MORNING, TWICE) if missing() > 0 else (TWICE, MORNING)
        if counts[some]:
            counts[some] -= 1
            counts[other] += 1
    return [kind for kind in KINDS for _ in range(counts[kind])]


@dataclass(frozen=True)
class Habit:
    """The minute and the morning hour that the people of one workbook choose first."""

    minute: int
    hour: int


def habit(draw: random.Random) -> Habit:
    """The full hour above all, as people do."""
    return Habit(_minute(draw), draw.choices((5, 6, 7, 8, 9), (1, 2, 3, 4, 3))[0])


def schedule(kind: Kind, usual: Habit, draw: random.Random) -> Schedule:
    """A schedule of that kind, more often than not at the workbook's usual minute and hour."""
    minute = usual.minute if draw.random() < 0.6 else _minute(draw)
    hour = usual.hour if draw.random() < 0.6 else habit(draw).hour
    first = draw.choice((8, 9, 10))
    early = draw.choice((8, 9))
    hours: Sequence[int] = (hour,)
    minutes: Sequence[int] = (minute,)
    days: Sequence[int] = _EVERY_DAY
    match kind.name:
        case "other":
            hours = (draw.choice((0, 2, 14, 18, 21, 23)),)
        case "weekly":
            days = (draw.choices(_EVERY_DAY, (1, 10, 3, 2, 2, 3, 1))[0],)
        case "six_days":
            days = range(1, 7)
        case "twice":
            hours = (hour, draw.choice((15, 16, 17, 18)))
        case "every_4h":
            hours = range(early, 22, 4)
        case "every_3h":
            hours = range(early, 22, 3)
        case "every_2h":
            hours = range(early, 22, 2)
        case "round_the_clock":
            hours = range(24)
        case "hourly":
            hours = range(first, first + 12)
        case "half_hourly":
            hours, minutes = range(first, first + 12), (minute % 30, minute % 30 + 30)
        case "quarter_hourly":
            hours, minutes = range(first, first + 12), range(minute % 15, 60, 15)
    return Schedule(tuple(minutes), tuple(hours), tuple(days))


def due_in_a_week(schedules: Iterable[Schedule]) -> list[list[int]]:
    """For each minute of the week, from Sunday 00:00, which of the schedules are due: their places."""
    week: list[list[int]] = [[] for _ in range(_WEEK)]
    for place, each in enumerate(schedules):
        for minute in each.week:
            week[minute].append(place)
    return week


def clock(minute: int) -> str:
    """A minute of the week for people: Mon 09:00."""
    day, within = divmod(minute, _DAY)
    return f"{('Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat')[day]} {within // 60:02}:{within % 60:02}"


def _minute(draw: random.Random) -> int:
    if draw.random() < 0.1:
        return draw.randrange(60)
    return draw.choices(range(0, 60, 5), (40, 5, 6, 11, 4, 3, 19, 3, 3, 9, 3, 3))[0]


def _field(values: tuple[int, ...], of: int) -> str:
    """One field of a cron expression, as people would write it."""
    if values == tuple(range(of)):
        return "*"
    step = values[1] - values[0] if len(values) > 2 else 0
    if step and values == tuple(range(0, of, step)):
        return f"*/{step}"
    if step and values == tuple(range(values[0], values[-1] + 1, step)):
        return f"{values[0]}-{values[-1]}" + (f"/{step}" if step > 1 else "")
    return ",".join(map(str, values))
