"""A git remote over HTTP, which asks for a token as GitHub does: git's own `http-backend` behind a password.

Runs in a pod with the standard library alone: python -m standins.kubernetes.git_server <folder> <file with the token>.
The user's name is not looked at. The repository is <folder>/bundle.git; it is made at the first start.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import shutil
import subprocess
import sys
import tempfile
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

PORT = 8000
REPOSITORY = "bundle.git"
HEALTH = "/healthz"
# What a client sent, and under which name a CGI program looks for it.
_PASSED_ON = {
    "Content-Type": "CONTENT_TYPE",
    "Content-Encoding": "HTTP_CONTENT_ENCODING",
    "Git-Protocol": "HTTP_GIT_PROTOCOL",
}


class Server(ThreadingHTTPServer):
    """Serves the repositories of a folder.

    Args:
        address: host and port.
        folder: of the repositories.
        token: what a client has to know.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], folder: Path, token: str) -> None:
        super().__init__(address, Handler)
        self.folder = folder
        self.token = token


class Handler(BaseHTTPRequestHandler):
    """One request to `git http-backend`: https://git-scm.com/docs/git-http-backend."""

    server: Server

    def do_GET(self) -> None:
        """See http.server."""
        if self.path == HEALTH:
            self._end(HTTPStatus.OK)
        else:
            self._serve()

    def do_POST(self) -> None:
        """See http.server."""
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of health checks; the rest is one line, without headers."""
        if self.path != HEALTH:
            super().log_message(format, *args)

    def _serve(self) -> None:
        with tempfile.TemporaryFile() as body, tempfile.TemporaryFile() as answer:
            length = self._read_body(body)  # also what is refused: a client first sends all of it
            if not self._may_come_in():
                self._end(HTTPStatus.UNAUTHORIZED, ("WWW-Authenticate", 'Basic realm="git"'))
                return
            body.seek(0)
            path, _, query = self.path.partition("?")
            environment = {
                **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
                "GIT_PROJECT_ROOT": str(self.server.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REMOTE_USER": "drivetrain",  # who is known may push
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_LENGTH": str(length),
                **{name: self.headers[key] for key, name in _PASSED_ON.items() if key in self.headers},
            }
            code = subprocess.run(
                ["git", "http-backend"], stdin=body, stdout=answer, env=environment, check=False
            ).returncode
            answer.seek(0)
            if code:
                self._end(HTTPStatus.INTERNAL_SERVER_ERROR)
            else:
                self._answer(answer)

    def _may_come_in(self) -> bool:
        kind, _, told = self.headers.get("Authorization", "").partition(" ")
        try:
            _, _, token = base64.b64decode(told, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return kind.lower() == "basic" and hmac.compare_digest(token.encode(), self.server.token.encode())

    def _read_body(self, body: IO[bytes]) -> int:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            body.write(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            return body.tell()
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body.write(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return body.tell()

    def _answer(self, answer: IO[bytes]) -> None:
        """What a CGI program printed: headers, an empty line, the body."""
        status, headers = "200", []
        while line := answer.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            if name.lower() == "status":
                status = value.split()[0]
            else:
                headers.append((name, value.strip()))
        self.send_response(int(status))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        shutil.copyfileobj(answer, self.wfile)

    def _end(self, status: HTTPStatus, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", "0")):
            self.send_header(name, value)
        self.end_headers()


def ensure_repository(folder: Path) -> None:
    """Make the repository unless it is there."""
    if not (folder / REPOSITORY / "HEAD").exists():
        init = ["git", "init", "--quiet", "--bare", "--initial-branch=main", str(folder / REPOSITORY)]
        subprocess.run(init, check=True)


def main() -> None:
    """Serve for ever."""
    folder, token_file = map(Path, sys.argv[1:])
    ensure_repository(folder)
    # Inside, the pod's own network is the boundary.
    address = ("0.0.0.0", PORT)  # noqa: S104
    with Server(address, folder, token_file.read_text(encoding="utf-8").strip()) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
