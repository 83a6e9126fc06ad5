"""Finding the emulator, and that it runs on this machine alone."""

from __future__ import annotations

import socket
import urllib.request
from typing import TYPE_CHECKING

import pytest

from standins.pubsub.emulator import emulator_program
from standins.pubsub.testing import PubSubEmulator

if TYPE_CHECKING:
    from pathlib import Path


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with Java and nothing else."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("DRIVETRAIN_PUBSUB_EMULATOR", raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    program(tmp_path / "bin" / "java")
    return tmp_path


def test_it_is_found_in_the_sdk_that_gcloud_is_a_link_into(machine: Path) -> None:
    sdk = machine / "opt" / "google-cloud-sdk"
    found = program(sdk / "platform" / "pubsub-emulator" / "bin" / "cloud-pubsub-emulator")
    (machine / "bin" / "gcloud").symlink_to(program(sdk / "bin" / "gcloud"))
    assert emulator_program() == found


def test_it_is_found_where_the_variable_says(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = program(machine / "elsewhere" / "bin" / "cloud-pubsub-emulator")
    monkeypatch.setenv("DRIVETRAIN_PUBSUB_EMULATOR", str(machine / "elsewhere"))
    assert emulator_program() == found


def test_what_is_missing_is_named_with_the_way_to_get_it(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how = "gcloud components install pubsub-emulator"
    with pytest.raises(FileNotFoundError, match=f"nor is gcloud: install it with `{how}`"):
        emulator_program()
    program(machine / "bin" / "gcloud")
    with pytest.raises(FileNotFoundError, match=how):
        emulator_program()
    monkeypatch.setenv("DRIVETRAIN_PUBSUB_EMULATOR", str(machine / "elsewhere"))
    program(machine / "elsewhere" / "bin" / "cloud-pubsub-emulator")
    (machine / "bin" / "java").unlink()
    with pytest.raises(FileNotFoundError, match="needs Java"):
        emulator_program()


def test_one_that_ends_at_once_shows_its_log(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(machine / "elsewhere" / "bin" / "cloud-pubsub-emulator", "#!/bin/sh\necho no such port\nexit 1\n")
    monkeypatch.setenv("DRIVETRAIN_PUBSUB_EMULATOR", str(machine / "elsewhere"))
    with pytest.raises(RuntimeError, match="did not start:\nno such port"):
        PubSubEmulator().start()


def test_it_answers_on_this_machine_alone_and_is_gone_afterwards() -> None:
    try:
        emulator_program()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with PubSubEmulator() as emulator:
        with urllib.request.urlopen(f"http://{emulator.host}", timeout=5) as answer:
            assert answer.status == 200
        port = int(emulator.host.rpartition(":")[2])
        for address in {each[4][0] for each in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)}:
            if not str(address).startswith("127."):
                with pytest.raises(OSError, match="refused"):
                    socket.create_connection((str(address), port), timeout=2)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=2)
