"""Where the emulator is installed, and how it is started."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_HOW = (
    "install it with `gcloud components install pubsub-emulator` "
    "(on Debian the package google-cloud-cli-pubsub-emulator), or set DRIVETRAIN_PUBSUB_EMULATOR to its folder"
)
_INSIDE = Path("platform") / "pubsub-emulator"
ENV = {"JAVA_OPTS": "-Xmx256m"}


def emulator_program() -> Path:
    """The emulator's own start script: below DRIVETRAIN_PUBSUB_EMULATOR, or in the SDK of the first gcloud on the path.

    Raises:
        FileNotFoundError: the emulator or Java is not installed; the message says how to get it.
    """
    program = _folder() / "bin" / "cloud-pubsub-emulator"
    if not program.is_file():
        raise FileNotFoundError(f"the Pub/Sub emulator is not at {program}: {_HOW}")
    java = Path(os.environ["JAVA_HOME"]) / "bin" / "java" if os.environ.get("JAVA_HOME") else Path("java")
    if not shutil.which(java):
        raise FileNotFoundError("the Pub/Sub emulator needs Java, which is not installed: install a JRE of 11 or later")
    return program


def emulator_command(port: int) -> tuple[str, ...]:
    """Listens on 127.0.0.1, and keeps nothing.

    Raises:
        FileNotFoundError: see emulator_program.
    """
    return (str(emulator_program()), "--host=127.0.0.1", f"--port={port}")


def _folder() -> Path:
    if named := os.environ.get("DRIVETRAIN_PUBSUB_EMULATOR"):
        return Path(named)
    gcloud = shutil.which("gcloud")
    if not gcloud:
        raise FileNotFoundError(f"the Pub/Sub emulator is not installed, nor is gcloud: {_HOW}")
    # gcloud is bin/gcloud of the SDK, or a link to it.
    return Path(gcloud).resolve().parents[1] / _INSIDE
