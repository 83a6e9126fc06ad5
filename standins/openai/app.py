"""The endpoints, as https://platform.openai.com/docs/api-reference/chat/create has them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from standins.openai.rules import RULES, lines_of

MODEL = "rules-2026-01-01"
_LETTERS_A_TOKEN = 4

# Status, type and code of errors, by the fault's name: https://platform.openai.com/docs/guides/error-codes
_ERRORS = {
    "rate_limit": (429, "requests", "rate_limit_exceeded"),
    "quota": (429, "insufficient_quota", "insufficient_quota"),
    "server_error": (500, "server_error", None),
    "overloaded": (503, "server_error", None),
    "bad_request": (400, "invalid_request_error", "context_length_exceeded"),
    "not_allowed": (403, "invalid_request_error", None),
}


class State:
    """What the server remembers."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.faults: deque[dict[str, Any]] = deque()
        self.requests: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    def next_fault(self) -> dict[str, Any]:
        """Of the next request; an empty one: none."""
        with self.lock:
            return self.faults.popleft() if self.faults else {}


def make_app(key: str) -> FastAPI:
    """A server that takes one key."""
    app, state = FastAPI(openapi_url=None), State(key)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/_control/faults")
    async def faults(request: Request) -> dict[str, int]:
        """What the next requests meet, one each: [{"kind": "rate_limit", "retry_after": 1}, ...]."""
        told = await request.json()
        with state.lock:
            state.faults.extend(told)
        return {"faults": len(state.faults)}

    @app.post("/_control/reset")
    def reset() -> dict[str, str]:
        """Forget faults that nobody met."""
        with state.lock:
            state.faults.clear()
        return {}

    @app.get("/_control/requests")
    def requests() -> list[dict[str, Any]]:
        """Bodies of all requests that were let in."""
        return state.requests

    @app.get("/v1/models")
    def models(request: Request) -> Response:
        if refused := _refused(request, state):
            return refused
        return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "rules"}]})

    @app.post("/v1/chat/completions")
    async def completions(request: Request) -> Response:
        if refused := _refused(request, state):
            return refused
        body = await request.json()
        state.requests.append(body)
        fault = state.next_fault()
        kind = fault.get("kind", "")
        if kind == "hang":
            await asyncio.sleep(fault.get("seconds", 60))
        if kind in _ERRORS:
            return _error(kind, fault)
        return JSONResponse(_completion(body, kind))

    return app


def _refused(request: Request, state: State) -> Response | None:
    if request.headers.get("authorization") == f"Bearer {state.key}":
        return None
    told = {"message": "Incorrect API key provided.", "type": "invalid_request_error", "code": "invalid_api_key"}
    return JSONResponse({"error": told}, 401)


def _error(kind: str, fault: dict[str, Any]) -> Response:
    status, type_, code = _ERRORS[kind]
    headers = {"retry-after": str(fault["retry_after"])} if "retry_after" in fault else {}
    told = {"message": f"{kind}, as it was asked for", "type": type_, "code": code, "param": None}
    return JSONResponse({"error": told}, status, headers)


def _completion(body: dict[str, Any], kind: str) -> dict[str, Any]:
    text = "\n".join(str(one["content"]) for one in body["messages"])
    name = body.get("response_format", {}).get("json_schema", {}).get("name", "")
    user = str(body["messages"][-1]["content"])
    answer = json.dumps(RULES[name](lines_of(user))) if name in RULES else "I have no rule for that."
    finish, refusal = "stop", None
    if kind == "malformed":
        answer = answer[: len(answer) // 2]
    elif kind == "truncated" or len(answer) / _LETTERS_A_TOKEN > body.get("max_completion_tokens", 10**9):
        answer, finish = answer[: len(answer) // 2], "length"
    elif kind == "content_filter":
        answer, finish = "", "content_filter"
    elif kind == "refusal":
        answer, refusal = "", "I'm sorry, I can't help with that."
    usage = {
        "prompt_tokens": len(text) // _LETTERS_A_TOKEN,
        "completion_tokens": 1 + len(answer) // _LETTERS_A_TOKEN,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    message = {"role": "assistant", "content": answer if refusal is None else None, "refusal": refusal}
    return {
        "id": "chatcmpl-rules",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": usage | {"total_tokens": usage["prompt_tokens"] + usage["completion_tokens"]},
    }
