"""Where alerts arrive: an HTTP server and a mail server that keep what they get, and refuse on request."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson


@dataclass
class Post:
    """A request, after it was answered."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        return dict(orjson.loads(self.body))


@dataclass
class HttpReceiver:
    """An HTTP server.

    Attributes:
        got: requests that were answered with 200.
        answers: by path: the statuses of the next requests; 0 takes the request and closes the connection.
        headers: of every answer.
    """

    url: str = ""
    got: list[Post] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def at(self, path: str) -> list[Post]:
        return [post for post in self.got if post.path == path]


@contextmanager
def http_receiver() -> Iterator[HttpReceiver]:
    """Start one."""
    receiver = HttpReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            planned = receiver.answers.get(self.path)
            status = planned.pop(0) if planned else 200
            if status in {0, 200}:
                receiver.got.append(
                    Post(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                )
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"ok\n")

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@dataclass
class MailReceiver:
    """A mail server without TLS and login.

    Attributes:
        got: (recipients, message) of each mail that was taken.
        refuse: answer to RCPT with 550.
    """

    port: int = 0
    got: list[tuple[list[str], str]] = field(default_factory=list)
    refuse: bool = False


@contextmanager
def mail_receiver() -> Iterator[MailReceiver]:
    """Start one. It speaks as much of https://www.rfc-editor.org/rfc/rfc5321 as smtplib needs."""
    receiver = MailReceiver()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 ready")
            recipients: list[str] = []
            while line := self.rfile.readline():
                command = line.decode().strip()
                verb = command[:4].upper()
                if verb == "RCPT":
                    if receiver.refuse:
                        self.say("550 nobody of that name")
                    else:
                        recipients.append(command.partition("<")[2].rstrip(">"))
                        self.say("250 ok")
                elif verb == "DATA":
                    self.say("354 go on")
                    lines = []
                    while (text := self.rfile.readline()) != b".\r\n":
                        lines.append(text.decode())
                    receiver.got.append((recipients, "".join(lines)))
                    self.say("250 taken")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        receiver.port = int(server.server_address[1])
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
