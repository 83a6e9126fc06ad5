"""All series, from the first event until they are read."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from standins.statsd import exposition
from standins.statsd.lines import BadSampleError, BadTagError, Event, Kind, escaped, events
from standins.statsd.mapping import DEFAULT_BUCKETS, DEFAULT_QUANTILES, Mapping, MappingFile, named

_AGE_SECONDS = 600.0  # of a summary's window: client_golang's default
_MOST_OBSERVATIONS = 10_000


@dataclass
class _Series:
    value: float = 0.0
    count: int = 0
    buckets: list[int] = field(default_factory=list)
    recent: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_MOST_OBSERVATIONS))
    updated: float = 0.0
    ttl: float | None = None


@dataclass
class _Family:
    name: str
    type: str
    bounds: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()
    series: dict[exposition.Labels, _Series] = field(default_factory=dict)


class Registry:
    """What the exporter keeps. Safe in threads.

    Args:
        mappings: the file.
        clock: seconds.
    """

    def __init__(self, mappings: MappingFile, clock: Callable[[], float] = time.monotonic) -> None:
        self._mappings, self._clock = mappings, clock
        self._families: dict[str, _Family] = {}
        self._lock = threading.Lock()
        self.packets = self.lines = self.unmapped = self.tag_errors = 0
        self.kinds: Counter[str] = Counter()
        self.sample_errors: Counter[str] = Counter()
        self.event_errors: Counter[str] = Counter()
        self.conflicts: Counter[str] = Counter()

    def take(self, packet: bytes) -> None:
        """One datagram."""
        with self._lock:
            self.packets += 1
            for line in packet.decode("utf-8", errors="replace").split("\n"):
                if not line:
                    continue
                self.lines += 1
                for event in events(line):
                    if isinstance(event, BadSampleError):
                        self.sample_errors[str(event)] += 1
                    elif isinstance(event, BadTagError):
                        self.tag_errors += 1
                    else:
                        self._apply(event)

    def _apply(self, event: Event) -> None:
        self.kinds[event.kind.value] += 1
        rule: Mapping | None = None
        name, labels = escaped(event.name), dict(event.labels)
        if found := self._mappings.find(event):
            rule, match = found
            if rule.action == "drop":
                return
            name, more = named(rule, match)
            labels |= more
        else:
            self.unmapped += 1
        value = event.value * (rule.scale if rule else 1.0)
        if event.kind is Kind.COUNTER and value < 0:
            self.event_errors["illegal_negative_counter"] += 1
            return
        family = self._family(name, event.kind, rule)
        if family is None:
            self.conflicts[event.kind.value] += 1
            return
        series = family.series.setdefault(tuple(sorted(labels.items())), _Series(buckets=[0] * len(family.bounds)))
        series.updated = self._clock()
        series.ttl = rule.ttl if rule and rule.ttl is not None else self._mappings.defaults.ttl
        if event.kind is Kind.OBSERVER:
            self._observe(family, series, value, event.times)
        elif event.kind is Kind.COUNTER or event.is_relative:
            series.value += value
        else:
            series.value = value

    def _observe(self, family: _Family, series: _Series, value: float, times: int) -> None:
        for _ in range(times):
            series.value += value
            series.count += 1
            series.buckets = [n + (value <= bound) for n, bound in zip(series.buckets, family.bounds, strict=True)]
            if family.quantiles:
                series.recent.append((self._clock(), value))

    def _family(self, name: str, kind: Kind, rule: Mapping | None) -> _Family | None:
        """The metric; None where its name is another type's."""
        defaults = self._mappings.defaults
        type_ = kind.value
        if kind is Kind.OBSERVER:
            type_ = (rule and rule.observer_type) or defaults.observer_type or "summary"
        known = self._families.get(name)
        if known is not None:
            return known if known.type == type_ else None
        family = _Family(name, type_)
        if type_ == "histogram":
            options = (rule and rule.histogram_options) or defaults.histogram_options
            family.bounds = options.buckets if options else DEFAULT_BUCKETS
        elif type_ == "summary":
            summary = (rule and rule.summary_options) or defaults.summary_options
            family.quantiles = tuple(one.quantile for one in (summary.quantiles if summary else DEFAULT_QUANTILES))
        self._families[name] = family
        return family

    def text(self) -> str:
        """All series in Prometheus' text format."""
        with self._lock:
            now = self._clock()
            shown = [self._shown(family, now) for family in self._families.values()]
            return "".join(exposition.block(*one) for one in [*shown, *self._own()] if one[2])

    def _shown(self, family: _Family, now: float) -> tuple[str, str, list[exposition.Sample]]:
        samples: list[exposition.Sample] = []
        for key, series in list(family.series.items()):
            if series.ttl and now - series.updated > series.ttl:
                del family.series[key]
                continue
            if family.type in ("counter", "gauge"):
                samples.append((family.name, key, series.value))
                continue
            for bound, count in zip(family.bounds, series.buckets, strict=True):
                samples.append((f"{family.name}_bucket", (*key, ("le", f"{bound:g}")), count))
            if family.bounds:
                samples.append((f"{family.name}_bucket", (*key, ("le", "+Inf")), series.count))
            values = sorted(value for at, value in series.recent if now - at <= _AGE_SECONDS)
            for quantile in family.quantiles:
                rank = values[min(len(values) - 1, int(quantile * len(values)))] if values else float("nan")
                samples.append((family.name, (*key, ("quantile", f"{quantile:g}")), rank))
            samples += [(f"{family.name}_sum", key, series.value), (f"{family.name}_count", key, series.count)]
        return family.name, family.type, samples

    def _own(self) -> Iterator[tuple[str, str, list[exposition.Sample]]]:
        for name, value in (
            ("udp_packets_total", self.packets),
            ("lines_total", self.lines),
            ("events_unmapped_total", self.unmapped),
            ("tag_errors_total", self.tag_errors),
        ):
            yield f"statsd_exporter_{name}", "counter", [(f"statsd_exporter_{name}", (), value)]
        for name, label, counts in (
            ("events_total", "type", self.kinds),
            ("sample_errors_total", "reason", self.sample_errors),
            ("events_error_total", "reason", self.event_errors),
            ("events_conflict_total", "type", self.conflicts),
        ):
            full = f"statsd_exporter_{name}"
            yield full, "counter", [(full, ((label, key),), count) for key, count in counts.items()]
