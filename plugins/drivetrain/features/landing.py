"""Files that arrive in a bucket: what Google's notification says, whose they are, whether they are fit to be loaded."""

from __future__ import annotations

import datetime as dt
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.features.gates import USUAL_RUNS
from drivetrain.features.spec import SET_ASIDE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivetrain.features.spec import Incoming, Landing

AHEAD = dt.timedelta(days=1)  # how far in the future an event may lie: clocks differ, not by that
_ARRIVED = "OBJECT_FINALIZE"


@dataclass(frozen=True)
class LandedFile:
    """One version of an object.

    Attributes:
        bucket: its bucket.
        name: its name.
        generation: which of the object's versions.
    """

    bucket: str
    name: str
    generation: int

    @property
    def url(self) -> str:
        """For people."""
        return f"gs://{self.bucket}/{self.name}"

    @property
    def set_aside_name(self) -> str:
        """Where it goes that nobody loads it: another version of the file does not overwrite it there."""
        return f"{SET_ASIDE}/{self.name}/{self.generation}"


def landed_file(attributes: Mapping[str, str]) -> LandedFile | None:
    """What a notification is about; None: nothing that arrived, or no notification at all.

    https://cloud.google.com/storage/docs/pubsub-notifications#attributes
    """
    if attributes.get("eventType") != _ARRIVED:
        return None
    try:
        return LandedFile(attributes["bucketId"], attributes["objectId"], int(attributes["objectGeneration"]))
    except (KeyError, ValueError):
        return None


def landing_topic(view: str) -> str:
    """Where a bucket's notifications of a view's files go; the subscription's name too."""
    return f"drivetrain-features-{view}"


def is_for(file: LandedFile, landing: Landing) -> bool:
    """Whether a file arrived where the landing says."""
    return file.bucket == landing.bucket and file.name.startswith(landing.prefix)


def why_unfit(asked: Incoming, rows: int, rejected: int, usual: Sequence[int]) -> str | None:
    """Why a file, or a query's result, is not loaded though it can be read; None: it is.

    Args:
        asked: the spec's.
        rows: in it.
        rejected: of those.
        usual: how many rows those before had.
    """
    if not rows:
        return "it has no rows"
    if rejected / rows > asked.max_reject_share:
        return f"{rejected:,} of its {rows:,} rows are rejected (at most {asked.max_reject_share:.1%})"
    if len(usual) >= USUAL_RUNS:
        median = max(statistics.median(usual), 1)
        if rows > median * asked.max_times_usual:
            return f"its {rows:,} rows are more than {asked.max_times_usual:g} times the usual {median:,.0f}"
    return None
