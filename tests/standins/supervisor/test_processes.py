from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from standins.ports import Ports
from standins.supervisor import processes
from standins.supervisor.errors import SupervisorError
from standins.supervisor.spawn import last_words
from tests.standins.supervisor.helpers import eventually, program


def test_the_holder_of_a_port_is_named_by_pid_and_command() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        holder = processes.listener(server.getsockname()[1])
    assert holder is not None
    assert holder.pid == os.getpid()
    assert "pytest" in holder.command


def test_a_listener_on_all_addresses_counts_too() -> None:
    with socket.create_server(("", 0)) as server:
        assert processes.listener(server.getsockname()[1]) is not None


def test_an_ipv6_listener_on_all_addresses_counts_too() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        assert processes.listener(server.getsockname()[1]) is not None


def test_a_port_that_nobody_listens_on_has_no_holder() -> None:
    with socket.socket() as bound_only:
        bound_only.bind(("127.0.0.1", 0))
        assert processes.listener(bound_only.getsockname()[1]) is None


def test_a_zombie_is_not_running() -> None:
    child = subprocess.Popen(program("pass"))
    start = processes.read(child.pid)
    assert start is not None
    eventually(lambda: (processes.read(child.pid) or start).state == "Z")
    assert not processes.is_running(child.pid, start.start_ticks)
    child.wait()


def test_the_start_of_a_process_is_known_as_a_time_of_day() -> None:
    before = time.time()
    child = subprocess.Popen(program("import signal; signal.pause()"))
    process = processes.read(child.pid)
    child.kill()
    child.wait()
    assert process is not None
    assert before - 0.1 <= processes.epoch_seconds(process.start_ticks) <= time.time() + 0.1


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("starting\nlistening\n", "listening"),
        ('Traceback\n  File "x.py", line 1\n    f()\n    ^^^\nOSError: disk is full\nbye\n', "OSError: disk is full"),
        ("\x1b[31mFATAL:  no password\x1b[0m\n\n", "FATAL:  no password"),
        ("", "nothing in its log"),
    ],
)
def test_last_words_are_the_line_that_tells_most(log: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_text(log)
    assert last_words(file) == expected


def test_ports_can_be_moved_one_by_one_or_as_a_block() -> None:
    assert Ports.from_env({}).airflow == 8080
    assert Ports.from_env({"DRIVETRAIN_PORT_AIRFLOW": "9000"}) == Ports(airflow=9000)
    block = Ports.from_env({"DRIVETRAIN_PORT_BASE": "20000", "DRIVETRAIN_PORT_REDIS": "7000"})
    assert (block.airflow, block.postgres, block.redis, block.snowflake) == (20000, 20001, 7000, 20003)


@pytest.mark.parametrize("text", ["", "http", "-1", "0", "70000"])
def test_a_port_that_is_none_is_refused_with_the_variables_name(text: str) -> None:
    with pytest.raises(SupervisorError, match=r"DRIVETRAIN_PORT_SHEETS=.* is not a port number"):
        Ports.from_env({"DRIVETRAIN_PORT_SHEETS": text})
