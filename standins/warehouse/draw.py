"""How values are drawn: a stream of its own for each table, seasons, opening hours, exact decimals."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from standins.warehouse import catalog

_DAYS = 730
INDIA = datetime.timedelta(hours=5, minutes=30)


@dataclass(frozen=True)
class Market:
    """What decides the rows. ``scale`` multiplies listings and leads; ``as_of`` is the last day with data."""

    seed: int = 7
    scale: float = 1.0
    as_of: datetime.date = datetime.date(2026, 11, 1)


def stream(market: Market, table: str) -> np.random.Generator:
    """The random numbers of one table, by the market's seed and the table's name."""
    # A stream for each table: adding a column to one leaves the others as they were.
    digest = hashlib.sha256(table.encode()).digest()
    return np.random.default_rng([market.seed, int.from_bytes(digest[:4], "big")])


def money(rupees: np.ndarray, precision: int = 12, scale: int = 2) -> pa.Array:
    """Floats as exact decimals: scaled integers that are read with a scale, so no binary fraction leaks in."""
    unscaled = pa.array(np.rint(rupees * 10**scale).astype(np.int64)).cast(pa.decimal128(38, 0))
    shifted = pa.Array.from_buffers(pa.decimal128(38, scale), len(unscaled), unscaled.buffers())
    return shifted.cast(pa.decimal128(precision, scale))


def choose(random: np.random.Generator, values: tuple[str, ...], size: int, weights: list[float] | None = None):
    """``size`` of the values as an object array, by weight."""
    p = None if weights is None else np.array(weights) / sum(weights)
    return np.array(values, dtype=object)[random.choice(len(values), size=size, p=p)]


def nullable(
    random: np.random.Generator, values: np.ndarray, share: float, kind: pa.DataType | None = None
) -> pa.Array:
    """The values with about ``share`` of them NULL."""
    return pa.array(values, kind, mask=random.random(len(values)) < share)


def days(market: Market, random: np.random.Generator, size: int) -> np.ndarray:
    """Days as datetime64[D] over the window, by season and weekday (weekends sell more), oldest first."""
    window = np.datetime64(market.as_of) - np.arange(_DAYS - 1, -1, -1)
    months = window.astype("datetime64[M]").astype(int) % 12
    weekday = (window.astype(int) + 3) % 7
    growth = np.linspace(0.8, 1.2, _DAYS)
    weight = np.array(catalog.SEASON)[months] * np.where(weekday >= 5, 1.35, 1.0) * growth
    return np.sort(random.choice(window, size=size, p=weight / weight.sum()))


def instants(days: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Microsecond instants in opening hours (9 to 21, India) of the given days, as UTC."""
    micros = random.integers(9 * 3_600_000_000, 21 * 3_600_000_000, len(days))
    return days.astype("datetime64[us]") + micros - np.timedelta64(INDIA)


def utc(instants: np.ndarray) -> pa.Array:
    """Instants (datetime64, UTC) as timestamp[us, UTC]."""
    return pa.array(instants.astype("datetime64[us]"), pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))


def whole(values: np.ndarray) -> pa.Array:
    """Integers as NUMBER(38,0)."""
    return pa.array(values.astype(np.int64)).cast(pa.decimal128(38, 0))


def end_of_data(market: Market) -> np.datetime64:
    """The last microsecond with data."""
    return np.datetime64(market.as_of, "us") + np.timedelta64(86_399_999_999, "us")
