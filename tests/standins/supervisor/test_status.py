"""What is told of each service: it runs and answers, runs and does not, has ended, or was never started."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

from standins.supervisor.status import status
from standins.supervisor.supervisor import Supervisor
from standins.supervisor.units import Action
from tests.standins.supervisor.helpers import eventually, free_port, is_alive, listening


def test_each_service_tells_how_it_is_and_actions_are_no_services(supervisor: Supervisor) -> None:
    web, dead, never = (listening(name, free_port()) for name in ("web", "dead", "never"))
    supervisor.up([web, dead])
    pids = {record.name: record.pid for record in supervisor.state.all()}
    os.kill(pids["dead"], signal.SIGKILL)
    eventually(lambda: not is_alive(pids["dead"]))
    found = status([web, dead, never, Action("done", lambda: None)], supervisor.state)
    assert [(part.name, part.state, part.pid) for part in found] == [
        ("web", "ready", pids["web"]),
        ("dead", "crashed", None),
        ("never", "not started", None),
    ]


def test_a_service_that_does_not_answer_says_why_and_keeps_its_pid(supervisor: Supervisor) -> None:
    web = listening("web", free_port())
    supervisor.up([web])
    [part] = status([replace(web, probe=lambda _: "is busy")], supervisor.state)
    assert part.state == "not ready: is busy"
    assert part.pid is not None
