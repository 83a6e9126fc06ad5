"""Prompts, by their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivetrain.calls.understand.prompt import read_prompts
from drivetrain.errors import SpecError

OURS = Path(__file__).parents[5] / "include" / "prompts" / "calls"


def test_the_newest_version_counts_by_number(tmp_path: Path) -> None:
    for version in (2, 10, 9):
        (tmp_path / f"facts.v{version}.md").write_text(f"of {version}\n")
    assert str(read_prompts(tmp_path)["facts"]) == "facts.v10"
    assert read_prompts(tmp_path)["facts"].text == "of 10"


@pytest.mark.parametrize(
    ("name", "text"), [("facts.md", "x"), ("Facts.v1.md", "x"), ("facts.v0.md", "x"), ("a.v1.md", " ")]
)
def test_a_file_that_is_no_prompt_is_told_by_its_name(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SpecError, match=name):
        read_prompts(tmp_path)


def test_ours_are_all_there() -> None:
    assert set(read_prompts(OURS)) == {"facts", "score_card", "summary"}
