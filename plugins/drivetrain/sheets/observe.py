"""What a sync knows of its workbook before it plans: one metadata read, then the tab's own cells."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from drivetrain.errors import TargetMissingError

METADATA_FIELDS = (
    "spreadsheetId,properties(title),developerMetadata(metadataId,metadataKey,metadataValue),"
    "sheets(properties(sheetId,title,index,hidden,sheetType,gridProperties(rowCount,columnCount,frozenRowCount)))"
)
STAGE_PREFIX = "_drivetrain_stage_"


class Marker(BaseModel):
    """What a sync leaves in its workbook, in the same atomic batch as its rows.

    Held as the workbook's developer metadata, so that whoever reads the rows can know which run wrote them: a run
    whose answer was lost finds its own fingerprint here and does not write twice, without any other store.

    Attributes:
        gid: the tab that the sync wrote; tells a renamed or deleted tab from one that never was.
        runs: fingerprints of the last runs that appended, newest last.
        rows: data rows after the last write.
        header: fingerprint of the header row as it was written; tells a person's edit from the spec's.
        layout: fingerprint of the source columns' names in their order.
        width: columns that were written.
        tab: fingerprint of the tab's title; tells a tab that people renamed from a spec that names another.
        content: names the rows that the sync took for its own after its last write, see known.KnownRows; "" where a
            version of this code wrote that did not know of them.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    gid: int
    runs: tuple[str, ...] = ()
    rows: int = 0
    header: str = ""
    layout: str = ""
    width: int = 0
    tab: str = ""
    content: str = ""


# A workbook holds 30,000 characters of metadata: this leaves room for about 50 appending syncs.
RUNS_REMEMBERED = 32


@dataclass(frozen=True)
class Tab:
    """One tab's place and size."""

    gid: int
    title: str
    index: int
    rows: int
    columns: int
    frozen_rows: int
    is_grid: bool

    @property
    def cells(self) -> int:
        """Cells that count against the workbook's limit: the grid's, filled or not."""
        return self.rows * self.columns if self.is_grid else 0


@dataclass(frozen=True)
class Workbook:
    """A workbook's tabs and this sync's marker.

    Attributes:
        other_metadata: characters of developer metadata that are not this sync's marker.
    """

    spreadsheet_id: str
    title: str
    tabs: tuple[Tab, ...]
    marker: Marker | None
    marker_exists: bool
    other_metadata: int = 0

    def tab(self, title: str) -> Tab | None:
        """The tab of that title; Google compares titles without regard to case."""
        return next((tab for tab in self.tabs if tab.title.casefold() == title.casefold()), None)

    def tab_by_gid(self, gid: int) -> Tab | None:
        """The tab of that sheetId."""
        return next((tab for tab in self.tabs if tab.gid == gid), None)

    @property
    def cells(self) -> int:
        """Cells of all tabs, as Google's limit counts them."""
        return sum(tab.cells for tab in self.tabs)

    def stages_of(self, sync: str) -> tuple[Tab, ...]:
        """Staging tabs that an interrupted run of this sync left behind."""
        return tuple(tab for tab in self.tabs if tab.title.startswith(f"{STAGE_PREFIX}{sync}."))


def marker_id(sync: str) -> int:
    """The developer metadata's id, the same at every run: a second create of it is refused, never doubled."""
    return int.from_bytes(hashlib.blake2b(sync.encode(), digest_size=4).digest(), "big") % (2**31 - 2) + 1


def marker_key(sync: str) -> str:
    """The developer metadata's key, for people and other programs."""
    return f"drivetrain.sync.{sync}"


def run_fingerprint(run: str) -> str:
    """Eight characters (48 bits) for a run, short because a workbook's metadata is limited."""
    return base64.urlsafe_b64encode(hashlib.blake2b(run.encode(), digest_size=6).digest()).decode("ascii")


def fingerprint(*parts: str) -> str:
    """Twelve characters for a row of names."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=6).hexdigest()


def parse_workbook(answer: dict[str, Any], sync: str) -> Workbook:
    """Read what spreadsheets.get answered for METADATA_FIELDS."""
    tabs = []
    for sheet in answer.get("sheets", []):
        properties = sheet["properties"]
        grid = properties.get("gridProperties", {})
        tabs.append(
            Tab(
                gid=properties.get("sheetId", 0),
                title=properties["title"],
                index=properties.get("index", 0),
                rows=grid.get("rowCount", 0),
                columns=grid.get("columnCount", 0),
                frozen_rows=grid.get("frozenRowCount", 0),
                is_grid=properties.get("sheetType", "GRID") == "GRID",
            )
        )
    entry = next(
        (m for m in answer.get("developerMetadata", []) if m.get("metadataId") == marker_id(sync)),
        None,
    )
    return Workbook(
        spreadsheet_id=answer["spreadsheetId"],
        title=answer.get("properties", {}).get("title", ""),
        tabs=tuple(tabs),
        marker=_parse_marker(entry),
        marker_exists=entry is not None,
        other_metadata=sum(
            len(m.get("metadataKey", "")) + len(m.get("metadataValue", ""))
            for m in answer.get("developerMetadata", [])
            if m is not entry
        ),
    )


def find_tab(workbook: Workbook, *, sync: str, title: str) -> tuple[Tab | None, Marker | None]:
    """The tab to write and what this sync left there; (None, None) where it has to be created.

    Raises:
        TargetMissingError: people renamed or deleted the tab. Creating it again in silence could hide the loss of
            formats, notes and links to it, so a person decides.
    """
    marker, named = workbook.marker, workbook.tab(title)
    if named is not None and not named.is_grid:
        raise TargetMissingError(f"sync {sync}: tab {title!r} of {workbook.title!r} is no grid: choose another tab")
    if marker is None:
        return named, None
    ours = workbook.tab_by_gid(marker.gid)
    if ours is not None and ours == named:
        return named, marker
    if named is not None:
        return named, None
    if marker.tab != fingerprint(title.casefold()):
        return None, None  # the spec names a new tab
    if ours is not None:
        raise TargetMissingError(
            f"sync {sync}: tab {title!r} of {workbook.title!r} was renamed to {ours.title!r}: rename it back, or set "
            f"target.tab: {ours.title}"
        )
    raise TargetMissingError(
        f"sync {sync}: tab {title!r} of {workbook.title!r} (gid {marker.gid}) was deleted: restore it from the "
        "version history, or add an empty tab of that name to start anew"
    )


def _parse_marker(entry: dict[str, Any] | None) -> Marker | None:
    if entry is None:
        return None
    try:
        return Marker.model_validate_json(entry.get("metadataValue", ""))
    except ValidationError:
        return None  # somebody's edit: treated as a first run, which then writes it anew
