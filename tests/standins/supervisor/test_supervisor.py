from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from standins.supervisor.errors import (
    NotReadyError,
    PortInUseError,
    ServiceDiedError,
    SupervisorError,
)
from standins.supervisor.probes import call
from standins.supervisor.spawn import ROOT
from standins.supervisor.state import Record
from standins.supervisor.supervisor import Supervisor
from standins.supervisor.units import Action, Command, Service
from tests.standins.supervisor.helpers import eventually, free_port, is_alive, listening, program

FOREVER = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()"


def always(_: Record) -> None:
    return None


def record_of(supervisor: Supervisor, name: str) -> Record:
    record = supervisor.state.read(name)
    assert record is not None, f"{name} has no record"
    return record


def test_a_service_is_started_answers_and_is_stopped(supervisor: Supervisor) -> None:
    port = free_port()
    assert supervisor.up([listening("web", port)]) == ["web"]
    record = record_of(supervisor, "web")
    assert record.alive
    assert os.getsid(record.pid) == record.pid, "it must not share our terminal's session"

    [stopped] = supervisor.down()
    assert stopped.outcome == "stopped"
    assert not is_alive(record.pid)
    assert list(supervisor.state.all()) == []
    assert supervisor.down() == []


def test_a_second_up_reuses_what_runs(supervisor: Supervisor) -> None:
    web = listening("web", free_port())
    supervisor.up([web])
    pid = record_of(supervisor, "web").pid
    assert supervisor.up([web]) == []
    assert record_of(supervisor, "web").pid == pid


def test_a_changed_declaration_restarts_what_runs(supervisor: Supervisor) -> None:
    port = free_port()
    supervisor.up([listening("web", port)])
    pid = record_of(supervisor, "web").pid
    assert supervisor.up([listening("web", port, env={"MODE": "new"})]) == ["web"]
    assert record_of(supervisor, "web").pid != pid
    assert not is_alive(pid)


def test_a_service_that_crashed_is_started_again(supervisor: Supervisor) -> None:
    web = listening("web", free_port())
    supervisor.up([web])
    pid = record_of(supervisor, "web").pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not is_alive(pid))
    assert supervisor.up([web]) == ["web"]


def test_a_taken_port_is_told_in_one_line_before_anything_is_started(supervisor: Supervisor) -> None:
    port = free_port()
    other = subprocess.Popen(listening("other", port).argv)
    try:
        service = listening("web", port, port_variable="DRIVETRAIN_PORT_WEB")
        eventually(lambda: service.probe(None) is None)  # type: ignore[arg-type]
        with pytest.raises(PortInUseError) as caught:
            supervisor.up([listening("first", free_port()), service])
    finally:
        other.kill()
        other.wait()
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(port), "web", f"pid {other.pid}", "make down", "DRIVETRAIN_PORT_WEB="):
        assert part in message
    assert list(supervisor.state.all()) == []


def test_moving_to_a_taken_port_leaves_what_runs_alone(supervisor: Supervisor) -> None:
    supervisor.up([listening("web", free_port())])
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortInUseError):
        supervisor.up([listening("web", other.getsockname()[1])])
    assert record_of(supervisor, "web").alive


def test_a_service_that_dies_at_start_is_told_in_one_line_and_the_others_are_stopped(supervisor: Supervisor) -> None:
    text = "import sys; print('warming up'); sys.exit('error: no such table: cars')"
    dying = Service("db", program(text), lambda _: "not yet", depends_on=("web",))
    with pytest.raises(ServiceDiedError) as caught:
        supervisor.up([listening("web", free_port()), dying])
    message = str(caught.value)
    assert "\n" not in message
    for part in ("db", "exit code 1", "no such table: cars", str(supervisor.log("db"))):
        assert part in message
    assert list(supervisor.state.all()) == []


