"""The mapping file: which names become which metrics, with which labels and buckets."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from standins.statsd.lines import Event, Kind, escaped

if TYPE_CHECKING:
    from pathlib import Path

# Prometheus' own: https://pkg.go.dev/github.com/prometheus/client_golang/prometheus#pkg-variables
DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_GLOB = re.compile(r"(\*|[a-zA-Z_][a-zA-Z0-9_-]*)(\.(\*|[a-zA-Z0-9_-]+))*")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+)([smh])")


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Quantile(_Closed):
    """One of a summary's."""

    quantile: Annotated[float, Field(ge=0, le=1)]
    error: float


DEFAULT_QUANTILES = (
    Quantile(quantile=0.5, error=0.05),
    Quantile(quantile=0.9, error=0.01),
    Quantile(quantile=0.99, error=0.001),
)


class HistogramOptions(_Closed):
    """Upper bounds, in seconds for timers."""

    buckets: tuple[float, ...] = DEFAULT_BUCKETS


class SummaryOptions(_Closed):
    """What a summary shows."""

    quantiles: tuple[Quantile, ...] = DEFAULT_QUANTILES


def _seconds(text: object) -> object:
    parts = _DURATION.findall(text) if isinstance(text, str) else []
    return sum(int(number) * _UNITS[unit] for number, unit in parts) if parts else text


class _Options(_Closed):
    observer_type: Literal["histogram", "summary"] | None = None
    histogram_options: HistogramOptions | None = None
    summary_options: SummaryOptions | None = None
    ttl: float | None = None  # seconds without an update after which a series goes

    _ttl_in_seconds = field_validator("ttl", mode="before")(_seconds)


class Defaults(_Options):
    """For what no mapping says otherwise."""


class Mapping(_Options):
    """One rule.

    Attributes:
        match: a name, in which `*` stands for one part between dots; or a regular expression, see match_type.
        name: of the metric; `$1` is what the first `*` stood for.
        labels: beside the tags, and before them.
        scale: the value is multiplied by it.
    """

    match: str
    name: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    match_type: Literal["glob", "regex"] = "glob"
    match_metric_type: Kind | None = None
    action: Literal["map", "drop"] = "map"
    scale: float = 1.0

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Of whole names."""
        if self.match_type == "regex":
            return re.compile(self.match)
        if not _GLOB.fullmatch(self.match):
            raise ValueError(f"mapping {self.match}: * has to be all that stands between two dots")
        return re.compile("^" + re.escape(self.match).replace(r"\*", "([^.]*)") + "$")

    def matched(self, event: Event) -> re.Match[str] | None:
        """What its stars stand for in the event's name."""
        if self.match_metric_type not in (None, event.kind):
            return None
        return self.pattern.search(event.name)


class MappingFile(_Closed):
    """All of it."""

    defaults: Defaults = Defaults()
    mappings: tuple[Mapping, ...] = ()

    @classmethod
    def load(cls, file: Path) -> MappingFile:
        """Read it.

        Raises:
            ValueError: an unknown key, a value that can't be, a pattern that is none.
        """
        loaded = cls.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
        for mapping in loaded.mappings:
            _ = mapping.pattern
            if mapping.action == "map" and not mapping.name:
                raise ValueError(f"mapping {mapping.match}: name is missing")
        return loaded

    def find(self, event: Event) -> tuple[Mapping, re.Match[str]] | None:
        """The first glob that matches, else the first regular expression."""
        for match_type in ("glob", "regex"):
            for mapping in self.mappings:
                if mapping.match_type == match_type and (found := mapping.matched(event)):
                    return mapping, found
        return None


def filled(template: str, found: re.Match[str]) -> str:
    """A template with what the stars stood for."""
    return re.sub(r"\$\{?(\d+)\}?", lambda number: found[int(number[1])] or "", template)


def named(mapping: Mapping, found: re.Match[str]) -> tuple[str, dict[str, str]]:
    """Name and labels that a rule gives."""
    labels = {key: filled(value, found) for key, value in mapping.labels.items()}
    return escaped(filled(mapping.name, found)), labels
