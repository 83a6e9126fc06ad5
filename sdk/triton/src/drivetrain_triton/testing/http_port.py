"""HTTP of a fake server.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
and Triton's binary tensors:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import gzip
import json
import re
import threading
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np

from drivetrain_triton.errors import InputError
from drivetrain_triton.tensors import DTYPES
from drivetrain_triton.testing.models import SequenceNotBegunError
from drivetrain_triton.testing.tensors import RegionNotFoundError, is_shared, opened, packed, read, unpacked, write

if TYPE_CHECKING:
    from drivetrain_triton.signature import Tensors
    from drivetrain_triton.testing.models import FakeModel, Script

_MODEL = re.compile(r"/v2/models/(?P<name>[^/]+)(/versions/(?P<version>[^/]+))?(/(?P<what>config|ready|infer))?$")
_CHANGE = re.compile(r"/v2/repository/models/(?P<name>[^/]+)/(?P<what>load|unload)$")
_REGION = re.compile(r"/v2/systemsharedmemory/region/(?P<name>[^/]+)/(?P<what>register|unregister)$")
_HEADER = "Inference-Header-Content-Length"
_ENCODED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
_DECODED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "deflate": zlib.decompress}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    script: Script

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        if self.path in ("/v2/health/live", "/v2/health/ready"):
            self._say(200, b"")
        elif self.path == "/v2/systemsharedmemory/status":
            told = [{"name": name, "key": key} for name, key in self.script.regions.items()]
            self._say(200, json.dumps(told).encode())
        elif found := self._found():
            model, what = found
            about = {"config": model.config(), "ready": {}, None: model.metadata()}[what]
            self._say(200, json.dumps(about).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/v2/repository/index":
            self._say(200, json.dumps(self.script.index()).encode())
            return
        if change := _CHANGE.match(self.path):
            if self.script.change(change["name"], change["what"]):
                self._say(200, b"{}")
            else:
                self._error(500, f"failed to load '{change['name']}', failed to poll from model repository")
            return
        if change := _REGION.match(self.path):
            self._share(change["name"], change["what"], body)
            return
        if not (found := self._found()):
            return
        self.script.seen.append({name.lower(): value for name, value in self.headers.items()})
        if fault := self.script.next_fault():
            if fault.hangs:
                self.script.stopping.wait()
            if fault.hangs or fault.hangs_up:
                self.close_connection = True
                return
            self._error(fault.status, fault.message)
            return
        encoding = self.headers.get("Content-Encoding", "")
        body = _DECODED[encoding](body) if encoding in _DECODED else body
        size = int(self.headers.get(_HEADER, len(body)))
        asked = json.loads(body[:size])
        try:
            self._infer(found[0], asked, body[size:])
        except (InputError, SequenceNotBegunError) as error:
            self._error(400, str(error))
        except RegionNotFoundError as error:
            self._error(404, str(error))

    def _share(self, name: str, what: str, body: bytes) -> None:
        if what == "unregister":
            self.script.regions.pop(name, None)
        else:
            told = json.loads(body)
            try:
                opened(name, told["key"], told["byte_size"])
            except InputError as error:
                self._error(400, str(error))
                return
            self.script.regions[name] = told["key"]
        self._say(200, b"{}")

    def _infer(self, model: FakeModel, asked: dict[str, Any], data: bytes) -> None:
        regions = self.script.regions
        model.chosen([one["name"] for one in asked.get("outputs", ())])
        given = model.run(_tensors(asked, data, regions), self.script.state(model, asked.get("parameters", {})))
        wanted = {one["name"]: one.get("parameters", {}) for one in asked.get("outputs", ())} or {
            name: {} for name in given
        }
        types = {one.name: one.datatype for one in model.outputs}
        outputs, parts = [], []
        for name, parameters in wanted.items():
            part = packed(given[name], types[name])
            if is_shared(parameters):
                write(regions, parameters, part)
                said = {}
            else:
                parts.append(part)
                said = {"parameters": {"binary_data_size": len(part)}}
            shape = [*given[name].shape]
            outputs.append({"name": name, "datatype": types[name], "shape": shape, **said})
        told = {"model_name": model.name, "model_version": model.version, "outputs": outputs, "id": asked.get("id", "")}
        head = json.dumps(told).encode()
        body, headers = head + b"".join(parts), {_HEADER: str(len(head))}
        encoding = self.headers.get("Accept-Encoding", "")
        if encoding in _ENCODED:
            body, headers = _ENCODED[encoding](body), {**headers, "Content-Encoding": encoding}
        self._say(200, body, headers)

    def _found(self) -> tuple[FakeModel, str | None] | None:
        match = _MODEL.match(self.path.partition("?")[0])
        model = self.script.loaded(match["name"]) if match else None
        if match is None or model is None or match["version"] not in (None, model.version):
            self._error(404, f"Request for unknown model: {match['name'] if match else self.path!r} is not found")
            return None
        return model, match["what"]

    def _error(self, status: int, message: str) -> None:
        self._say(status, json.dumps({"error": message}).encode())

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _all(given: Tensors) -> list[dict[str, Any]]:
    return [{"name": name} for name in given]


def _tensors(asked: dict[str, Any], data: bytes, regions: dict[str, str]) -> Tensors:
    found, at = {}, 0
    for one in asked["inputs"]:
        parameters = one.get("parameters", {})
        if is_shared(parameters):
            found[one["name"]] = unpacked(read(regions, parameters), one["datatype"], one["shape"])
            continue
        size = parameters.get("binary_data_size")
        if size is None:
            found[one["name"]] = np.array(one["data"], DTYPES[one["datatype"]]).reshape(one["shape"])
            continue
        found[one["name"]] = unpacked(data[at : at + size], one["datatype"], one["shape"])
        at += size
    return found


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # it is five otherwise, and a client that comes sixth waits for a second


class HttpPort:
    """It listens on 127.0.0.1 from the beginning."""

    def __init__(self, script: Script, port: int = 0) -> None:
        handler = type("Handler", (_Handler,), {"script": script})
        self._server = _Server(("127.0.0.1", port), handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no connections any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
