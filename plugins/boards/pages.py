"""How a page is made: Jinja2 with escaping on, and the addresses that every page needs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from boards import formats
from boards.plugin import PREFIX

if TYPE_CHECKING:
    from fastapi import Request

HERE = Path(__file__).parent


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "span": formats.span,
        "from_now": formats.from_now,
        "moment": formats.moment,
        "count": formats.count,
        "counted": formats.counted,
    }
    return environment


def root(request: Request) -> str:
    """The path of the boards, without a slash at its end."""
    return str(request.scope.get("root_path", ""))


def page(request: Request, template: str, values: dict[str, Any], *, status: int = 200) -> HTMLResponse:
    """Render a template."""
    here = root(request)
    text = _environment().get_template(template).render(root=here, airflow=here.removesuffix(PREFIX), **values)
    return HTMLResponse(text, status_code=status)