def test_a_failed_up_leaves_alone_what_ran_before_it(supervisor: Supervisor) -> None:
    web = listening("web", free_port())
    supervisor.up([web])
    dying = Service("db", program("raise SystemExit(3)"), lambda _: "not yet", depends_on=("web",))
    with pytest.raises(ServiceDiedError, match="exit code 3"):
        supervisor.up([web, dying])
    assert record_of(supervisor, "web").alive


def test_a_service_that_never_answers_is_given_up_with_the_reason(supervisor: Supervisor) -> None:
    mute = Service("mute", program(FOREVER), lambda _: "port 1: refused", ready_timeout_seconds=0.3)
    with pytest.raises(NotReadyError, match=r"mute was not ready within 0 s: port 1: refused"):
        supervisor.up([mute])
    assert list(supervisor.state.all()) == []


def test_a_missing_program_is_told_with_the_fix(supervisor: Supervisor) -> None:
    with pytest.raises(SupervisorError, match=r"db needs /nowhere/db, which is not there: run `make venv`"):
        supervisor.up([Service("db", ("/nowhere/db",), always)])


def test_services_that_do_not_depend_on_each_other_start_side_by_side(supervisor: Supervisor) -> None:
    def started(name: str) -> None:
        if supervisor.state.read(name) is None:
            raise RuntimeError(f"{name} is not there yet")

    # Each is ready only once the other runs: one after the other they would never be.
    pair = [
        Service("left", program(FOREVER), call(lambda: started("right")), ready_timeout_seconds=10),
        Service("right", program(FOREVER), call(lambda: started("left")), ready_timeout_seconds=10),
    ]
    assert set(supervisor.up(pair)) == {"left", "right"}


def test_units_start_after_what_they_need_and_stop_before_it(supervisor: Supervisor, home: Path) -> None:
    journal = home / "journal"
    text = """
import signal, sys
def note(what):
    with open(sys.argv[1], "a") as journal:
        journal.write(what + "\\n")
def stop(*_):
    note(sys.argv[2] + " stops")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note(sys.argv[2] + " starts")
while True:
    signal.pause()
"""

    def noted(name: str) -> None:
        if not journal.exists() or f"{name} starts" not in journal.read_text():
            raise RuntimeError("not yet")

    def service(name: str, *needs: str) -> Service:
        return Service(name, program(text, journal, name), call(lambda: noted(name)), depends_on=needs)

    def migrate() -> str:
        with journal.open("a") as file:
            file.write("migrated\n")
        return "migrated"

    supervisor.up([service("app", "migrate"), Action("migrate", migrate, depends_on=("db",)), service("db")])
    supervisor.down()
    assert journal.read_text().splitlines() == ["db starts", "migrated", "app starts", "app stops", "db stops"]


def test_units_that_depend_on_each_other_or_on_nothing_known_are_refused(supervisor: Supervisor) -> None:
    with pytest.raises(SupervisorError, match=r"circle: a -> b -> a"):
        supervisor.up([Action("a", str, depends_on=("b",)), Action("b", str, depends_on=("a",))])
    with pytest.raises(SupervisorError, match=r"a depends on b, which is not declared"):
        supervisor.up([Action("a", str, depends_on=("b",))])


def test_a_service_that_ignores_the_signal_is_killed(supervisor: Supervisor) -> None:
    text = STUBBORN.replace("\n", "; print('deaf', flush=True)\n")

    def is_deaf() -> None:
        if "deaf" not in supervisor.log("stubborn").read_text():
            raise RuntimeError("not yet")

    supervisor.up([Service("stubborn", program(text), call(is_deaf), stop_timeout_seconds=0.2)])
    pid = record_of(supervisor, "stubborn").pid
    [stopped] = supervisor.down()
    assert stopped.outcome == "killed"
    assert not is_alive(pid)


