"""Schemas of what is asked, as structured outputs want them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from drivetrain.calls.understand.facts import Facts, ScoreCard, Summary
from drivetrain.calls.understand.strict import strict_schema


def objects(node: Any) -> list[dict[str, Any]]:
    """All objects of a schema, wherever they are."""
    if isinstance(node, list):
        return [one for item in node for one in objects(item)]
    if not isinstance(node, dict):
        return []
    inner = [one for value in node.values() for one in objects(value)]
    return [node, *inner] if node.get("type") == "object" else inner


@pytest.mark.parametrize("kind", [Facts, Summary, ScoreCard])
def test_every_property_is_required_and_nothing_else_is_allowed(kind: type[BaseModel]) -> None:
    schema = strict_schema(kind)
    found = objects(schema)
    assert found
    for one in found:
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])
    assert "default" not in str(schema)


def test_a_property_may_be_called_as_what_is_dropped_elsewhere() -> None:
    class Odd(BaseModel):
        title: str = "x"
        default: int = 1

    schema = strict_schema(Odd)
    assert schema["required"] == ["title", "default"]
    assert schema["properties"]["title"] == {"type": "string"}
