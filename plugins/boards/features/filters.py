"""Which feature views a page shows: read from its address, where anything may stand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from boards.features.queries import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from boards.features.queries import Row

MAX_PAGE = 1_000


@dataclass(frozen=True)
class Chosen:
    """What the filters leave.

    Attributes:
        rows: those to show, all pages together.
        counts: how many there are of each standing, whichever of them is shown.
    """

    rows: Sequence[Row]
    total: int
    counts: Mapping[Standing, int]


@dataclass(frozen=True)
class Filters:
    """What was asked for.

    Attributes:
        search: part of a view's name or owner; "" for all.
        team: "" for all.
        standing: None for all.
        page: 1 is the first.
    """

    search: str = ""
    team: str = ""
    standing: Standing | None = None
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Filters:
        """Read them; what makes no sense counts as not said."""
        standing, page = query.get("standing", ""), query.get("page", "")
        return cls(
            search=query.get("q", "").strip()[:100],
            team=query.get("team", "")[:100],
            standing=Standing(standing) if standing in set(Standing) else None,
            page=min(int(page), MAX_PAGE) if page.isdecimal() and len(page) < 6 and int(page) > 0 else 1,
        )

    def chosen(self, rows: Sequence[Row]) -> Chosen:
        """Those of the rows that are asked for."""
        words = self.search.lower().split()
        found = [
            row
            for row in rows
            if self.team in ("", row.facts["team"])
            and all(word in f"{row.facts['view']} {row.facts['owner']}".lower() for word in words)
        ]
        counts = Counter(row.standing for row in found)
        shown = [row for row in found if self.standing in (None, row.standing)]
        return Chosen(shown, len(found), {one: counts[one] for one in Standing})

    def address(self) -> str:
        """As a page's query, "" for what everybody sees first."""
        said = {
            "q": self.search,
            "team": self.team,
            "standing": self.standing.value if self.standing else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        query = urlencode({name: value for name, value in said.items() if value})
        return f"?{query}" if query else ""

    def of_standing(self, standing: Standing | None) -> Filters:
        """The same for another standing."""
        return replace(self, standing=standing, page=1)

    def at(self, page: int) -> Filters:
        """Another page of the same."""
        return replace(self, page=page)