def test_children_in_sessions_of_their_own_are_stopped_too(supervisor: Supervisor, home: Path) -> None:
    pids = home / "pids"
    # A grandchild that has left the session and lost its parent: only its environment tells where it comes from.
    text = f"""
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-S", "-c", {STUBBORN!r}], start_new_session=True)
if os.fork() == 0:
    orphan = subprocess.Popen([sys.executable, "-S", "-c", {STUBBORN!r}], start_new_session=True)
    with open(sys.argv[1] + ".new", "w") as file:
        file.write(f"{{child.pid}} {{orphan.pid}}")
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    os._exit(0)
os.wait()
while True:
    signal.pause()
"""
    supervisor.up([Service("parent", program(text, pids), call(lambda: pids.read_text()))])
    child, orphan = map(int, pids.read_text().split())
    assert is_alive(child)
    assert is_alive(orphan)
    [stopped] = supervisor.down()
    assert stopped.leftovers == 2
    assert not is_alive(child)
    assert not is_alive(orphan)


def test_a_child_that_outlives_its_crashed_leader_is_found_by_down(supervisor: Supervisor) -> None:
    text = "import signal, subprocess, sys\n" + (
        "subprocess.Popen([sys.executable, '-S', '-c', 'import signal; signal.pause()'])\nsignal.pause()"
    )
    supervisor.up([Service("parent", program(text), always)])
    leader = record_of(supervisor, "parent").pid
    [child] = eventually(lambda: _children(leader))
    os.kill(leader, signal.SIGKILL)
    eventually(lambda: not is_alive(leader))
    [stopped] = supervisor.down()
    assert (stopped.outcome, stopped.leftovers) == ("was not running", 1)
    assert not is_alive(child)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_process_that_was_given_a_dead_ones_pid_is_not_killed(supervisor: Supervisor) -> None:
    supervisor.up([Service("web", program(FOREVER), always)])
    record = record_of(supervisor, "web")
    stranger = subprocess.Popen(program(FOREVER), start_new_session=True)
    try:
        file = supervisor.state.file("web")
        original = file.read_text()
        file.write_text(json.dumps({**json.loads(original), "pid": stranger.pid, "marker": "/elsewhere:web"}))
        assert not record_of(supervisor, "web").alive
        supervisor.down()
        assert is_alive(stranger.pid)
        file.write_text(original)
        supervisor.down()
        assert not is_alive(record.pid)
    finally:
        stranger.kill()
        stranger.wait()


def test_records_from_before_a_reboot_name_nobody(supervisor: Supervisor) -> None:
    supervisor.up([Service("web", program(FOREVER), always)])
    file = supervisor.state.file("web")
    original = file.read_text()
    file.write_text(json.dumps({**json.loads(original), "boot_id": "another"}))
    [stopped] = supervisor.down()
    assert stopped.outcome == "was not running"
    file.write_text(original)


def test_a_program_is_noted_before_its_first_line_runs(supervisor: Supervisor) -> None:
    text = "import os, sys; sys.exit(0 if os.path.exists(sys.argv[1]) else 'error: nobody would find me')"
    supervisor.up([Command("early", program(text, supervisor.state.file("early")))])


UP = """
import sys
from pathlib import Path
import signal
from standins.supervisor.supervisor import Supervisor
from standins.supervisor.units import Service
signal.signal(signal.SIGTERM, signal.default_int_handler)
services = [
    Service("ready", tuple(sys.argv[2:]), lambda _: None),
    Service("slow", tuple(sys.argv[2:]), lambda _: "not yet", depends_on=("ready",), ready_timeout_seconds=600),
]
Supervisor(Path(sys.argv[1])).up(services)
"""


