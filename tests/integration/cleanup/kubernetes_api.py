"""The few calls of a Kubernetes API server that the clean-up makes, over a socket, as the API's documentation has them.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "of the account"


@dataclass
class KubernetesApi:
    """Pods by (namespace, name), and what to answer instead.

    Attributes:
        answers: status codes of the next calls; 0: as it should be.
        calls: method and path of each.
    """

    pods: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, name: str, *, namespace: str = "airflow", labels: dict[str, str], **status: Any) -> None:
        """A pod; its uid is its name and the number of pods so far."""
        metadata = {"name": name, "namespace": namespace, "uid": f"{name}-{len(self.pods)}", "labels": labels}
        metadata["creationTimestamp"] = "2026-11-01T00:00:00Z"
        self.pods[namespace, name] = {"metadata": metadata, "spec": {"containers": []}, "status": status}

    def names(self) -> list[str]:
        """Of the pods that are there."""
        return sorted(name for _, name in self.pods)

    def list(self, namespace: str, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        wanted = query.get("labelSelector", "").split(",")
        found = [
            pod
            for (place, _), pod in sorted(self.pods.items())
            if place == namespace and all(label in pod["metadata"]["labels"] for label in wanted)
        ]
        begin, limit = int(query.get("continue", 0)), int(query["limit"])
        more = {"continue": str(begin + limit)} if begin + limit < len(found) else {}
        page = found[begin : begin + limit]
        return 200, {"kind": "PodList", "apiVersion": "v1", "metadata": more, "items": page}

    def delete(self, namespace: str, name: str, options: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        pod = self.pods.get((namespace, name))
        if pod is None:
            return 404, _status(404)
        if options.get("preconditions", {}).get("uid") != pod["metadata"]["uid"]:
            return 409, _status(409)
        return 200, self.pods.pop((namespace, name))


def _status(code: int) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "as told"}


@contextmanager
def kubernetes_api() -> Iterator[KubernetesApi]:
    """Serve it on a free port."""
    api = KubernetesApi()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            api.calls.append(f"{self.command} {parts.path}")
            length = int(self.headers.get("Content-Length") or 0)
            options = json.loads(self.rfile.read(length) or b"{}")
            status, body = self._result(parts.path.split("/"), dict(_flat(parts.query)), options)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _result(self, path: Any, query: dict[str, str], options: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            code = api.answers.pop(0) if api.answers else 0
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                code = 401
            if code:
                return code, _status(code)
            # /api/v1/namespaces/<namespace>/pods[/<name>]
            if self.command == "DELETE":
                return api.delete(path[4], path[6], options)
            return api.list(path[4], query)

        do_GET = do_DELETE = _answer  # noqa: N815 - the names that the library calls

        def log_message(self, *_: object) -> None:
            """Not to the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _flat(query: str) -> Iterator[tuple[str, str]]:
    yield from ((name, values[0]) for name, values in parse_qs(query).items())
