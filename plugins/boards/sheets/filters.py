"""Which syncs a page shows, and in which order: read from its address, where anything may stand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PAGE = 10_000


class Standing(StrEnum):
    """How a sync stands; one that is late may be failing too."""

    LATE = "late"
    FAILING = "failing"
    OK = "ok"
    PAUSED = "paused"


class Sort(StrEnum):
    """By what rows are ordered."""

    STANDING = "standing"
    SYNC = "sync"
    TEAM = "team"
    AGE = "age"
    ROWS = "rows"
    WRITES = "writes"
    DUE = "due"


# For these the interesting end is the largest.
_LARGEST_FIRST = frozenset({Sort.AGE, Sort.ROWS, Sort.WRITES})


@dataclass(frozen=True)
class Filters:
    """What was asked for.

    Attributes:
        search: part of a sync's name, tab, description or owner; "" for all.
        team: "" for all.
        standing: None for all.
        reverse: the other way round than usual.
        page: 1 is the first.
    """

    search: str = ""
    team: str = ""
    standing: Standing | None = None
    sort: Sort = Sort.STANDING
    reverse: bool = False
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Filters:
        """Read them; what makes no sense counts as not said."""
        standing, sort, page = query.get("standing", ""), query.get("sort", ""), query.get("page", "")
        return cls(
            search=query.get("q", "").replace("\x00", "").strip()[:100],
            team=query.get("team", "").replace("\x00", "")[:100],
            standing=Standing(standing) if standing in set(Standing) else None,
            sort=Sort(sort) if sort in set(Sort) else Sort.STANDING,
            reverse=query.get("reverse") == "1",
            page=min(int(page), MAX_PAGE) if page.isdecimal() and len(page) < 8 and int(page) > 0 else 1,
        )

    @property
    def descending(self) -> bool:
        """Whether the largest comes first."""
        return (self.sort in _LARGEST_FIRST) != self.reverse

    def address(self) -> str:
        """As a page's query, "" for what everybody sees first."""
        said = {
            "q": self.search,
            "team": self.team,
            "standing": self.standing.value if self.standing else "",
            "sort": self.sort.value if self.sort is not Sort.STANDING else "",
            "reverse": "1" if self.reverse else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        query = urlencode({name: value for name, value in said.items() if value})
        return f"?{query}" if query else ""

    def of_standing(self, standing: Standing | None) -> Filters:
        """The same for another standing."""
        return replace(self, standing=standing, page=1)

    def by(self, sort: str) -> Filters:
        """The same in another order; the same order again turns it round."""
        chosen = Sort(sort)
        return replace(self, sort=chosen, reverse=chosen is self.sort and not self.reverse, page=1)

    def at(self, page: int) -> Filters:
        """Another page of the same."""
        return replace(self, page=page)
