"""The ASGI application: Google's paths to ``Api``, /_control to ``Control``, the rest to the pages."""

from __future__ import annotations

from standins.sheets.api import Api
from standins.sheets.control import Control
from standins.sheets.core import Core
from standins.sheets.http import ClientGoneError, Receive, Scope, Send, send_json
from standins.sheets.web import Web


class App:
    """One server's application."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._api = Api(core)
        self._control = Control(core, self._api)
        self._web = Web(core)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's event."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        try:
            if path == "/healthz":
                await send_json(send, 200, {"status": "ok", "workbooks": len(self._core.workbooks)})
            elif path.startswith("/_control/"):
                await self._control.handle(scope, receive, send)
            elif (request := self._api.route(scope)) is not None:
                await self._api.handle(request, scope, receive, send)
            elif path.startswith(("/v4/", "/drive/", "/upload/")):
                message = "The requested URL was not found on this server."
                await send_json(send, 404, {"error": {"code": 404, "message": message, "status": "NOT_FOUND"}})
            else:
                await self._web.handle(scope, receive, send)
        except ClientGoneError:
            return

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                self._api.close()
                self._core.close()
                return
