"""A TCP proxy on 127.0.0.1 that a test tells what to do wrong."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Trouble:
    """What happens to what the server sends.

    Attributes:
        latency_seconds: before each piece.
        drips: a byte at a time, each after the latency.
        resets_after: bytes of a connection from then on, and it is reset; None: never.
        is_half_open: connections are taken, and nothing of them is passed on.
    """

    latency_seconds: float = 0.0
    drips: bool = False
    resets_after: int | None = None
    is_half_open: bool = False


class TcpProxy:
    """A context manager.

    Args:
        port: of the server on 127.0.0.1.

    Attributes:
        sent: bytes to the server, so far.
    """

    def __init__(self, port: int) -> None:
        self._target, self.trouble = port, Trouble()
        self._stopping, self._open = threading.Event(), list[socket.socket]()
        self.sent = 0

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._take, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()

    def hang_up(self) -> None:
        """End all connections."""
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self._listening.accept()
                self._open.append(taken)
                if self.trouble.is_half_open:
                    continue
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open.append(server)
                for one in (taken, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._there, args=(taken, server), daemon=True).start()
                threading.Thread(target=self._back, args=(server, taken), daemon=True).start()

    def _there(self, taken: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := taken.recv(1 << 16):
                server.sendall(data)
                self.sent += len(data)
            server.shutdown(socket.SHUT_WR)

    def _back(self, server: socket.socket, taken: socket.socket) -> None:
        with contextlib.suppress(OSError):
            passed, told = 0, self.trouble
            while data := server.recv(1 << 16):
                for piece in [data[at : at + 1] for at in range(len(data))] if self.trouble.drips else [data]:
                    trouble = self.trouble
                    if trouble is not told:
                        passed, told = 0, trouble
                    if trouble.latency_seconds and self._stopping.wait(trouble.latency_seconds):
                        return
                    if trouble.resets_after is not None and passed + len(piece) > trouble.resets_after:
                        taken.sendall(piece[: trouble.resets_after - passed])
                        time.sleep(0.01)  # a reset overtakes what was sent just before
                        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        taken.shutdown(socket.SHUT_RD)  # who reads it keeps it open
                        taken.close()
                        return
                    taken.sendall(piece)
                    passed += len(piece)
            taken.shutdown(socket.SHUT_WR)
