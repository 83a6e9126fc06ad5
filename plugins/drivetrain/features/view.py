"""What has to be known of a feature view to write it: all that a registry says of it, and nothing of Feast's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivetrain.features.value_types import ValueType


@dataclass(frozen=True)
class View:
    """A feature view.

    Attributes:
        project: Feast's; the end of each key.
        name: of the view, with its version where Feast's registry keeps versions apart online.
        join_keys: what entities are known by; column and type.
        features: column and type, in the order of the view's definition.
        timestamp_field: the column of event times.
        created_field: the column of when a row was made, which decides between two of one event time; None: there is
            none, and the one that comes later in the batch wins.
    """

    project: str
    name: str
    join_keys: Mapping[str, ValueType]
    features: Mapping[str, ValueType]
    timestamp_field: str
    created_field: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """All that a batch has to have."""
        created = (self.created_field,) if self.created_field else ()
        return (*self.join_keys, *self.features, self.timestamp_field, *created)
