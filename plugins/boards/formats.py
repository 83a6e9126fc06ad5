"""Numbers and times as people read them."""

from __future__ import annotations

import datetime as dt

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def span(seconds: float | None) -> str:
    """A length of time in its two largest units, such as "3 h 12 min"."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    left, parts = int(seconds), list[str]()
    for size, unit in _UNITS:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
        elif parts:
            break
    return " ".join(parts[:2])


def from_now(at: dt.datetime | None, now: dt.datetime) -> str:
    """A moment as its distance, such as "in 5 min" or "2 h ago"."""
    if at is None:
        return "–"
    seconds = (at - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    whole = int(abs(seconds))
    distance = span(whole - whole % 60 if whole >= 600 else whole).replace(".0 s", " s")
    return f"in {distance}" if seconds > 0 else f"{distance} ago"


def moment(at: dt.datetime | None) -> str:
    """A moment in UTC."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC" if at else "–"


def count(number: int | None) -> str:
    """With commas between thousands."""
    return "–" if number is None else f"{number:,}"


def counted(number: int, thing: str) -> str:
    """Such as "1 write", "2 writes"."""
    return f"{count(number)} {thing}" + ("" if number == 1 else "s")
