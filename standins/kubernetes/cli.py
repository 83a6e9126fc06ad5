"""`python -m standins.kubernetes`: build, up, down, status, load."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from standins.kubernetes import images
from standins.kubernetes.build import Build
from standins.kubernetes.cluster import Cluster
from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.layout import Layout
from standins.platform.show import wide_console
from standins.supervisor.errors import SupervisorError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _report(name: str, outcome: str, seconds: float) -> None:
    # One write for each line: they come from several threads.
    sys.stdout.write(f"  {name:<22} {outcome:<28} {seconds:6.1f} s\n")
    sys.stdout.flush()


@app.command()
def build() -> None:
    """Build Kubernetes from Debian's source, once."""
    layout = Layout.from_env()
    began = time.monotonic()
    done = Build(layout, _report).run()
    print(f"Built in {time.monotonic() - began:.0f} s: {layout.built}" if done else f"Built before: {layout.built}")


@app.command()
def up() -> None:
    """Start the cluster; what runs already is left alone."""
    layout = Layout.from_env()
    began = time.monotonic()
    started = Cluster(layout, _report).up()
    print(f"Up in {time.monotonic() - began:.1f} s, {len(started)} started now. KUBECONFIG={layout.kubeconfig}")


@app.command()
def down() -> None:
    """Stop the cluster and remove all that it left, but for its images."""
    stopped = Cluster(Layout.from_env(), _report).down()
    stuck = [pid for result in stopped for pid in result.unstoppable]
    if stuck:
        raise KubernetesError(f"Could not be stopped: pid {', '.join(map(str, stuck))}.")
    print(f"Down: {len(stopped)} stopped." if stopped else "Down: nothing was running.")


@app.command()
def status() -> None:
    """Show what runs; the exit code is 3 unless everything does."""
    cluster = Cluster(Layout.from_env())
    table = Table("part", "state", "pid", "log")
    parts = cluster.status()
    for part in parts:
        table.add_row(part.name, part.state, str(part.pid or ""), str(cluster.supervisor.log(part.name)))
    wide_console().print(table)
    if any(part.state != "ready" for part in parts):
        raise typer.Exit(3)


@app.command()
def load(file: Annotated[Path, typer.Argument(help="Written by `docker save`.")]) -> None:
    """Load an image into the node's store."""
    print("\n".join(images.load(Cluster(Layout.from_env()).node, file)))


def main() -> None:
    """One line for what we expect to go wrong; a traceback is for bugs."""
    # As Ctrl-C: what was started is stopped again.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(standalone_mode=False)
    except SupervisorError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted; `make k8s-down` stops what runs", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if type(error).__module__.startswith(("click", "typer")):
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)
        raise
    sys.exit(code or 0)