def up_in_a_process_of_its_own(home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", UP, str(home), *program(FOREVER)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stderr=subprocess.PIPE)


def test_what_an_up_that_was_killed_in_the_middle_had_started_is_found_by_down(supervisor: Supervisor) -> None:
    up = up_in_a_process_of_its_own(supervisor.state.path.parent)
    records = [eventually(lambda: supervisor.state.read("ready")), eventually(lambda: supervisor.state.read("slow"))]
    up.kill()
    up.communicate()
    assert all(record.alive for record in records if record)
    assert {stopped.name for stopped in supervisor.down()} == {"ready", "slow"}
    assert not any(is_alive(record.pid) for record in records if record)


def test_down_interrupts_an_up_that_is_under_way_and_which_then_rolls_back(supervisor: Supervisor) -> None:
    up = up_in_a_process_of_its_own(supervisor.state.path.parent)
    record = eventually(lambda: supervisor.state.read("slow"))
    assert record is not None
    supervisor.down()
    _, errors = up.communicate(timeout=10)
    assert up.returncode != 0
    assert "KeyboardInterrupt" in errors
    assert not is_alive(record.pid)
    assert list(supervisor.state.all()) == []


def test_a_second_up_at_the_same_time_is_refused(supervisor: Supervisor) -> None:
    up = up_in_a_process_of_its_own(supervisor.state.path.parent)
    try:
        eventually(lambda: supervisor.state.read("slow"))
        with pytest.raises(SupervisorError, match=rf"Another `up` is under way \(pid {up.pid}\)"):
            supervisor.up([])
    finally:
        supervisor.down()
        up.communicate(timeout=10)


def test_a_command_runs_until_it_is_done_and_is_skipped_when_it_was(supervisor: Supervisor, home: Path) -> None:
    stamp = home / "stamp"
    outcomes: list[str] = []
    supervisor.report = lambda _, outcome, __: outcomes.append(outcome)
    command = Command("load", program("print('loading')"), done=stamp.exists, after=stamp.touch)
    supervisor.up([command])
    supervisor.up([command])
    assert outcomes == ["done", "done before"]
    assert supervisor.log("load").read_text() == "loading\n"
    assert list(supervisor.state.all()) == []


def test_a_command_that_fails_tells_its_last_words(supervisor: Supervisor) -> None:
    text = "raise ValueError('row 7: price is negative')"
    with pytest.raises(ServiceDiedError, match=r"load ended with exit code 1: ValueError: row 7: price is negative"):
        supervisor.up([Command("load", program(text))])


def test_a_command_is_stopped_when_another_unit_fails(supervisor: Supervisor) -> None:
    def fail() -> str:
        eventually(lambda: supervisor.state.read("load"))
        raise SupervisorError("the other failed")

    with pytest.raises(SupervisorError, match="the other failed"):
        supervisor.up([Command("load", program(FOREVER)), Action("other", fail)])
    assert list(supervisor.state.all()) == []


def test_a_bug_in_an_action_is_raised_as_it_is(supervisor: Supervisor) -> None:
    def bug() -> str:
        raise KeyError("bundle")

    with pytest.raises(KeyError):
        supervisor.up([Action("bug", bug)])


def test_a_program_sees_the_declared_environment_and_none_of_what_is_to_be_unset(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "Other")
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    monkeypatch.setenv("KEPT", "yes")
    text = "import json, os, sys; print(json.dumps([dict(os.environ), sys.path, os.getcwd()]))"
    argv = (sys.executable, "-S", "-c", text)
    command = Command("show", argv, env={"OURS": "1"}, unset=("AIRFLOW*", "VIRTUAL_ENV"), cwd=supervisor.logs)
    supervisor.up([command])
    environment, path, folder = json.loads(supervisor.log("show").read_text())
    assert environment["OURS"] == "1"
    assert environment["KEPT"] == "yes"
    assert not {"AIRFLOW__CORE__EXECUTOR", "VIRTUAL_ENV"}.intersection(environment)
    assert str(ROOT) not in path, "the repository must not be importable just because we started it"
    assert folder == str(supervisor.logs)


def test_the_last_log_is_kept_beside_the_new_one(supervisor: Supervisor) -> None:
    supervisor.up([Command("load", program("print('first')"))])
    supervisor.up([Command("load", program("print('second')"))])
    assert supervisor.log("load").read_text() == "second\n"
    assert supervisor.log("load").with_suffix(".log.1").read_text() == "first\n"


def test_no_thread_is_left_behind(supervisor: Supervisor) -> None:
    before = threading.active_count()
    supervisor.up([listening("web", free_port())])
    supervisor.down()
    assert threading.active_count() == before
