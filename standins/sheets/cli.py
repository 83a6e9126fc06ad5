"""The command line: ``python -m standins.sheets serve --port 0 --data DIR``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from standins.sheets import limits

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="A local stand-in for Google Sheets v4 and Drive v3."
)


@app.callback()
def main() -> None:
    """Keep ``serve`` a sub-command, though it is the only one."""


@app.command()
def serve(
    data: Annotated[Path, typer.Option(help="Where the database, the key files and the port file are.")],
    port: Annotated[int, typer.Option(help="0 takes a free one; it is written to DATA/port.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    project: Annotated[str, typer.Option(help="Google Cloud project of the service accounts.")] = "drivetrain-local",
    accounts: Annotated[int, typer.Option(help="How many accounts (sync-1 ...) to make sure of.")] = 3,
    public_url: Annotated[str, typer.Option(help="Address in the key files, if it is another one.")] = "",
    project_reads: Annotated[
        int, typer.Option(help="Reads a minute for the project; 0 = no quota.")
    ] = limits.REQUESTS_PER_MINUTE_PER_PROJECT,
    project_writes: Annotated[
        int, typer.Option(help="Writes a minute for the project; 0 = no quota.")
    ] = limits.REQUESTS_PER_MINUTE_PER_PROJECT,
    user_reads: Annotated[
        int, typer.Option(help="Reads a minute for a user; 0 = no quota.")
    ] = limits.REQUESTS_PER_MINUTE_PER_USER,
    user_writes: Annotated[
        int, typer.Option(help="Writes a minute for a user; 0 = no quota.")
    ] = limits.REQUESTS_PER_MINUTE_PER_USER,
    minute_seconds: Annotated[float, typer.Option(help="How long a minute lasts for the quotas.")] = 60.0,
    max_cells: Annotated[int, typer.Option(help="Cells a workbook.")] = limits.MAX_CELLS,
    max_cell_characters: Annotated[int, typer.Option(help="Characters a cell.")] = limits.MAX_CELL_CHARACTERS,
    max_columns: Annotated[int, typer.Option(help="Columns a tab.")] = limits.MAX_COLUMNS,
    max_sheets: Annotated[int, typer.Option(help="Tabs a workbook.")] = limits.MAX_SHEETS,
    max_batch_requests: Annotated[int, typer.Option(help="Sub-requests a batch.")] = limits.MAX_BATCH_REQUESTS,
    max_request_bytes: Annotated[int, typer.Option(help="Bytes of a request's body.")] = limits.MAX_REQUEST_BYTES,
    max_metadata_characters: Annotated[
        int, typer.Option(help="Characters of developer metadata.")
    ] = limits.MAX_METADATA_CHARACTERS,
    token_seconds: Annotated[int, typer.Option(help="How long an access token lives.")] = limits.TOKEN_SECONDS,
    check_responses: Annotated[bool, typer.Option(help="Check every answer against the discovery document.")] = False,
) -> None:
    """Serve until SIGTERM."""
    from standins.sheets.core import Config
    from standins.sheets.server import run

    config = Config(
        data=data,
        project=project,
        accounts=accounts,
        limits=limits.Limits(
            max_cells=max_cells,
            max_columns=max_columns,
            max_cell_characters=max_cell_characters,
            max_sheets=max_sheets,
            max_batch_requests=max_batch_requests,
            max_request_bytes=max_request_bytes,
            max_metadata_characters=max_metadata_characters,
        ),
        quotas=limits.Quotas(project_reads, project_writes, user_reads, user_writes, minute_seconds),
        token_seconds=token_seconds,
        check_responses=check_responses,
    )
    run(config, host, port, public_url or None)
