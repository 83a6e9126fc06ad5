"""One line of StatsD, with the tags of InfluxDB (`name,tag=value:1|c`) or of DogStatsD (`name:1|c|#tag:value`).

https://github.com/prometheus/statsd_exporter#tagging-extensions
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INVALID = re.compile(r"[^a-zA-Z0-9_]")
_MOST_PARTS = 8  # with the value


class Kind(StrEnum):
    """What a metric is; an observer becomes a summary or a histogram."""

    COUNTER = "counter"
    GAUGE = "gauge"
    OBSERVER = "observer"


_KINDS = {"c": Kind.COUNTER, "g": Kind.GAUGE, "ms": Kind.OBSERVER, "h": Kind.OBSERVER, "d": Kind.OBSERVER}


@dataclass(frozen=True)
class Event:
    """One value.

    Attributes:
        value: of `ms` in seconds.
        is_relative: of a gauge that began with a sign: it is added.
        times: how many observations it stands for, by its sample rate.
    """

    name: str
    kind: Kind
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    is_relative: bool = False
    times: int = 1


class BadSampleError(ValueError):
    """Not StatsD; the message is the exporter's word for the reason."""


class BadTagError(ValueError):
    """A tag without a key or a value. Its sample goes on without it."""


def escaped(name: str) -> str:
    """A name as Prometheus takes it."""
    legal = _INVALID.sub("_", name)
    return f"_{legal}" if legal[:1].isdigit() else legal


def events(line: str) -> Iterator[Event | BadSampleError | BadTagError]:
    """All values of a line; a sample of it that is bad stops no other one."""
    head, colon, rest = line.partition(":")
    if not head or not colon:
        yield BadSampleError("malformed_line")
        return
    name, _, tags = head.partition(",")
    labels, bad = _tags(tags, "=")
    yield from bad
    has_dog_tags = "|#" in rest
    if has_dog_tags and labels:
        yield BadSampleError("mixed_tagging_styles")
        return
    if "|" not in rest:
        yield BadSampleError("not_enough_parts_after_colon")
        return
    values, _, suffix = rest.partition("|")
    if ":" in values:
        # Several values of one metric, which only makes sense of observations: "1:2:3|ms".
        if _KINDS.get(suffix.partition("|")[0]) is not Kind.OBSERVER:
            yield BadSampleError("invalid_extended_aggregate_type")
            return
        samples = [f"{value}|{suffix}" for value in values.split(":")]
    else:
        samples = [rest] if has_dog_tags else rest.split(":")
    for sample in samples:
        yield from _events(name, sample, labels)


def _events(name: str, sample: str, labels: Mapping[str, str]) -> Iterator[Event | BadSampleError | BadTagError]:
    value_text, *parts = sample.split("|")
    if not parts or len(parts) >= _MOST_PARTS or "" in parts[1:]:
        yield BadSampleError("malformed_component")
        return
    try:
        value = float(value_text)
    except ValueError:
        yield BadSampleError("malformed_value")
        return
    kind, rate, tags = _KINDS.get(parts[0]), 1.0, dict(labels)
    for part in parts[1:]:
        if part.startswith("@"):
            try:
                rate = float(part[1:]) or 1.0
            except ValueError:
                yield BadSampleError("invalid_sample_factor")
        elif part.startswith("#"):
            more, bad = _tags(part[1:].replace(",#", ","), ":")
            yield from bad
            tags |= more
        else:
            yield BadSampleError("invalid_sample_factor")
            return
    if kind is None:
        yield BadSampleError("illegal_event")
        return
    if kind is Kind.COUNTER:
        value /= rate
    if parts[0] == "ms":
        value /= 1_000
    is_relative = kind is Kind.GAUGE and value_text.startswith(("+", "-"))
    times = int(1 / rate) if kind is Kind.OBSERVER else 1
    yield Event(name, kind, value, tags, is_relative, times)


def _tags(text: str, separator: str) -> tuple[dict[str, str], list[BadTagError]]:
    labels, bad = dict[str, str](), list[BadTagError]()
    for tag in text.split(",") if text else ():
        key, _, value = tag.partition(separator)
        if key and value:
            labels[escaped(key)] = value
        else:
            bad.append(BadTagError(tag))
    return labels, bad
