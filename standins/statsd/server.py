"""A UDP socket and a web server around a registry."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

from standins.ports import HOST
from standins.statsd.exposition import CONTENT_TYPE
from standins.statsd.registry import Registry

if TYPE_CHECKING:
    from standins.statsd.mapping import MappingFile

_LARGEST = 65_536
_BUFFER = 4 * 1024 * 1024  # bursts of a busy scheduler, while a scrape holds the lock


class StatsdStandin:
    """Listens from entry to exit, on 127.0.0.1 alone.

    Args:
        mappings: the file.
        udp_port: 0 for any that is free; likewise web_port.
        web_port: for /metrics.
    """

    def __init__(self, mappings: MappingFile, udp_port: int = 0, web_port: int = 0) -> None:
        self.registry = Registry(mappings)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind((HOST, udp_port))
        self._web = ThreadingHTTPServer((HOST, web_port), _handler(self.registry))
        self._web.daemon_threads = True

    @property
    def udp_port(self) -> int:
        """For StatsD."""
        return int(self._socket.getsockname()[1])

    @property
    def web_port(self) -> int:
        """For /metrics."""
        return int(self._web.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._web.serve_forever, daemon=True).start()
        threading.Thread(target=self.listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._web.shutdown()
        self._web.server_close()
        self._socket.close()

    def listen(self) -> None:
        """Take datagrams until the socket is closed."""
        while True:
            try:
                self.registry.take(self._socket.recv(_LARGEST))
            except OSError:
                return


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in ("/-/healthy", "/-/ready"):
                status, kind, body = 200, "text/plain", b"Statsd Exporter is Healthy.\n"
            elif self.path == "/metrics":
                status, kind, body = 200, CONTENT_TYPE, registry.text().encode()
            else:
                status, kind, body = 404, "text/plain", b"not found\n"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not each scrape."""

    return Handler
