"""What a cell shows: Google's number format patterns, for a US locale.

https://developers.google.com/workspace/sheets/api/guides/formats : the tokens of date-time and of number patterns,
sections by ``;``, literals in quotes or after a backslash. Conditions such as ``[<100]`` have no effect, and fractions
(``# ?/?``) are not made.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from standins.sheets.cells import ERROR_TEXT
from standins.sheets.grid import ErrorValue

EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
DATE_KINDS = {"DATE", "TIME", "DATE_TIME"}

# The pattern behind a type that is set without one, US locale.
DEFAULT_PATTERNS = {
    "NUMBER": "#,##0.00",
    "PERCENT": "0.00%",
    "CURRENCY": '"$"#,##0.00',
    "DATE": "M/d/yyyy",
    "TIME": "h:mm:ss am/pm",
    "DATE_TIME": "M/d/yyyy H:mm:ss",
    "SCIENTIFIC": "0.00E+00",
    "TEXT": "@",
}

_DATE_TOKEN = re.compile(r'"[^"]*"|\\.|\[h+\]|\[m+\]|\[s+\]|\[[^\]]*\]|am/pm|a/p|y+|M+|d+|h+|m+|s+|0+|.', re.IGNORECASE)
_NUMBER_TOKEN = re.compile(
    r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.|[0#?][0#?,]*(?:\.[0#?]*,*)?(?:E[+-][0#?]+)?|\.[0#?]+|%|.', re.IGNORECASE
)


def automatic(value: float) -> str:
    """A number without a format: up to ten significant digits, integers in full up to fifteen."""
    if type(value) is int or value.is_integer():
        whole = int(value)
        return str(whole) if -(10**15) < whole < 10**15 else _scientific(value, "0.#####", 2)
    size = abs(value)
    if size >= 1e15 or size < 1e-9:
        return _scientific(value, "0.#####", 2)
    text = f"{value:.10g}"
    if "e" in text:
        text = f"{value:.{max(0, 9 - math.floor(math.log10(size)))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show(value: Any, number_format: dict[str, Any] | None) -> str:
    """The formatted text of a computed value (never a formula)."""
    kind = type(value)
    if kind is str:
        return value
    if value is None:
        return ""
    if kind is bool:
        return "TRUE" if value else "FALSE"
    if kind is ErrorValue:
        return ERROR_TEXT[value.type]
    if number_format is None:
        return automatic(value)
    form = number_format.get("type", "NUMBER")
    pattern = number_format.get("pattern") or DEFAULT_PATTERNS.get(form, "")
    if form in DATE_KINDS:
        return _date(value, pattern)
    return _number(value, pattern)


def is_date(number_format: dict[str, Any] | None) -> bool:
    """Whether the format shows a serial number as a date or a time."""
    return number_format is not None and number_format.get("type") in DATE_KINDS


# Dates and times -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _date_tokens(pattern: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    """((kind, text) ...) and whether hours run to 12. ``m`` means minutes next to hours or seconds, else months."""
    raw = [match.group(0) for match in _DATE_TOKEN.finditer(pattern)]
    kinds: list[tuple[str, str]] = []
    last = ""
    for place, token in enumerate(raw):
        low = token.lower()
        if token.startswith('"'):
            kinds.append(("text", token[1:-1]))
        elif token.startswith("\\"):
            kinds.append(("text", token[1:]))
        elif token.startswith("["):
            if low[1] in "hms" and set(low[1:-1]) <= set("hms"):
                kinds.append((f"elapsed_{low[1]}", low[1:-1]))
                last = low[1]
        elif low in ("am/pm", "a/p"):
            kinds.append(("half", token))
        elif low[0] in "ydhs":
            kinds.append((low[0], low))
            last = low[0]
        elif low[0] == "m":
            following = next((each.lower()[0] for each in raw[place + 1 :] if each.lower()[0] in "ydhms"), "")
            minutes = last == "h" or (following == "s" and token[0] == "m")
            kinds.append(("minute" if minutes and len(token) <= 2 else "month", low))
            last = "m"
        elif low[0] == "0":
            kinds.append(("fraction", token) if last == "s" else ("text", token))
        else:
            kinds.append(("text", token))
    return tuple(kinds), any(kind == "half" for kind, _ in kinds)


def _date(value: float, pattern: str) -> str:
    tokens, twelve = _date_tokens(pattern)
    digits = max((len(text) for kind, text in tokens if kind == "fraction"), default=0)
    # Rounded to what the pattern can show of a second, or 0.1 ms, so that 12:00:00 does not print as 11:59:59.
    unit = 10 ** (6 - digits) if digits else 1000
    micros = round(value * 86_400_000_000 / unit) * unit
    try:
        moment = EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return automatic(value)
    parts = []
    for kind, text in tokens:
        parts.append(_date_part(kind, text, moment, micros, twelve))
    return "".join(parts)


def _date_part(kind: str, text: str, moment: datetime, micros: int, twelve: bool) -> str:
    size = len(text)
    if kind == "text":
        return text
    if kind == "y":
        return f"{moment.year % 100:02d}" if size <= 2 else f"{moment.year:04d}"
    if kind == "month":
        if size <= 2:
            return f"{moment.month:0{size}d}"
        name = moment.strftime("%B")
        return name[:3] if size == 3 else name[:1] if size == 5 else name
    if kind == "d":
        if size <= 2:
            return f"{moment.day:0{size}d}"
        return moment.strftime("%a" if size == 3 else "%A")
    if kind == "h":
        hour = (moment.hour % 12 or 12) if twelve else moment.hour
        return f"{hour:0{min(size, 2)}d}"
    if kind == "minute":
        return f"{moment.minute:0{size}d}"
    if kind == "s":
        return f"{moment.second:0{min(size, 2)}d}"
    if kind == "fraction":
        return f"{moment.microsecond:06d}"[:size].ljust(size, "0")
    if kind == "half":
        mark = "AM" if moment.hour < 12 else "PM"
        mark = mark[:1] if text.lower() == "a/p" else mark
        return mark.lower() if text[0].islower() and text.islower() and size == 3 else mark
    per = {"elapsed_h": 3_600_000_000, "elapsed_m": 60_000_000, "elapsed_s": 1_000_000}[kind]
    return f"{micros // per:0{size}d}"


# Numbers -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _sections(pattern: str) -> tuple[str, ...]:
    parts, quoted, start = [], False, 0
    for place, letter in enumerate(pattern):
        if letter == '"':
            quoted = not quoted
        elif letter == ";" and not quoted:
            parts.append(pattern[start:place])
            start = place + 1
    parts.append(pattern[start:])
    return tuple(parts)


def _number(value: float, pattern: str) -> str:
    if not pattern or pattern.lower() == "general" or pattern == "@":
        return automatic(value)
    sections = _sections(pattern)
    section, sign = sections[0], "-" if value < 0 else ""
    if value < 0 and len(sections) > 1:
        section, sign = sections[1], ""
    elif value == 0 and len(sections) > 2:
        section = sections[2]
    tokens = [match.group(0) for match in _NUMBER_TOKEN.finditer(section)]
    scaled = abs(value) * 100 ** tokens.count("%")
    out = []
    done = False
    for token in tokens:
        first = token[0]
        if first in "0#?." and (len(token) > 1 or first != ".") and not done:
            text = _digits(scaled, token)
            out.append(text)
            done = True
        elif first == '"':
            out.append(token[1:-1])
        elif first in "\\":
            out.append(token[1:])
        elif first == "[":
            # [$€-409] is a currency sign; [Red] and [<100] show nothing.
            if token.startswith("[$"):
                out.append(token[2:-1].partition("-")[0])
        elif first == "_":
            out.append(" ")
        elif first == "*":
            continue
        else:
            out.append(token)
    text = "".join(out)
    if sign and not re.search(r"[1-9]", text):
        sign = ""
    return sign + text


def _digits(value: float, token: str) -> str:
    if "E" in token.upper():
        mantissa, _, exponent = token.upper().partition("E")
        return _scientific(value, mantissa, sum(letter in "0#?" for letter in exponent))
    # Commas at the end scale by a thousand each; one between digits groups them.
    scaled = token.rstrip(",")
    value = value / 1000 ** (len(token) - len(scaled))
    token = scaled
    whole, _, decimals = token.partition(".")
    thousands = "," in whole
    least = sum(letter == "0" for letter in whole)
    most, needed = len(decimals), sum(letter == "0" for letter in decimals)
    text = _round(value, most)
    left, _, right = text.partition(".")
    while len(right) > needed and right.endswith("0"):
        right = right[:-1]
    left = "" if left == "0" and least == 0 else left.rjust(least, "0")
    if thousands and left:
        left = _group(left)
    return f"{left}.{right}" if right or (token.endswith(".") and "." in token) else left


def _group(text: str) -> str:
    head = len(text) % 3
    parts = ([text[:head]] if head else []) + [text[at : at + 3] for at in range(head, len(text), 3)]
    return ",".join(parts)


def _round(value: float, places: int) -> str:
    # Half away from zero on the shortest decimal text of the double, as spreadsheets do: 1.005 -> 1.01, 2.5 -> 3.
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return f"{exact:f}"


def _scientific(value: float, mantissa: str, exponent_digits: int) -> str:
    decimals = mantissa.partition(".")[2]
    text = f"{value:.{len(decimals)}E}"
    head, _, power = text.partition("E")
    needed = sum(letter == "0" for letter in decimals)
    left, _, right = head.partition(".")
    while len(right) > needed and right.endswith("0"):
        right = right[:-1]
    head = f"{left}.{right}" if right else left
    return f"{head}E{power[0]}{power[1:].lstrip('0').rjust(exponent_digits, '0')}"
