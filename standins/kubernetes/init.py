"""The first process of the node: makes its mounts, then takes in orphans until it is told to end.

With it end its namespaces: the kernel kills what runs in them and forgets their mounts, bridges and firewall rules.
It is process 1 there, to which the kernel gives every process whose parent is gone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

POLL_SECONDS = 1.0


def main() -> None:
    """Usage: init <file with the keys `commands` (lists of arguments) and `ready` (a file to make at the end)>."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    request = json.loads(Path(sys.argv[1]).read_text())
    for command in request["commands"]:
        code = subprocess.run(command, check=False).returncode
        if code:
            sys.exit(f"init failed: `{' '.join(command)}` ended with exit code {code}")
    Path(request["ready"]).touch()
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
