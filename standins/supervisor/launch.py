"""Runs as the child: notes itself, then becomes the program.

The note is written by the process that it is about and before the program's first line, so that there is no moment
at which the supervisor may be killed and leave something running that nobody can find.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from standins.supervisor import processes
from standins.supervisor.state import write_atomically


def main() -> None:
    """Usage: launch <request as JSON>.

    Its keys: `file` (the state file), `record` (all of it but who we are) and `cwd`.
    """
    request = json.loads(sys.argv[1])
    myself = processes.read(os.getpid())
    if myself is None:
        sys.exit("launch: /proc does not show this process; Linux with a mounted /proc is needed")
    record = {
        **request["record"],
        "pid": myself.pid,
        "start_ticks": myself.start_ticks,
        "boot_id": processes.boot_id(),
    }
    write_atomically(Path(request["file"]), record)
    argv = record["argv"]
    try:
        # Not earlier: the folder that Python started in is where it finds this module, and nothing of that must
        # reach the program, such as a PYTHONPATH that would let it import what an installed one could not.
        os.chdir(request["cwd"])
        os.execv(argv[0], argv)  # noqa: S606 (a list, no shell)
    except OSError as error:
        sys.exit(f"cannot start {argv[0]} in {request['cwd']}: {error.strerror}")


if __name__ == "__main__":
    main()
