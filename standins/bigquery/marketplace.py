"""The tables of feature_repo/ in the emulator, with rows of the last hour: the same ones each time but for their times.

Usage: python -m standins.bigquery.marketplace --url http://127.0.0.1:9050
"""

from __future__ import annotations

import datetime as dt
import io
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from google.auth.credentials import AnonymousCredentials
from google.cloud.bigquery import Client, LoadJobConfig, ParquetOptions

if TYPE_CHECKING:
    from random import Random

PROJECTS = ("marketplace", "lending")
ENTITIES = 2_000
_SEED = 20_261_127
_CITIES = ("Pune", "Delhi", "Mumbai", "Chennai", "Jaipur", "Kochi")
_TIME = pa.timestamp("us", "UTC")
Make = Callable[["Random"], Any]


@dataclass(frozen=True)
class Table:
    """What a feature view reads.

    Attributes:
        name: project.dataset.table.
        key: the column that entities are known by.
        entity: the key of the entity at a place.
        features: of each column its type in BigQuery, its type in Arrow, and how a value is drawn.
    """

    name: str
    key: tuple[str, str, pa.DataType]
    entity: Callable[[int], Any]
    features: Mapping[str, tuple[str, pa.DataType, Make]]

    @property
    def ddl(self) -> str:
        """Makes it."""
        key, kind, _ = self.key
        columns = [f"{key} {kind}", *(f"{name} {found[0]}" for name, found in self.features.items())]
        return f"CREATE TABLE `{self.name}` ({', '.join(columns)}, event_at TIMESTAMP, loaded_at TIMESTAMP)"

    def rows(self, draw: Random, now: dt.datetime, entities: int) -> pa.Table:
        """A row of each entity, of the last hour."""
        ages = [dt.timedelta(seconds=draw.uniform(10, 3_000)) for _ in range(entities)]
        columns = {self.key[0]: pa.array([self.entity(place) for place in range(entities)], self.key[2])}
        for name, (_, kind, make) in self.features.items():
            columns[name] = pa.array([make(draw) for _ in range(entities)], kind)
        columns["event_at"] = pa.array([now - age for age in ages], _TIME)
        columns["loaded_at"] = pa.array([now - age / 2 for age in ages], _TIME)
        return pa.table(columns)


def _whole(least: int, most: int) -> tuple[str, pa.DataType, Make]:
    return "INT64", pa.int64(), lambda draw: draw.randint(least, most)


def _real(least: float, most: float) -> tuple[str, pa.DataType, Make]:
    return "FLOAT64", pa.float64(), lambda draw: round(draw.uniform(least, most), 2)


def _one_of(*texts: str) -> tuple[str, pa.DataType, Make]:
    return "STRING", pa.string(), lambda draw: draw.choice(texts)


_CAR = ("car_id", "INT64", pa.int64())
TABLES = {
    "car_listing": Table(
        "marketplace.features.car_listing",
        _CAR,
        lambda place: 1_000 + place,
        {
            "asking_price": _real(150_000, 2_500_000),
            "kilometres": _whole(2_000, 180_000),
            "days_listed": _whole(0, 90),
            "price_changes": _whole(0, 6),
            "city": _one_of(*_CITIES),
            "is_certified": ("BOOL", pa.bool_(), lambda draw: draw.random() < 0.4),
            "listed_at": (
                "TIMESTAMP",
                _TIME,
                lambda draw: dt.datetime(2026, 9, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=draw.randint(0, 100_000)),
            ),
            "photo_scores": (
                "ARRAY<FLOAT64>",
                pa.list_(pa.float64()),
                lambda draw: [round(draw.random(), 2) for _ in range(draw.randint(1, 5))],
            ),
        },
    ),
    "car_demand": Table(
        "marketplace.features.car_demand",
        _CAR,
        lambda place: 1_000 + place,
        {
            "views_1d": _whole(0, 400),
            "views_7d": _whole(400, 3_000),
            "leads_7d": _whole(0, 60),
            "test_drives_7d": _whole(0, 12),
        },
    ),
    "dealer_quality": Table(
        "marketplace.features.dealer_quality",
        ("dealer_id", "STRING", pa.string()),
        lambda place: f"D{place:04}",
        {
            "cars_sold_90d": _whole(0, 250),
            "return_rate": _real(0, 0.2),
            "median_days_to_sell": _real(3, 90),
            "badges": (
                "ARRAY<STRING>",
                pa.list_(pa.string()),
                lambda draw: draw.sample(("fast", "honest", "warranty", "home delivery"), draw.randint(0, 3)),
            ),
        },
    ),
    "applicant_behaviour": Table(
        "lending.features.applicant_behaviour",
        ("applicant_id", "INT64", pa.int64()),
        lambda place: 500_000 + place,
        {
            "applications_30d": _whole(0, 5),
            "repaid_loans": _whole(0, 8),
            "missed_payments_12m": _whole(0, 6),
            "bureau_score": _real(350, 880),
            "income_band": _one_of("low", "middle", "high"),
        },
    ),
}


def client_for(url: str, project: str = PROJECTS[0]) -> Client:
    """The official client for an emulator."""
    return Client(project=project, credentials=AnonymousCredentials(), client_options={"api_endpoint": url})


def is_filled(url: str) -> bool:
    """Whether the last table that is made is there."""
    client = client_for(url)
    *_, last = TABLES.values()
    return last.name.split(".")[2] in {each.table_id for each in client.list_tables(last.name.rpartition(".")[0])}


def main(
    url: Annotated[str, typer.Option(help="Of the emulator.")],
    entities: Annotated[int, typer.Option(help="Rows of each table.")] = ENTITIES,
) -> None:
    """Make the datasets and the tables, and fill them."""
    client, now = client_for(url), dt.datetime.now(dt.UTC)
    draw = random.Random(_SEED)  # noqa: S311 (the same rows each time)
    for project in PROJECTS:
        client.create_dataset(f"{project}.features", exists_ok=True)
    for dataset in ("staging", "training"):
        client.create_dataset(f"{PROJECTS[0]}.{dataset}", exists_ok=True)
    lists = ParquetOptions()
    lists.enable_list_inference = True
    for table in TABLES.values():
        client.delete_table(table.name, not_found_ok=True)
        client.query(table.ddl).result()
        file = io.BytesIO()
        pq.write_table(table.rows(draw, now, entities), file)
        file.seek(0)
        config = LoadJobConfig(source_format="PARQUET", parquet_options=lists)
        client.load_table_from_file(file, table.name, job_config=config).result()
        print(f"{table.name}: {entities:,} rows", flush=True)


if __name__ == "__main__":
    typer.run(main)
