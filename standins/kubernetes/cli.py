"""`python -m standins.kubernetes`: build, up, down, status, load, image, deploy."""

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
from standins.kubernetes.platform import Platform
from standins.kubernetes.platform_image import PlatformImages
from standins.platform.show import wide_console
from standins.supervisor.status import READY

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
    if any(part.state != READY for part in parts):
        raise typer.Exit(3)


@app.command()
def load(file: Annotated[Path, typer.Argument(help="Written by `docker save`.")]) -> None:
    """Load an image into the node's store."""
    print("\n".join(images.load(Cluster(Layout.from_env()).node, file)))


@app.command()
def image() -> None:
    """Make the platform's images, and load them where the cluster runs."""
    layout = Layout.from_env()
    images = PlatformImages(layout, console.report)
    made = images.make()
    cluster = Cluster(layout)
    if cluster.runs:
        images.load(cluster.node, made)
    print("\n".join(one.name for one in made))


@app.command()
def deploy() -> None:
    """Run the platform on the cluster, as the working tree has it."""
    began = time.monotonic()
    platform = Platform(Layout.from_env(), console.report)
    found = platform.deploy()
    print(f"Airflow is at {found.url} after {time.monotonic() - began:.0f} s, user {found.user}.")
    print(f"Its password is the admin_password in {platform.home / 'secrets.json'}.")


@app.command()
def undeploy() -> None:
    """Take the platform from the cluster, with its data."""
    Platform(Layout.from_env(), console.report).remove()
    print("The platform is gone; the cluster runs.")


def main() -> None:
    """The commands."""
    console.run(app, interrupted="`make k8s-down` stops what runs")
