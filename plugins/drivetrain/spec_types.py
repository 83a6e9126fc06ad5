"""What specs of all kinds have in common: durations, schedules, names, addresses."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Annotated
from zoneinfo import available_timezones

from croniter import CroniterBadDateError, CroniterError, croniter
from pydantic import AfterValidator, StringConstraints

from drivetrain.specs import ClosedModel

_DURATION = re.compile(r"^([1-9][0-9]*)([mhd])$")
_CRON_START = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@lru_cache(maxsize=1)
def _timezones() -> frozenset[str]:
    """The names that there are; looking for them reads a thousand files."""
    return frozenset(available_timezones() - {"Factory", "localtime"})


def _timezone(name: str) -> str:
    if name not in _timezones():
        raise ValueError("not an IANA time zone, write it as Asia/Kolkata or UTC")
    return name


def _cron(expression: str) -> str:
    fields = expression.split()
    if any(field[:1] in "RrHh" for field in fields):
        raise ValueError("a random or hashed field (R, H) is due at other times in every process: name the times")
    if len(fields) != 5:
        raise ValueError("a cron expression has five fields: minute hour day month weekday")
    expression = " ".join(fields)
    try:
        croniter(expression, _CRON_START).get_next()
    except CroniterBadDateError:
        raise ValueError("this cron expression names no date that ever comes") from None
    except (CroniterError, ValueError) as error:
        raise ValueError(f"not a cron expression ({error}), write it as 30 6 * * 1-5") from None
    return expression


def _duration(text: str) -> str:
    if not _DURATION.match(text):
        raise ValueError("write a duration as 30m, 6h or 2d")
    return text


def parse_duration(text: str) -> dt.timedelta:
    """30m, 6h or 2d as a time span.

    Raises:
        ValueError: it is written in another way.
    """
    match = _DURATION.match(_duration(text))
    if match is None:  # pragma: no cover - refused a line above
        raise ValueError(text)
    return dt.timedelta(**{_UNITS[match.group(2)]: int(match.group(1))})


Timezone = Annotated[str, AfterValidator(_timezone)]
Cron = Annotated[str, AfterValidator(_cron)]
Duration = Annotated[str, AfterValidator(_duration)]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
Description = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,62}$")]


class Schedule(ClosedModel):
    """When something is due."""

    cron: Cron
    timezone: Timezone = "UTC"
