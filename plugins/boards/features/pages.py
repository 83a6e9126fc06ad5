"""The pages of all feature views and of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from boards import spark
from boards.access import AccessDep
from boards.ages import BAR_WIDTH, AgeBar, age_bar
from boards.features import queries
from boards.features.filters import Filters
from boards.pages import page
from boards.state import StateDep, reading
from drivetrain.features.catalog import PREFIX

if TYPE_CHECKING:
    from boards.features.queries import Row

router = APIRouter()


def dag_of(view: str) -> str:
    """The DAG of a view, see dags/features_materialize.py."""
    return f"{PREFIX}{view}"


def _bar(row: Row) -> AgeBar:
    return age_bar(row.share, is_late=row.is_late)


_TOOLS = {"dag_of": dag_of, "bar": _bar, "bar_width": BAR_WIDTH, "spark": spark}


@router.get("/features")
def all_views(request: Request, who: AccessDep, state: StateDep) -> Response:
    """The list: of each view as much as of its DAG may be seen."""
    filters, now = Filters.parse(request.query_params), state.now()
    with reading(state) as connection:
        known = queries.views(connection, now)
        readable = who.readable_dags(dag_of(row.facts["view"]) for row in known)
        mine = [row for row in known if dag_of(row.facts["view"]) in readable]
        chosen = filters.chosen(mine)
        first = (filters.page - 1) * queries.SHOWN
        rows = queries.with_history(connection, chosen.rows[first : first + queries.SHOWN])
    values: dict[str, Any] = {
        "filters": filters,
        "rows": rows,
        "total": chosen.total,
        "counts": chosen.counts,
        "pages": max(-(-len(chosen.rows) // queries.SHOWN), 1),
        "teams": sorted({row.facts["team"] for row in mine}),
        "standings": queries.Standing,
        "now": now,
    }
    return page(request, "features/list.html", values | _TOOLS)


@router.get("/features/{view}")
def one_view(request: Request, view: str, who: AccessDep, state: StateDep) -> Response:
    """One view with its runs, files and audits."""
    now, name = state.now(), view.replace("\x00", "")
    with reading(state) as connection:
        found = queries.views(connection, now, only=name)
        if not found or not who.readable_dags([dag_of(name)]):
            raise HTTPException(404, f"No feature view that you may see is called {view[:100]}.")
        (row, *_) = queries.with_history(connection, found)
        kept = queries.kept(connection, row.facts)
    values: dict[str, Any] = {"row": row, "kept": kept, "now": now}
    return page(request, "features/view.html", values | _TOOLS)
