"""USER_ENTERED: what Sheets makes of text as if a person typed it (US locale).

https://developers.google.com/workspace/sheets/api/reference/rest/v4/ValueInputOption : "strings may be converted to
numbers, dates, etc. following the same rules that are applied when entering text into a cell via the Google Sheets UI".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from standins.sheets.formats import EPOCH
from standins.sheets.grid import Formula, number

# (value, number format that typing it sets, or None to leave the cell's format alone)
Entered = tuple[Any, dict[str, str] | None]

_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)\Z")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?\Z")
_SCIENTIFIC = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]{1,3}\Z")
_CURRENCY = re.compile(r"([+-]?)\s?([$€£])\s?([+-]?)([0-9][0-9,]*\.?[0-9]*|\.[0-9]+)\Z")
_TIME = r"(?P<h>[0-9]{1,2}):(?P<mi>[0-9]{2})(?::(?P<s>[0-9]{2})(?P<f>\.[0-9]{1,6})?)?(?:\s?(?P<ap>[AaPp])[Mm])?"
_TIME_ONLY = re.compile(_TIME + r"\Z")
_ISO = re.compile(r"(?P<y>[0-9]{4})[-/](?P<mo>[0-9]{1,2})[-/](?P<d>[0-9]{1,2})(?:[ T]" + _TIME + r"Z?)?\Z")
_US = re.compile(r"(?P<mo>[0-9]{1,2})[-/](?P<d>[0-9]{1,2})(?:[-/](?P<y>[0-9]{4}|[0-9]{2}))?(?: " + _TIME + r")?\Z")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH_STARTS = frozenset(name.upper() for name in _MONTHS)
_NAMED = re.compile(r"(?P<d>[0-9]{1,2})[- ](?P<mon>[A-Za-z]{3})[a-z]*[- ](?P<y>[0-9]{4})\Z")
_NAMED_US = re.compile(r"(?P<mon>[A-Za-z]{3})[a-z]*\.? (?P<d>[0-9]{1,2}),? (?P<y>[0-9]{4})\Z")
_NUMBER_STARTS = frozenset("0123456789.+-$€£(")


def parse(text: str) -> Entered:
    """The cell value for typed text, and the number format that it brings along."""
    if text == "":
        return None, None
    if text[0] == "'":
        return text[1:], None
    if text[0] == "=" and len(text) > 1:
        return Formula(text), None
    stripped = text.strip()
    if len(stripped) > 40 or not stripped:
        return text, None
    if stripped[0] not in _NUMBER_STARTS:
        upper = stripped.upper()
        if upper in ("TRUE", "FALSE"):
            return upper == "TRUE", None
        if upper[:3] in _MONTH_STARTS:
            return _date(stripped) or (text, None)
        return text, None
    if _PLAIN.match(stripped):
        return number(float(stripped) if "." in stripped else int(stripped)), None
    for attempt in (_percent, _grouped, _scientific, _currency, _parenthesized, _date, _time):
        found = attempt(stripped)
        if found is not None:
            return found
    return text, None


def _percent(text: str) -> Entered | None:
    if not text.endswith("%"):
        return None
    body = text[:-1].rstrip().replace(",", "")
    if not _PLAIN.match(body):
        return None
    decimals = len(body.partition(".")[2])
    pattern = "0%" if decimals == 0 else "0.00%"
    return number(round(float(body) / 100, decimals + 4)), {"type": "PERCENT", "pattern": pattern}


def _grouped(text: str) -> Entered | None:
    if not _GROUPED.match(text):
        return None
    pattern = "#,##0.00" if "." in text else "#,##0"
    return number(float(text.replace(",", ""))), {"type": "NUMBER", "pattern": pattern}


def _scientific(text: str) -> Entered | None:
    if not _SCIENTIFIC.match(text):
        return None
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return None
    return number(value), {"type": "SCIENTIFIC", "pattern": "0.00E+00"}


def _currency(text: str) -> Entered | None:
    match = _CURRENCY.match(text)
    if match is None:
        return None
    before, sign, after, body = match.groups()
    value = float(body.replace(",", "")) * (-1 if "-" in (before, after) else 1)
    mark = f'"{sign}"' if sign == "$" else f"[${sign}]"
    return number(value), {"type": "CURRENCY", "pattern": f"{mark}#,##0" + (".00" if "." in body else "")}


def _parenthesized(text: str) -> Entered | None:
    if not (text.startswith("(") and text.endswith(")")):
        return None
    body = text[1:-1]
    if _PLAIN.match(body) and body[0].isdigit():
        return number(-float(body)), None
    return None


def _date(text: str) -> Entered | None:
    for regex, pattern in ((_ISO, "yyyy-mm-dd"), (_US, "M/d/yyyy"), (_NAMED, "d mmm yyyy"), (_NAMED_US, "mmm d, yyyy")):
        match = regex.match(text)
        if match is None:
            continue
        parts = match.groupdict()
        year = parts.get("y")
        if year is None:
            year, pattern = str(datetime.now(UTC).year), "M/d"
        elif len(year) == 2:
            # Two digits: 00..29 are this century, the rest the last one.
            year = ("20" if int(year) < 30 else "19") + year
        month = parts.get("mo") or str(
            _MONTHS.index(parts["mon"].lower()) + 1 if parts["mon"].lower() in _MONTHS else 0
        )
        try:
            day = datetime(int(year), int(month), int(parts["d"]), tzinfo=UTC)
        except ValueError:
            return None
        serial: float = (day - EPOCH).days
        if parts.get("h") is None:
            return serial, {"type": "DATE", "pattern": pattern}
        clock = _clock(parts)
        if clock is None:
            return None
        pattern += " h:mm:ss" if parts["s"] else " h:mm"
        return number(serial + clock), {"type": "DATE_TIME", "pattern": pattern + (" am/pm" if parts["ap"] else "")}
    return None


def _time(text: str) -> Entered | None:
    match = _TIME_ONLY.match(text)
    if match is None:
        return None
    parts = match.groupdict()
    clock = _clock(parts)
    if clock is None:
        return None
    pattern = ("h:mm:ss" if parts["s"] else "h:mm") + (" am/pm" if parts["ap"] else "")
    return number(clock), {"type": "TIME", "pattern": pattern}


def _clock(parts: dict[str, str | None]) -> float | None:
    hour, minute, second = int(parts["h"] or 0), int(parts["mi"] or 0), int(parts["s"] or 0)
    if minute > 59 or second > 59:
        return None
    half = parts["ap"]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in "Pp" else 0)
    elif hour > 23:
        return None
    return (hour * 3600 + minute * 60 + second + float(parts["f"] or 0)) / 86400
