"""`python -m standins`: the local platform from the command line. `make help` shows the short form of each."""

from __future__ import annotations

import os
import shutil
import time
from typing import Annotated

import typer
from rich.table import Table

from standins import console
from standins.platform import bundle, features_demo
from standins.platform.demo import connect, run_syncs, verify
from standins.platform.features import BUCKET, why_no_files
from standins.platform.layout import Layout
from standins.platform.secrets import ADMIN, Secrets
from standins.platform.services import platform
from standins.platform.show import Progress, print_result, wide_console
from standins.platform.versions import wait_for_version
from standins.prometheus.config import PAGE
from standins.supervisor import processes
from standins.supervisor.errors import SupervisorError
from standins.supervisor.status import READY
from standins.supervisor.status import status as ask_status
from standins.supervisor.supervisor import Supervisor

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Without = Annotated[list[str], typer.Option(help="A part to leave out, along with what needs it; repeatable.")]


def _seconds_since_start() -> float:
    """Since `make` was called, which may have had to install everything first, else since this process started."""
    myself = processes.read(os.getpid())
    began = os.environ.get("DRIVETRAIN_STARTED_AT") or (processes.epoch_seconds(myself.start_ticks) if myself else 0)
    return time.time() - float(began)


def _start(layout: Layout, without: list[str]) -> list[str]:
    layout.remember()
    started = Supervisor(layout.home, console.report).up(platform(layout, without=without))
    print(
        f"Up in {_seconds_since_start():.1f} s, {len(started)} started now. Airflow: {layout.airflow_url}", flush=True
    )
    if layout.monitoring:
        print(f"Alerts: {layout.prometheus_url}{PAGE}", flush=True)
    if layout.features:
        print(f"Features: {layout.features_url}", flush=True)
    return started


@app.command()
def up(
    monitoring: Annotated[
        bool, typer.Option("--monitoring", help="With Prometheus; DRIVETRAIN_MONITORING=1 does the same.")
    ] = False,
    features: Annotated[
        bool, typer.Option("--features", help="With a feature store; DRIVETRAIN_FEATURES=1 does the same.")
    ] = False,
    without: Without = [],  # noqa: B006 (typer copies it)
) -> None:
    """Start everything; what runs already is left alone."""
    asked = {"monitoring": monitoring, "features": features}
    _start(Layout.from_env(*(name for name, is_asked in asked.items() if is_asked)), without)


@app.command()
def demo(
    check: Annotated[bool, typer.Option("--check", help="Also compare each sheet with its source.")] = False,
    without: Without = [],  # noqa: B006 (typer copies it)
) -> None:
    """Start everything, run every sheet sync once, and show what was synced."""
    layout = Layout.from_env()
    started = _start(layout, without)
    console = wide_console()
    with connect(layout) as api, Progress(console) as progress:
        snapshot = run_syncs(layout, api, progress)
    print_result(console, layout, snapshot, ADMIN, Secrets.of(layout.secrets_file).admin_password)
    if check:
        with connect(layout) as api:
            verify(layout, api, snapshot)
    print(f"{'From nothing to synced' if started else 'Synced'} in {_seconds_since_start():.0f} s.")


@app.command()
def demo_features() -> None:
    """Start everything and a feature store, run the DAG of each view once, and show what is served."""
    layout = Layout.from_env("features")
    started = _start(layout, [])
    console = wide_console()
    with connect(layout) as api:
        snapshot = features_demo.run_views(layout, api, console)
        equal = features_demo.verify(layout, console, snapshot)
        print(f"{equal:,} values are served as BigQuery has them.", flush=True)
        if not why_no_files():
            seconds = features_demo.let_a_file_arrive(layout, api)
            print(f"A file arrived in gs://{BUCKET}, and its price was served {seconds:.1f} s later.", flush=True)
    print(f"{'From nothing to served' if started else 'Served'} in {_seconds_since_start():.0f} s.")


@app.command()
def push(message: Annotated[str, typer.Option("-m", "--message", help="Of the commit.")] = "Push") -> None:
    """Publish dags/ and include/ as they are now, and wait until Airflow shows them."""
    layout = Layout.from_env()
    began = time.monotonic()
    sha = bundle.publish(layout, message)
    with connect(layout) as api:
        wait_for_version(layout, api, sha)
    print(f"Airflow runs version {sha[:12]}, {time.monotonic() - began:.1f} s after the push.")


@app.command()
def status() -> None:
    """Show what runs; the exit code is 3 unless everything does."""
    layout = Layout.from_env()
    table = Table()
    for heading in ("service", "state", "pid", "port", "since", "log"):
        table.add_column(heading)
    supervisor = Supervisor(layout.home)
    parts = ask_status(platform(layout), supervisor.state)
    for part in parts:
        columns = ("", "", "")
        if record := part.record:
            since = time.strftime("%H:%M:%S", time.localtime(record.started_at))
            columns = (str(record.pid), str(record.port or ""), since)
        table.add_row(part.name, part.state, *columns, str(supervisor.log(part.name)))
    wide_console().print(table)
    if any(part.state != READY for part in parts):
        raise typer.Exit(3)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="One service; all of them if left out.")] = "",
    lines: Annotated[int, typer.Option("-n", help="How many of the last lines of each.")] = 20,
    follow: Annotated[bool, typer.Option("-f", help="Keep showing new ones.")] = False,
) -> None:
    """Show what the services wrote."""
    folder = Layout.from_env().home / "logs"
    files = sorted(map(str, folder.glob(f"{name or '*'}.log")))
    tail = shutil.which("tail")
    if not files or not tail:
        raise SupervisorError(f"No log {name or ''} in {folder}: nothing was started, or the name is another.")
    os.execv(tail, [tail, "-n", str(lines), *(["-F"] if follow else []), *files])  # noqa: S606 (a list, no shell)


@app.command()
def down() -> None:
    """Stop everything that was started from here."""
    layout = Layout.from_env()
    console.print_stopped(Supervisor(layout.home, console.report).down())
    layout.forget()


def main() -> None:
    """The commands."""
    console.run(app, interrupted="`make status` shows what runs, `make down` stops it")


if __name__ == "__main__":
    main()
