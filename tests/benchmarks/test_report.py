"""The pages quote what the benchmarks printed, and nothing else."""

from __future__ import annotations

import json

import pytest

from benchmarks.frame import RESULTS
from benchmarks.report import PAGE, README, quote, section


@pytest.mark.parametrize("name", sorted(path.stem for path in RESULTS.glob("*.json")))
def test_the_figures_of_the_page_and_of_the_readme_are_those_of_the_committed_result(name, tmp_path):
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert "\n".join(section(result)) in PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "README.md"
    copy.write_text(README.read_text(encoding="utf-8"), encoding="utf-8")
    quote(result, copy)
    assert copy.read_text(encoding="utf-8") == README.read_text(encoding="utf-8")
