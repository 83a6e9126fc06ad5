"""The dashboards are what their generator makes, and draw what there is."""

from __future__ import annotations

import json
import runpy
from typing import Any

import pytest

from tests.support.promql import MONITORING

FOLDER = MONITORING / "dashboards"


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(FOLDER / "generate.py"))


def test_the_files_are_what_the_generator_writes_now(generator: dict[str, Any]) -> None:
    names = list(generator["DASHBOARDS"])
    assert {file.stem for file in FOLDER.glob("*.json")} == set(names)
    stale = [name for name in names if (FOLDER / f"{name}.json").read_text("utf-8") != generator["text"](name)]
    assert stale == [], "run `make dashboards`"


def test_no_two_panels_overlap_and_each_has_an_id_of_its_own() -> None:
    for file in FOLDER.glob("*.json"):
        panels = json.loads(file.read_text("utf-8"))["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        cells = [
            (panel["gridPos"]["x"] + column, panel["gridPos"]["y"] + row)
            for panel in panels
            for column in range(panel["gridPos"]["w"])
            for row in range(panel["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells)), file.name
        assert max(x for x, _ in cells) < 24


def test_each_panel_asks_the_source_that_is_chosen() -> None:
    for file in FOLDER.glob("*.json"):
        document = json.loads(file.read_text("utf-8"))
        assert [one["type"] for one in document["templating"]["list"]] == ["datasource"]
        for panel in document["panels"]:
            assert {target["datasource"] for target in panel["targets"]} == {panel["datasource"]} == {"${source}"}
