"""Names of persons, by cues and by what finds names."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from drivetrain.calls.pii.find import find
from drivetrain.calls.pii.names import MODEL, NoNameFinderError, spacy_names
from drivetrain.calls.pii.redact import redact

if TYPE_CHECKING:
    from collections.abc import Sequence


def finds_meena(words: Sequence[str]) -> list[tuple[int, int]]:
    """A finder that knows one name, and takes a verb with it."""
    return [(at, min(at + 1, len(words) - 1)) for at, word in enumerate(words) if word == "Meena"]


def redacted(text: str, **options: object) -> str:
    words = text.split()
    return " ".join(redact(words, find(words, names=options.get("names"))).words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My name is Rahul D'Souza, I want a Creta.", "My name is [PERSON], I want a Creta."),
        ("Am I speaking with Zoë Müller? Yes, speaking.", "Am I speaking with [PERSON]? Yes, speaking."),
        ("Anaïs Lefèvre here, about the loan.", "[PERSON] here, about the loan."),
        ("hello mr venkatesh your loan is approved", "hello mr [PERSON] your loan is approved"),
        ("good morning this is rahul from sales", "good morning this is [PERSON] from sales"),
    ],
)
def test_a_cue_gives_a_name_away(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize("text", ["this is about the car", "I am looking for a Swift", "Is that correct? Yes."])
def test_what_comes_after_a_cue_is_not_always_a_name(text: str) -> None:
    assert redacted(text) == text


def test_a_finder_adds_names_that_have_no_cue_and_what_is_no_name_is_left_of_it() -> None:
    assert redacted("Give it to Meena please.", names=finds_meena) == "Give it to [PERSON] please."


def test_without_the_model_the_error_says_what_to_install() -> None:
    with pytest.raises(NoNameFinderError, match=r"no_such_model: .*: install spacy and no-such-model"):
        spacy_names("no_such_model")


@pytest.mark.skipif(importlib.util.find_spec(MODEL) is None, reason="spaCy's model of English is not installed")
def test_the_model_finds_names_without_a_cue() -> None:
    finder = spacy_names()
    assert redacted("Yesterday Priya Sharma bought the car.", names=finder) == "Yesterday [PERSON] bought the car."
