"""The cluster's DNS: names of services, asked of the API server. Nothing else has a name here.

Answers what Kubernetes specifies for services with an address, over UDP:
https://github.com/kubernetes/dns/blob/master/docs/specification.md. It runs in the node and needs the standard library
alone.

    python -I -S dns.py <address to listen at> <API server's host:port> <folder of keys>
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import struct
import sys
import time
from pathlib import Path

PORT = 53
DOMAIN = "cluster.local"
TYPE_A, CLASS_IN = 1, 1
NO_ERROR, FORMAT_ERROR, SERVER_FAILURE, NO_SUCH_NAME = 0, 1, 2, 3
TTL_SECONDS = 2
FRESH_SECONDS = 1.0
API_TIMEOUT_SECONDS = 2.0
# A response that is authoritative; recursion is neither wanted nor there.
_RESPONSE = 0x8400
_RECURSION_DESIRED = 0x0100
_HEADER = struct.Struct("!6H")


class Services:
    """Name -> address, as the API server has it now; while it is away, as it had it last.

    Args:
        host: of the API server.
        port: of the API server.
        keys: folder with `ca.crt`, `admin.crt` and `admin.key`.
    """

    def __init__(self, host: str, port: int, keys: Path) -> None:
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(keys / "admin.crt", keys / "admin.key")
        self._connection = http.client.HTTPSConnection(host, port, timeout=API_TIMEOUT_SECONDS, context=context)
        self._known: dict[str, str] | None = None
        self._asked_at = float("-inf")

    def addresses(self) -> dict[str, str] | None:
        """Full name -> IPv4 address, "" for a service without one; None: the API server never answered."""
        if time.monotonic() > self._asked_at + FRESH_SECONDS:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self._known = self._ask()
            self._asked_at = time.monotonic()
        return self._known

    def _ask(self) -> dict[str, str]:
        try:
            self._connection.request("GET", "/api/v1/services")
            found = json.loads(self._connection.getresponse().read())
        except Exception:
            self._connection.close()
            raise
        return names_of(found["items"])


def names_of(services: list[dict[str, dict[str, str]]]) -> dict[str, str]:
    """Full name -> address; "" where it has none of its own."""
    found = {}
    for one in services:
        address = one["spec"].get("clusterIP", "")
        name = f"{one['metadata']['name']}.{one['metadata']['namespace']}.svc.{DOMAIN}"
        found[name] = "" if address == "None" else address
    return found


def answer(query: bytes, addresses: dict[str, str] | None) -> bytes:
    """The response to one query, RFC 1035.

    Raises:
        ValueError: it is too short to be answered.
    """
    if len(query) < _HEADER.size:
        raise ValueError("no header")
    number, flags, questions, *_ = _HEADER.unpack_from(query)
    flags = _RESPONSE | (flags & _RECURSION_DESIRED)
    try:
        name, end = _name(query)
        kind, family = struct.unpack_from("!2H", query, end)
    except (struct.error, IndexError, UnicodeDecodeError):
        questions = 0
    if questions != 1:
        return _HEADER.pack(number, flags | FORMAT_ERROR, 0, 0, 0, 0)
    question = query[_HEADER.size : end + 4]
    if addresses is None:
        return _HEADER.pack(number, flags | SERVER_FAILURE, 1, 0, 0, 0) + question
    if name not in addresses:
        return _HEADER.pack(number, flags | NO_SUCH_NAME, 1, 0, 0, 0) + question
    # A name without an address of this type is no error: whoever asks for IPv6 asks for IPv4 too.
    if kind != TYPE_A or family != CLASS_IN or not addresses[name]:
        return _HEADER.pack(number, flags | NO_ERROR, 1, 0, 0, 0) + question
    record = struct.pack("!3HIH", 0xC000 | _HEADER.size, TYPE_A, CLASS_IN, TTL_SECONDS, 4)
    return _HEADER.pack(number, flags | NO_ERROR, 1, 1, 0, 0) + question + record + socket.inet_aton(addresses[name])


def _name(query: bytes) -> tuple[str, int]:
    """The name that is asked for, and where it ends. A query has no compressed names."""
    labels, at = [], _HEADER.size
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), at + 1


def question(name: str, kind: int = TYPE_A) -> bytes:
    """A query for one name."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return _HEADER.pack(1, _RECURSION_DESIRED, 1, 0, 0, 0) + labels + struct.pack("!B2H", 0, kind, CLASS_IN)


def ask(server: str, name: str, timeout_seconds: float = 2.0) -> str | None:
    """The address of a name by a server; None if it has none.

    Raises:
        OSError: no answer.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout_seconds)
        client.connect((server, PORT))
        client.send(question(name))
        response = client.recv(512)
    _, _, _, answers, *_ = _HEADER.unpack_from(response)
    return socket.inet_ntoa(response[-4:]) if answers else None


def main() -> None:
    """Answer for ever."""
    listen, api, keys = sys.argv[1:]
    host, _, port = api.rpartition(":")
    services = Services(host, int(port), Path(keys))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((listen, PORT))
        while True:
            query, client = server.recvfrom(512)
            with contextlib.suppress(ValueError, OSError):
                server.sendto(answer(query, services.addresses()), client)


if __name__ == "__main__":
    main()
