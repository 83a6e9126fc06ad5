"""Calls without personal data."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.calls.pii.kinds import is_placeholder
from drivetrain.calls.redacted import redact_call
from drivetrain.calls.turns import Turn
from drivetrain.calls.words import AGENT, CUSTOMER, Word


def call(*said: tuple[str, str]) -> list[Turn]:
    """Turns, a word a half second."""
    turns, at = [], 0.0
    for speaker, text in said:
        words = []
        for word in text.split():
            words.append(Word(word, at, at + 0.4, 0.9, speaker))
            at += 0.5
        turns.append(Turn(speaker, tuple(words)))
    return turns


def test_a_number_goes_from_the_words_and_its_time_from_the_channel_and_a_price_stays() -> None:
    found = redact_call(
        call(
            (AGENT, "What is your mobile number please?"),
            (CUSTOMER, "It is nine eight seven six five four three two one zero. I want five lakh."),
        )
    )
    assert [turn.text for turn in found.turns] == [
        "What is your mobile number please?",
        "It is [PHONE]. I want five lakh.",
    ]
    (beep,) = found.beeps
    assert beep.speaker == CUSTOMER
    assert (beep.start_seconds, beep.end_seconds) == (pytest.approx(3.9), pytest.approx(9.0))
    assert found.counts == {"phone": 1}
    placeholder = found.turns[1].words[2]
    assert (placeholder.start_seconds, placeholder.end_seconds) == (4.0, pytest.approx(8.9))


def test_a_number_that_goes_on_after_a_word_of_the_other_is_one_and_each_channel_is_beeped_by_itself() -> None:
    found = redact_call(
        call(
            (AGENT, "Your account number?"),
            (CUSTOMER, "one two three four five six"),
            (AGENT, "okay"),
            (CUSTOMER, "seven eight nine zero one two"),
        )
    )
    text = " ".join(turn.text for turn in found.turns)
    assert not re.search("one|two|three|six|seven|nine", text)
    assert all(beep.speaker == CUSTOMER or beep.end_seconds - beep.start_seconds < 1 for beep in found.beeps)


WORDS = st.sampled_from(
    ["nine", "eight", "double", "four", "my", "number", "is", "rahul", "car", "five", "lakh", "98765", "43210", "okay"]
)


@given(st.lists(st.tuples(st.sampled_from([AGENT, CUSTOMER]), st.lists(WORDS, min_size=1, max_size=12)), max_size=8))
def test_what_stays_is_as_it_was_in_order_and_what_goes_is_beeped(said: list[tuple[str, list[str]]]) -> None:
    turns = call(*[(speaker, " ".join(words)) for speaker, words in said])
    before = [word for turn in turns for word in turn.words]
    found = redact_call(turns)
    after = [word for turn in found.turns for word in turn.words]
    stays = [word for word in after if not is_placeholder(word.text)]
    assert [word for word in before if word in stays] == stays
    for word in before:
        is_beeped = any(
            beep.speaker == word.speaker
            and beep.start_seconds < word.end_seconds
            and word.start_seconds < beep.end_seconds
            for beep in found.beeps
        )
        assert word in stays or is_beeped
    assert len(after) - len(stays) == sum(found.counts.values())
    assert redact_call(found.turns).counts == {}, "nothing is left to be found"


def test_a_call_of_nothing_has_nothing_to_hide() -> None:
    assert redact_call([]).turns == ()
