"""JSON Schemas as OpenAI's structured outputs want them: nothing left out, nothing added.

https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

# What its subset of JSON Schema has not, or has no use for.
_DROPPED = ("default", "title")


def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Of a model, with every property required and no other one allowed."""
    found: dict[str, Any] = _strict(model.model_json_schema())
    return found


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:  # nothing may stand beside it
        return {"$ref": node["$ref"]}
    found = {name: _strict(value) for name, value in node.items() if name not in _DROPPED}
    if found.get("type") == "object":
        # A property may have the name of something that is dropped elsewhere.
        found["properties"] = {name: _strict(value) for name, value in node.get("properties", {}).items()}
        found["required"] = list(found["properties"])
        found["additionalProperties"] = False
    return found
