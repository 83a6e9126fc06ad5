"""The tables of database FLEET and the SQL that makes them: 37 that all syncs share.

SLOT is a row's place in a shuffled order, 0 to rows - 1: a range of it is a sample whose size is known. UPDATED_AT is
when a row last changed, UTC wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from standins.fleet.columns import CITIES, CITY, OTHERS, UPDATED, Template
from standins.fleet.draws import stream

DATABASE = "FLEET"
# Each team's own tables, the largest first: table, and what one row is.
SUBJECTS = {
    "retail": (("ORDERS", "order"), ("STORE_VISITS", "visit"), ("TEST_DRIVES", "drive"), ("DELIVERIES", "delivery")),
    "pricing": (("QUOTES", "quote"), ("OFFERS", "offer"), ("MARKET_PRICES", "price")),
    "inspection": (("CHECKS", "check"), ("REPAIRS", "repair"), ("PARTS", "part")),
    "lending": (("LOANS", "loan"), ("INSTALMENTS", "instalment"), ("REMINDERS", "reminder"), ("DEFAULTS", "default")),
    "growth": (("LEADS", "lead"), ("SESSIONS", "session"), ("REFERRALS", "referral"), ("CAMPAIGNS", "campaign")),
    "supply": (("PURCHASES", "purchase"), ("BIDS", "bid"), ("SELLERS", "seller"), ("STOCK", "car")),
    "logistics": (("TRANSFERS", "transfer"), ("TRIPS", "trip"), ("YARDS", "yard"), ("PAPERS", "paper")),
    "insurance": (("POLICIES", "policy"), ("CLAIMS", "claim"), ("RENEWALS", "renewal")),
    "finance": (("INVOICES", "invoice"), ("PAYMENTS", "payment"), ("REFUNDS", "refund"), ("TAXES", "tax")),
    "support": (("TICKETS", "ticket"), ("CALLS", "call"), ("SURVEYS", "survey")),
}
TEAMS = tuple(SUBJECTS)
_ROWS = (80_000, 40_000, 12_000, 12_000)  # of a team's first table, its second, and so on
_COLUMNS = 31  # of OTHERS that a table has
_PRIME = 1_000_003
_STEPS = (7_919, 7_907)  # primes; the one that does not divide the rows shuffles them


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        team: whose it is, and the schema's name.
        noun: what one row is.
        key: its first column, unique: an integer, or a code such as OR-0000042.
        columns: all others but SLOT.
        rows: how many it has.
        seed: of its values.
    """

    team: str
    name: str
    noun: str
    key: Template
    columns: tuple[Template, ...]
    rows: int
    seed: int

    @property
    def qualified(self) -> str:
        """DATABASE.SCHEMA.TABLE."""
        return f"{DATABASE}.{self.team.upper()}.{self.name}"


def tables(seed: int, scale: float = 1.0) -> tuple[Table, ...]:
    """All tables, 1.4 million rows at scale 1, at least 100 rows each."""
    made = []
    for team, subjects in SUBJECTS.items():
        for place, (name, noun) in enumerate(subjects):
            draw = stream(seed, f"{team}/{name}")
            chosen = sorted(draw.sample(range(len(OTHERS)), _COLUMNS))
            columns = (CITY, *(OTHERS[index] for index in chosen), UPDATED)
            rows = max(100, round(_ROWS[place] * scale))
            made.append(Table(team, name, noun, key_of(name, noun, place), columns, rows, draw.randrange(1, _PRIME)))
    return tuple(made)


def statements(made: tuple[Table, ...]) -> list[str]:
    """SQL for any warehouse that speaks Snowflake's, one statement each, to be run in this order."""
    cities = ", ".join(f"('{code}', '{city}', '{state}')" for code, city, state in CITIES)
    return [
        f"CREATE DATABASE IF NOT EXISTS {DATABASE}",
        *(f"CREATE SCHEMA IF NOT EXISTS {DATABASE}.{schema.upper()}" for schema in ("ref", *TEAMS)),
        f"CREATE OR REPLACE TABLE {DATABASE}.REF.CITIES (CITY_CODE VARCHAR(3), CITY VARCHAR(40), STATE VARCHAR(40))",
        f"INSERT INTO {DATABASE}.REF.CITIES VALUES {cities}",
        *(statement for table in made for statement in (_create(table), _fill(table))),
    ]


def key_of(name: str, noun: str, place: int) -> Template:
    """The key column of a team's table by its place."""
    # Codes and numbers take turns, since they sort and fit differently.
    if place % 2:
        code = f"'{name[:2]}-' || LPAD(N::VARCHAR, 7, '0')"
        return Template(f"{noun.upper()}_CODE", "text", "VARCHAR(10)", code)
    return Template(f"{noun.upper()}_ID", "integer", "NUMBER(38,0)", "1 + N", header=noun.capitalize())


def _create(table: Table) -> str:
    lines = [f"{column.name} {column.sql_type}" for column in table.columns]
    inside = ",\n    ".join([f"{table.key.name} {table.key.sql_type}", "SLOT NUMBER(9,0)", *lines])
    return f"CREATE OR REPLACE TABLE {table.qualified} (\n    {inside}\n)"


def _fill(table: Table) -> str:
    draw = stream(table.seed, table.name)
    step = next(step for step in _STEPS if table.rows % step)
    values = [table.key.value, f"MOD(N * {step}, {table.rows})"]
    for column in table.columns:
        x = f"MOD(H * {draw.randrange(2, _PRIME)}, {_PRIME})"
        values.append(f"({column.value.format(x=x)})::{column.sql_type}")
    inside = ",\n    ".join(values)
    return (
        f"INSERT INTO {table.qualified}\nSELECT {inside}\n"
        f"FROM (SELECT N, MOD(N * N * 31 + N * 7919 + {table.seed}, {_PRIME}) AS H\n"
        "      FROM (SELECT ROW_NUMBER() OVER (ORDER BY N) - 1 AS N\n"
        f"            FROM (SELECT SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => {table.rows})))))"
    )
