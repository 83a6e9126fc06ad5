"""`python -m standins.kubernetes`: build, up, down, status, load."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from standins import console
from standins.kubernetes import images
from standins.kubernetes.build import Build
from standins.kubernetes.cluster import Cluster
from standins.kubernetes.layout import Layout
from standins.platform.show import wide_console

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def build() -> None:
    """Build Kubernetes from Debian's source, once."""
    layout = Layout.from_env()
    began = time.monotonic()
    done = Build(layout, console.report).run()
    print(f"Built in {time.monotonic() - began:.0f} s: {layout.built}" if done else f"Built before: {layout.built}")


@app.command()
def up() -> None:
    """Start the cluster; what runs already is left alone."""
    layout = Layout.from_env()
    began = time.monotonic()
    started = Cluster(layout, console.report).up()
    print(f"Up in {time.monotonic() - began:.1f} s, {len(started)} started now. KUBECONFIG={layout.kubeconfig}")


@app.command()
def down() -> None:
    """Stop the cluster and remove all that it left, but for its images."""
    console.print_stopped(Cluster(Layout.from_env(), console.report).down())


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
    """The commands."""
    console.run(app, interrupted="`make k8s-down` stops what runs")
