"""Command line: ``python -m standins.warehouse load`` and ``change``, against any server that speaks Snowflake."""

from __future__ import annotations

import argparse
import datetime
import os
import zoneinfo
from typing import Any

from standins.warehouse.change import change
from standins.warehouse.generate import Market
from standins.warehouse.load import create_loaded_tables, load


def main(argv: list[str] | None = None) -> None:
    """Parse the command line, connect and do it.

    Raises:
        SystemExit: 2 when the arguments are wrong (argparse).
        LookupError: ``change`` on an empty warehouse.
    """
    parser = argparse.ArgumentParser(prog="python -m standins.warehouse", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    load_parser = commands.add_parser("load", help="generate and load; does nothing when the same is loaded")
    change_parser = commands.add_parser("change", help="change a share of the rows, as a day of trade would")
    for command in (load_parser, change_parser):
        command.add_argument("--host", default="127.0.0.1")
        command.add_argument("--port", type=int, required=True)
        command.add_argument("--user", default="drivetrain")
        command.add_argument("--password", default="drivetrain")
    load_parser.add_argument("--seed", type=int, default=7)
    load_parser.add_argument("--scale", type=float, default=1.0, help="1.0 is about 370,000 rows")
    load_parser.add_argument("--as-of", type=datetime.date.fromisoformat, default=_today(), help="last day with data")
    change_parser.add_argument("--share", type=float, default=0.01, help="of the listings that change in a day")
    arguments = parser.parse_args(argv)

    connection = _connect(arguments)
    try:
        if arguments.command == "load":
            create_loaded_tables(connection)
            loaded = load(connection, Market(arguments.seed, arguments.scale, arguments.as_of))
            total = sum(loaded.rows.values())
            print(
                f"{total:,} rows loaded in {loaded.seconds:.1f} s"
                if total
                else f"loaded already, up to {loaded.market.as_of}"
            )
        else:
            step, counts = change(connection, arguments.share)
            print(f"step {step}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
    finally:
        connection.close()


def _today() -> datetime.date:
    return datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Kolkata")).date()


def _connect(arguments: argparse.Namespace) -> Any:
    import snowflake.connector

    # The connector would ask the clouds' metadata servers who it runs on.
    os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
    return snowflake.connector.connect(
        account="standin",
        host=arguments.host,
        port=arguments.port,
        protocol="http",
        user=arguments.user,
        password=arguments.password,
        session_parameters={"QUERY_TAG": "standins.warehouse"},
    )
