"""Parses a folder of DAG files in a process of its own, in bounded time."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from typing import IO, TYPE_CHECKING, Self

from drivetrain.dags.parsed import Parsed
from drivetrain.errors import FatalError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

# Airflow's own is 30 s a file; this is the whole bundle's bound, and the first parse waits for Airflow's import.
TIMEOUT_SECONDS = 60.0
_START_SECONDS = 90.0
_ENVIRONMENT = {
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "20",
    # The frame in the DAG file is above those in libraries.
    "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "30",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DAG_PROCESSOR__DAG_VERSION_INFLATION_CHECK_LEVEL": "warning",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL",
    "_AIRFLOW_PROCESS_CONTEXT": "client",
}
# A parse has no business with these, and a DAG file could print them.
_SECRET = ("SQL_ALCHEMY_CONN", "FERNET_KEY", "SECRET", "PASSWORD", "TOKEN", "AIRFLOW_CONN_", "AIRFLOW_VAR_")


class UnparsableError(FatalError):
    """The folder's files end the process that parses them, or never end."""


class DagParser:
    """A parser that is started at the first parse and kept, since its start costs seconds.

    Args:
        hash_seed: of Python; another one gives sets another order.
        timeout_seconds: for the parse of one folder.
    """

    def __init__(self, *, hash_seed: int | None = None, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._seed, self._timeout_seconds = hash_seed, timeout_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._home: tempfile.TemporaryDirectory[str] | None = None
        self._is_warm = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start it without waiting; it imports Airflow meanwhile."""
        if self._process and self._process.poll() is None:
            return
        self.close()
        self._home = tempfile.TemporaryDirectory(prefix="drivetrain-parse-")
        environment = {key: value for key, value in os.environ.items() if not any(word in key for word in _SECRET)}
        environment |= {"AIRFLOW_HOME": self._home.name, **_ENVIRONMENT}
        if self._seed is not None:
            environment["PYTHONHASHSEED"] = str(self._seed)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hooks.dag_parse_server"],
            env=environment,
            cwd=self._home.name,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # a request that could not be sent is not sent again when the pipe is closed
            start_new_session=True,  # what it forks goes with it
        )

    def parse(self, folder: Path) -> Parsed:
        """Parse a bundle's folder.

        Raises:
            UnparsableError: a file ends the process, or the time is over.
            UnavailableError: the parser can't be started.
        """
        self.ask(folder)
        return self.answer()

    def ask(self, folder: Path) -> None:
        """Begin a parse; `answer` has to be called before the next one."""
        self.start()
        try:
            self._pipes[0].write(f"{folder}\n".encode())
        except OSError as error:
            self.close()
            raise UnavailableError(f"the DAG parser can't be started: {error}") from None

    def is_ready(self, seconds: float) -> bool:
        """Wait so long at most for the answer; False: it is still to come."""
        return bool(select.select([self._pipes[1]], [], [], seconds)[0])

    def answer(self) -> Parsed:
        """What the parse gave; waits for it, see `parse`."""
        line = self._line(self._timeout_seconds + (0.0 if self._is_warm else _START_SECONDS))
        self._is_warm = True
        document = json.loads(line)
        if "died" in document:
            raise UnparsableError(
                f"a DAG file ended the process that parses it (exit code {document['died']}): no sys.exit() in dags/"
            )
        return Parsed.of(document)

    def close(self) -> None:
        """Stop it with all that it started."""
        process, self._process, self._is_warm = self._process, None, False
        if process:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
        if self._home:
            self._home.cleanup()
            self._home = None

    @property
    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """To the parser, and from it."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise UnavailableError("the DAG parser was not started: call ask() first")
        return process.stdin, process.stdout

    def _line(self, seconds: float) -> bytes:
        output = self._pipes[1]
        parts, deadline = bytearray(), time.monotonic() + seconds
        while not parts.endswith(b"\n"):
            ready, _, _ = select.select([output], [], [], max(deadline - time.monotonic(), 0.0))
            if not ready:
                self.close()
                raise UnparsableError(f"parsing did not end within {seconds:.0f} s: a DAG file hangs, or does too much")
            part = os.read(output.fileno(), 1 << 20)
            if not part:
                self.close()
                raise UnavailableError("the DAG parser ended without an answer: is Airflow installed here?")
            parts += part
        return bytes(parts)
