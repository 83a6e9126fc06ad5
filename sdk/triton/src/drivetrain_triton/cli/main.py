"""The commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from drivetrain_triton.cli.bench import bench as run_bench
from drivetrain_triton.cli.values import WrongValueError, as_json, drawn, given
from drivetrain_triton.client import TritonClient
from drivetrain_triton.errors import TritonError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
_out, _err = Console(), Console(stderr=True)

Urls = Annotated[
    list[str] | None,
    typer.Option(
        "--url", help="http://, https://, grpc:// or grpcs://host:port; may be repeated. DRIVETRAIN_TRITON_URLS."
    ),
]
Seconds = Annotated[float | None, typer.Option("--timeout", help="Seconds for a call.")]
Model = Annotated[str, typer.Argument(help="Its name.")]
Version = Annotated[str, typer.Option(help="Of the model; whichever the server takes, if none.")]


def _client(urls: list[str] | None, timeout: float | None) -> TritonClient:
    given: dict[str, Any] = {} if timeout is None else {"timeout_seconds": timeout}
    return TritonClient(*(urls or ()), **given)


@app.command()
def models(url: Urls = None, timeout: Seconds = None) -> None:
    """List what a server could load, and what it has."""
    with _client(url, timeout) as client:
        table = Table("model", "version", "state", "reason")
        for one in sorted(client.models(), key=lambda one: (one.name, one.version)):
            table.add_row(one.name, one.version or "-", one.state or "not loaded", one.reason)
    _out.print(table)


@app.command()
def show(model: Model, version: Version = "", url: Urls = None, timeout: Seconds = None) -> None:
    """Say what a model takes and gives."""
    with _client(url, timeout) as client:
        signature = client.model(model, version).signature()
    rows = signature.max_batch_size
    batches = f"up to {rows}" if rows else "no"
    _out.print(f"{signature.name}, versions {', '.join(signature.versions) or '-'}, {batches} rows a request")
    table = Table("", "name", "type", "shape")
    for what, specs in (("input", signature.inputs), ("output", signature.outputs)):
        for one in specs.values():
            shape = ", ".join("any" if size < 0 else str(size) for size in one.shape)
            table.add_row(what + (", optional" if one.is_optional else ""), one.name, one.datatype, shape)
    _out.print(table)


@app.command()
def infer(
    model: Model,
    values: Annotated[
        list[str] | None, typer.Option("--input", help="name=JSON, or name=@file of .npy or .json; may be repeated.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write outputs to this .npz instead of printing them.")] = None,
    version: Version = "",
    url: Urls = None,
    timeout: Seconds = None,
) -> None:
    """Run a model once and print what it gives as JSON."""
    inputs = dict(map(given, values or ()))
    with _client(url, timeout) as client:
        answer = client.model(model, version).infer(inputs)
    if save is not None:
        import numpy as np

        outputs: dict[str, Any] = answer.outputs
        np.savez(save, **outputs)
        _err.print(f"{save}: {', '.join(answer.outputs)}")
        return
    told: dict[str, Any] = {name: as_json(value) for name, value in answer.outputs.items()}
    _out.print_json(json.dumps({"model": answer.model, "version": answer.version, "outputs": told}))


@app.command()
def bench(
    model: Model,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10.0,
    clients: Annotated[int, typer.Option(min=1, help="Calls at a time, each in a thread of its own.")] = 4,
    rows: Annotated[int, typer.Option(min=1, help="Of each call; and of any dimension without a size.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the values that are drawn.")] = 0,
    version: Version = "",
    url: Urls = None,
    timeout: Seconds = None,
) -> None:
    """Call a model with drawn values as fast as it goes: calls a second, and what they take."""
    with _client(url, timeout) as client:
        asked = client.model(model, version)
        inputs = drawn(asked.signature(), rows, seed)
        told = run_bench(lambda: asked.infer(inputs), seconds=seconds, clients=clients)
    table = Table("calls a second", "failed", "p50, ms", "p99, ms", "longest, ms")
    table.add_row(
        f"{told.rate:,.1f}", str(told.failed), *(f"{1_000 * one:,.2f}" for one in (told.p50, told.p99, told.longest))
    )
    _out.print(table)
    for error, count in told.errors.items():
        _err.print(f"{count} times: {error}", markup=False, highlight=False)
    if told.failed:
        raise typer.Exit(1)


def main() -> None:
    """Run a command; its errors are one line and status 1."""
    try:
        app(standalone_mode=True)
    except (TritonError, WrongValueError) as error:
        _err.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
