"""The load generator against servers that end connections."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from benchmarks.open_loop import at_rate, post

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@contextmanager
def server(answers: int) -> Iterator[int]:
    """Its port: it answers so many requests of each connection, and closes at the next one without a word."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            for _ in range(answers):
                if not connection.recv(4_096):
                    return
                connection.sendall(ANSWER)
            connection.recv(4_096)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)


@pytest.mark.parametrize(("answers", "expected"), [(3, {200: 40}), (0, {0: 40})])
def test_a_request_that_a_kept_alive_connection_was_closed_under_goes_out_once_more(
    answers: int, expected: dict[int, int]
) -> None:
    with server(answers) as port:
        told = at_rate(port, [post("/", b"{}")], rate=400, seconds=0.1)
    assert told.statuses == expected, "on a new connection none is tried again"
    assert len(told.seconds) == 40
