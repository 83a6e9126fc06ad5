"""What the commands of the local platform and of Kubernetes share: a line a step, and one line for what goes wrong."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from standins.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

    from standins.supervisor.stop import Stopped


def report(name: str, outcome: str, seconds: float) -> None:
    """Show what became of a step. One write for each line: they come from several threads."""
    sys.stdout.write(f"  {name:<22} {outcome:<28} {seconds:6.1f} s\n")
    sys.stdout.flush()


def print_stopped(stopped: Sequence[Stopped]) -> None:
    """Say how much was stopped.

    Raises:
        SupervisorError: something could not be; it names the processes.
    """
    if stuck := [pid for result in stopped for pid in result.unstoppable]:
        raise SupervisorError(f"Could not be stopped: pid {', '.join(map(str, stuck))}.")
    print(f"Down: {len(stopped)} stopped." if stopped else "Down: nothing was running.")


def run(app: typer.Typer, *, interrupted: str) -> None:
    """Run a command and end: one line for what we expect to go wrong, a traceback for bugs.

    Args:
        app: the commands.
        interrupted: what to say after Ctrl-C.
    """
    # As Ctrl-C: what was started is stopped again.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(standalone_mode=False)
    except SupervisorError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"interrupted; {interrupted}", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if type(error).__module__.startswith(("click", "typer")):
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)
        raise
    sys.exit(code or 0)
