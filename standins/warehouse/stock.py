"""Cities, dealers, listings and inspections: what is for sale."""

from __future__ import annotations

import datetime
import hashlib
import json

import numpy as np
import pyarrow as pa

from standins.warehouse import catalog, draw
from standins.warehouse.draw import Market

_LISTINGS, _DEALERS = 60_000, 600


def cities() -> pa.Table:
    """INVENTORY.CITIES: the same for every market."""
    cities = catalog.CITIES
    opened = [datetime.date(2017 + index // 6, 1 + index % 12, 1) for index in range(len(cities))]
    return pa.table(
        {
            "CITY_CODE": [city.code for city in cities],
            "CITY": [city.name for city in cities],
            "STATE": [city.state for city in cities],
            "TIER": draw.money(np.array([city.tier for city in cities]), 1, 0),
            "LATITUDE": [city.latitude for city in cities],
            "LONGITUDE": [city.longitude for city in cities],
            "IS_METRO": [city.tier == 1 for city in cities],
            "OPENED_ON": opened,
        }
    )


def dealers(market: Market) -> tuple[pa.Table, np.ndarray]:
    """INVENTORY.DEALERS, and the city code of each dealer by position."""
    random = draw.stream(market, "dealers")
    size = max(60, int(_DEALERS * min(1.0, market.scale)))
    codes = tuple(city.code for city in catalog.CITIES)
    city = draw.choose(random, codes, size, [city.weight for city in catalog.CITIES])
    names = [
        f"{last} {word}"
        for last, word in zip(
            draw.choose(random, catalog.LAST_NAMES, size),
            draw.choose(random, ("Motors", "Auto Hub", "Car World", "& Sons Cars", "Wheels"), size),
            strict=True,
        )
    ]
    opens = random.integers(17, 21, size) * 1800
    table = pa.table(
        {
            "DEALER_ID": [f"D{number:05d}" for number in range(1, size + 1)],
            "NAME": names,
            "CITY_CODE": pa.array(city, pa.string()),
            "GSTIN": draw.nullable(random, np.array([f"27AAB{n:07d}Z1{n % 10}" for n in range(size)], object), 0.04),
            "RATING": draw.money(np.clip(random.normal(4.1, 0.4, size), 1, 5), 2, 1),
            "COMMISSION_RATE": np.round(random.uniform(0.01, 0.045, size), 4),
            "OPENS_AT": pa.array(opens * 1_000_000, pa.time64("us")),
            "CLOSES_AT": pa.array((opens + 11 * 3600) * 1_000_000, pa.time64("us")),
            "ACTIVE": random.random(size) < 0.93,
            "ONBOARDED_ON": pa.array(np.datetime64(market.as_of) - random.integers(30, 2400, size)),
        }
    )
    return table, city


def listings(market: Market, dealer_city: np.ndarray) -> pa.Table:
    """INVENTORY.LISTINGS in order of listing: price from the model's, age and km; status from the days on sale."""
    random = draw.stream(market, "listings")
    size = int(_LISTINGS * market.scale)
    days = draw.days(market, random, size)
    weights = np.array([model.weight for model in catalog.MODELS])
    model_index = random.choice(len(catalog.MODELS), size=size, p=weights / weights.sum())
    models = [catalog.MODELS[index] for index in model_index]
    # Dealers by Zipf: a few sell hundreds of cars, most of them a handful.
    ranks = 1.0 / np.arange(1, len(dealer_city) + 1) ** 0.9
    dealer = random.choice(len(dealer_city), size=size, p=ranks / ranks.sum())
    age = np.clip(random.gamma(3.2, 1.6, size), 0.5, 15)
    km = np.maximum(900, age * random.lognormal(np.log(10_500), 0.35, size)).astype(np.int64)
    new_price = np.array([model.lakh_new for model in models]) * 100_000
    expected = age * 10_500
    price = new_price * 0.87**age * np.clip(1 - (km - expected) / 400_000, 0.7, 1.15) * random.lognormal(0, 0.07, size)
    price = np.maximum(price, 45_000).round(-2) + random.choice([0, 0, 0, 99, 0.5], size)
    listed_for = (np.datetime64(market.as_of) - days).astype(int)
    chance = random.random(size)
    sold = chance < np.clip(listed_for / 75, 0, 0.72)
    status = np.where(sold, "sold", np.where(chance > 0.86, "withdrawn", np.where(chance > 0.83, "reserved", "live")))
    status = np.where((status == "withdrawn") | sold | (listed_for < 150), status, "withdrawn")
    seen = np.minimum(listed_for, random.integers(0, 90, size))
    updated = (days + seen).astype("datetime64[us]") + random.integers(0, 86_399_999_999, size)
    attributes = [
        json.dumps(
            {"seats": seats, "sunroof": sunroof, "airbags": airbags, "features": ["ABS", "Bluetooth"][: airbags % 3]}
        )
        for seats, sunroof, airbags in zip(
            np.where(new_price > 1_500_000, 7, 5).tolist(),
            (random.random(size) < 0.2).tolist(),
            random.integers(1, 7, size).tolist(),
            strict=True,
        )
    ]
    codes = np.array([f"{number:06d}" for number in range(101, 101 + size)], object)
    return pa.table(
        {
            "LISTING_CODE": codes,
            "VIN": [
                f"MA3{hashlib.md5(f'{market.seed}:{code}'.encode(), usedforsecurity=False).hexdigest()[:14].upper()}"
                for code in codes
            ],
            "MAKE": [model.make for model in models],
            "MODEL": [model.model for model in models],
            "VARIANT": [
                m.variants[n % len(m.variants)] for m, n in zip(models, random.integers(0, 12, size), strict=True)
            ],
            "FUEL": [m.fuels[n % len(m.fuels)] for m, n in zip(models, random.integers(0, 6, size), strict=True)],
            "TRANSMISSION": draw.choose(random, ("Manual", "Automatic"), size, [0.74, 0.26]),
            "MODEL_YEAR": draw.money((days.astype("datetime64[Y]").astype(int) + 1970 - age).astype(int), 4, 0),
            "ODOMETER_KM": draw.money(km, 38, 0),
            "OWNERS": draw.money(np.clip(1 + random.poisson(age / 9), 1, 5), 2, 0),
            "COLOR": draw.nullable(random, draw.choose(random, catalog.COLORS, size), 0.03),
            "CITY_CODE": pa.array(dealer_city[dealer], pa.string()),
            "DEALER_ID": [f"D{number + 1:05d}" for number in dealer],
            "PRICE": draw.money(price),
            "STATUS": pa.array(status.astype(object), pa.string()),
            "IS_CERTIFIED": draw.nullable(random, random.random(size) < 0.6, 0.02),
            "LISTED_ON": pa.array(days),
            "UPDATED_AT": pa.array(updated, pa.timestamp("us")),
            "ATTRIBUTES": draw.nullable(random, np.array(attributes, object), 0.05),
            "NOTES": draw.nullable(random, draw.choose(random, catalog.NOTES, size), 0.55),
            "PHOTO_DIGEST": draw.nullable(
                random,
                np.array([bytes.fromhex(f"{n:016x}") for n in random.integers(0, 2**62, size)], object),
                0.1,
                pa.binary(),
            ),
        }
    )


def inspections(market: Market, listings: pa.Table) -> pa.Table:
    """INVENTORY.INSPECTIONS: 94 of 100 listings have one, in the days before they were listed."""
    random = draw.stream(market, "inspections")
    keep = np.sort(random.permutation(listings.num_rows)[: int(listings.num_rows * 0.94)])
    chosen = listings.take(pa.array(keep))
    size = chosen.num_rows
    days = chosen["LISTED_ON"].to_numpy() - random.integers(0, 4, size)
    km = np.array([int(value) for value in chosen["ODOMETER_KM"].to_pylist()])
    score = np.clip(94 - km / 4200 + random.normal(0, 6, size), 12, 100)
    instants = draw.instants(days.astype("datetime64[D]"), random)
    parts = ("brakes", "clutch", "suspension", "battery", "tyres", "paint", "ac")
    findings = [
        json.dumps({"issues": [parts[first], parts[second]][: int(many)], "severity": "high" if value < 55 else "low"})
        for first, second, many, value in zip(
            random.integers(0, 7, size).tolist(),
            random.integers(0, 7, size).tolist(),
            random.integers(0, 3, size).tolist(),
            score.tolist(),
            strict=True,
        )
    ]
    names = [
        f"{a} {b}"
        for a, b in zip(
            draw.choose(random, catalog.FIRST_NAMES, 80), draw.choose(random, catalog.LAST_NAMES, 80), strict=True
        )
    ]
    slots = (instants + np.timedelta64(draw.INDIA)).astype("datetime64[h]").astype("datetime64[us]").astype(
        int
    ) % 86_400_000_000
    return pa.table(
        {
            "INSPECTION_ID": draw.money(np.arange(500_001, 500_001 + size), 38, 0),
            "LISTING_CODE": chosen["LISTING_CODE"],
            "INSPECTOR": draw.choose(random, tuple(names), size),
            "SCORE": draw.money(score, 4, 1),
            "TYRE_TREAD_MM": draw.nullable(random, np.round(random.uniform(1.6, 8.0, size), 3), 0.06),
            "PASSED": score >= 60,
            "FINDINGS": draw.nullable(random, np.array(findings, object), 0.04),
            "SLOT_STARTS": pa.array(slots, pa.time64("us")),
            "INSPECTED_AT": draw.utc(instants),
            "REPORT_DIGEST": draw.nullable(
                random,
                np.array([bytes.fromhex(f"{n:016x}") for n in random.integers(0, 2**62, size)], object),
                0.15,
                pa.binary(),
            ),
        }
    )
