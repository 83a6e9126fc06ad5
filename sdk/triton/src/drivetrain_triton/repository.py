"""What a Triton server could load, and what it has.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ModelState:
    """One version of a model.

    Attributes:
        name: of the model.
        version: "": it was never loaded.
        state: READY, LOADING, UNLOADING, UNAVAILABLE; "": it was never loaded.
        reason: why it is not ready.
    """

    name: str
    version: str
    state: str
    reason: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> ModelState:
        """What a server's JSON says."""
        return cls(told["name"], str(told.get("version", "")), told.get("state", ""), told.get("reason", ""))

    @property
    def is_ready(self) -> bool:
        """Whether it takes requests."""
        return self.state == "READY"
