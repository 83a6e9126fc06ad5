"""The board of features in a real browser, within a real Airflow.

With DRIVETRAIN_WRITE_DOCS=1 the pictures of docs/BOARDS.md are made anew.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from drivetrain.state.feature_views import PostgresFeatureViews
from tests.e2e.conftest import PICTURES, in_theme, makes_pictures, needs_browser, state_of
from tests.support.feature_board import PROJECT, fill_view, spec_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from standins.platform.testing import LocalPlatform
    from tests.support.browser import Tab

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]
FRAME = "document.querySelector('iframe[title=\"Features\"]').contentDocument"
TABLES = "feature_views, feature_watermarks, feature_runs, feature_files, feature_loads, feature_audits"


@pytest.fixture
def three(platform: LocalPlatform) -> Iterator[Engine]:
    """One view that is late, one whose newest run was refused, one that is fresh; in the platform's own state."""
    engine, now = state_of(platform), dt.datetime.now(dt.UTC)

    def clean() -> None:
        with engine.begin() as connection:
            connection.execute(sa.text(f"TRUNCATE {TABLES}"))

    clean()
    late = spec_of("car_demand", team="pricing", freshness="1h", lands=False)
    fill_view(engine, late, now, runs=30, age=dt.timedelta(hours=1, minutes=40))
    fill_view(engine, spec_of("car_listing", team="pricing"), now, runs=24, refused=True)
    fill_view(engine, spec_of("dealer_quality", lands=False), now, runs=30, age=dt.timedelta(minutes=50))
    yield engine
    clean()
    engine.dispose()


@needs_browser
def test_the_board_is_in_airflows_navigation_and_opens_a_view(platform: LocalPlatform, tab: Tab, three: Engine) -> None:
    tab.open(f"{platform.airflow_url}/plugin/features")
    tab.wait_for(f"{FRAME}.querySelectorAll('[data-row]').length", 3)
    tab.run(f"{FRAME}.querySelectorAll('[data-open]')[1].click()")
    tab.wait_for(f"{FRAME}.querySelector('.detail h1').textContent", "car_listing")
    assert "set aside" in tab.run(f"{FRAME}.body.innerText")
    # The frame may not leave itself; the page around it follows the link for it.
    tab.run(f"{FRAME}.querySelector('a[data-outside=top]').click()")
    tab.wait_for("location.pathname", "/dags/features_car_listing")
    assert [text for text in tab.complaints if "drivetrain" in text or "Content Security" in text] == []


@needs_browser
@makes_pictures
@pytest.mark.parametrize("views", [3, 2_500])
def test_pictures(platform: LocalPlatform, tab: Tab, three: Engine, views: int) -> None:
    if views > 3:
        # Names that no DAG has may be seen by the administrator, who may see every DAG.
        specs = [
            spec_of(f"view_{number:04}", team=("retail", "pricing", "lending")[number % 3]) for number in range(views)
        ]
        PostgresFeatureViews(three, PROJECT).register(specs, dt.datetime.now(dt.UTC) - dt.timedelta(hours=3))
    for theme in ("light", "dark"):
        in_theme(tab, platform, theme)
        tab.open(f"{platform.airflow_url}/plugin/features")
        tab.wait(f"{FRAME}.querySelectorAll('[data-row]').length")
        tab.wait("performance.now() > 2500")
        tab.screenshot(PICTURES / f"board-features-{views}-{theme}.png")
        if views == 3:
            tab.run(f"{FRAME}.querySelectorAll('[data-open]')[1].click()")
            tab.wait(f"{FRAME}.querySelector('.detail h1').textContent")
            tab.screenshot(PICTURES / f"board-features-detail-{theme}.png")
