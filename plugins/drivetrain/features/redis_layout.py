"""How Feast lays a view's features out in the hash of an entity: which field holds which feature."""

from __future__ import annotations

import mmh3


def feature_field(view: str, feature: str) -> bytes:
    """The field of a feature's value: four bytes of a hash of both names, the lowest first."""
    return mmh3.hash(f"{view}:{feature}", signed=False).to_bytes(4, "little")


def time_field(view: str) -> bytes:
    """The field of the event time that a view's features are of."""
    return f"_ts:{view}".encode()
