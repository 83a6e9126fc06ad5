"""What becomes a word, and what is set aside."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.calls.words import AGENT, CUSTOMER, RawWord, ReadWords, Reason, Rejected, Word, read_words

GOOD = RawWord(" Hello,", 0.5, 0.75, 0.5)
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.just(10**400),
    st.floats(),
    st.floats(width=32).map(np.float32),
    st.integers(-3, 3).map(np.int64),
    st.sampled_from(["", " ", "haan", "नमस्ते", "...", "5", "a\0b", "\ud800", "1.5", b"5", [1.0]]),
)


def read(**changes: Any) -> ReadWords:
    return read_words([GOOD._replace(**changes)], CUSTOMER)


def test_numpy_s_floats_become_python_s_own_and_blanks_around_the_text_go() -> None:
    raw = RawWord(" Hello,\n", np.float64(0.5), np.float32(0.75), np.float16(0.5))
    (word,) = read_words([raw], CUSTOMER).words
    assert word == Word("Hello,", 0.5, 0.75, 0.5, CUSTOMER)
    assert {type(value) for value in (word.start_seconds, word.end_seconds, word.probability)} == {float}


def test_whole_numbers_are_times_too_and_minus_zero_is_zero() -> None:
    (word,) = read(start_seconds=np.int64(0), end_seconds=2, probability=1).words
    assert (repr(word.start_seconds), repr(word.end_seconds), repr(word.probability)) == ("0.0", "2.0", "1.0")
    assert repr(read(start_seconds=-0.0).words[0].start_seconds) == "0.0"


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"text": None}, Reason.NOT_TEXT, "word 0 of customer: its text is of type NoneType"),
        ({"text": "a\0b"}, Reason.NOT_TEXT, "control characters"),
        ({"text": "a\ud83d"}, Reason.NOT_TEXT, "halves of characters"),
        ({"text": ""}, Reason.NO_TEXT, "neither a letter nor a digit"),
        ({"text": " \t\n"}, Reason.NO_TEXT, "neither a letter nor a digit"),
        ({"text": " ."}, Reason.NO_TEXT, "neither a letter nor a digit"),
        ({"text": "♪♪"}, Reason.NO_TEXT, "neither a letter nor a digit"),
        ({"start_seconds": math.nan}, Reason.NOT_A_TIME, "its start is no finite number of seconds"),
        ({"end_seconds": np.float32("inf")}, Reason.NOT_A_TIME, "its end is no finite number of seconds"),
        ({"end_seconds": 10**400}, Reason.NOT_A_TIME, "its end is no finite number of seconds"),
        ({"end_seconds": "0.7"}, Reason.NOT_A_TIME, "its end is no finite number of seconds"),
        ({"start_seconds": None}, Reason.NOT_A_TIME, "its start is no finite number of seconds"),
        ({"start_seconds": True}, Reason.NOT_A_TIME, "its start is no finite number of seconds"),
        ({"start_seconds": -0.02}, Reason.NEGATIVE_TIME, "its start is -0.02 s, before the call"),
        ({"end_seconds": 0.25}, Reason.REVERSED_TIMES, "ends at 0.25 s, before its start at 0.5 s"),
        ({"probability": math.nan}, Reason.NOT_A_PROBABILITY, "no number from 0 to 1"),
        ({"probability": 1.1}, Reason.NOT_A_PROBABILITY, "no number from 0 to 1"),
        ({"probability": -0.1}, Reason.NOT_A_PROBABILITY, "no number from 0 to 1"),
    ],
    ids=str,
)
def test_a_bad_word_is_rejected_with_its_reason(changes: dict[str, Any], reason: Reason, detail: str) -> None:
    (rejected,) = read(**changes).rejected
    assert (rejected.number, rejected.reason) == (0, reason)
    assert detail in rejected.detail


def test_a_bad_word_is_rejected_alone_and_the_others_keep_their_order() -> None:
    bad = GOOD._replace(end_seconds=0)
    read = read_words([GOOD, bad, GOOD._replace(text="you"), bad, GOOD._replace(text="?")], AGENT)
    assert [word.text for word in read.words] == ["Hello,", "you"]
    assert [one.number for one in read.rejected] == [1, 3, 4]
    assert read.counts == {Reason.REVERSED_TIMES: 2, Reason.NO_TEXT: 1}


def test_a_word_without_length_is_a_word_since_recognizers_place_short_ones_so() -> None:
    assert read(end_seconds=0.5).words[0].end_seconds == 0.5


def test_words_of_scripts_that_write_vowels_as_marks_are_kept_whole() -> None:
    assert read(text=" हाँ\u200d ").words[0].text == "हाँ\u200d"


def test_a_probability_that_32_bits_brought_above_one_is_one() -> None:
    assert read(probability=np.nextafter(np.float32(1), np.float32(2))).words[0].probability == 1.0


def test_a_rejection_tells_nothing_of_what_was_said() -> None:
    secrets = [
        GOOD._replace(text="4111-1111", start_seconds=-1),
        GOOD._replace(text="4111\0"),
        GOOD._replace(end_seconds="4111"),
    ]
    assert not any("4111" in one.detail for one in read_words(secrets, AGENT).rejected)


@given(st.lists(st.builds(RawWord, ANYTHING, ANYTHING, ANYTHING, ANYTHING), max_size=6))
def test_whatever_is_given_each_becomes_a_sound_word_or_a_rejection(raw: list[RawWord]) -> None:
    read = read_words(raw, AGENT)
    assert len(read.words) + len(read.rejected) == len(raw)
    for word in read.words:
        assert type(word.start_seconds) is type(word.end_seconds) is type(word.probability) is float
        assert 0 <= word.start_seconds <= word.end_seconds < math.inf
        assert 0 <= word.probability <= 1
        assert word.text == word.text.strip() != ""
        word.text.encode()
    assert all(isinstance(one, Rejected) for one in read.rejected)
