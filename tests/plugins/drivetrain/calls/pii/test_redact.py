"""What is left of a call, and where it came from."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.calls_pii_set import TUNED, draw_set
from benchmarks.calls_pii_ways import DIGITS, Ways, listed
from drivetrain.calls.pii.find import find
from drivetrain.calls.pii.kinds import Finding, Kind
from drivetrain.calls.pii.redact import FindingsError, redact

ORACLE = {word: str(digit) for digit, word in enumerate(DIGITS)}
# Words that mean something to the recognizers, so that soup is made of what may confuse them.
SOUP = listed(
    "nine eight double 98450 12345 otp is 4821 card ending account uh sorry rahul at gmail dot com ok axis born 12 "
    "may 1990 flat 302 Nagar Pune 411001 my name Rahul price 450000 lakh rupees km model 2018 MH AB 1234 and or one "
    "second [PHONE] [NUMBER]. here, this side MH12AB1234 a@b.in ९८४५ a i two hundred then pan cvv aadhaar . - 9,8 "
    "speaking"
)


@given(st.lists(st.sampled_from(SOUP), max_size=60))
def test_a_redacted_call_has_nothing_to_redact(words: list[str]) -> None:
    once = redact(words, find(words)).words
    assert find(once) == ()
    assert redact(once, ()).words == once


@given(st.lists(st.sampled_from(SOUP), max_size=60))
def test_findings_are_in_order_and_none_overlaps(words: list[str]) -> None:
    findings = find(words)
    ends = [edge for finding in findings for edge in (finding.first, finding.last + 1)]
    assert ends == sorted(ends)
    assert all(finding.first <= finding.last < len(words) and 0 < finding.score <= 1 for finding in findings)


@given(st.lists(st.sampled_from(SOUP), max_size=60))
def test_all_other_words_stay_as_they_were_and_each_knows_its_origin(words: list[str]) -> None:
    done = redact(words, find(words))
    covered = [index for first, last in done.origins for index in range(first, last + 1)]
    assert covered == list(range(len(words)))
    taken = {(finding.first, finding.last): finding.kind.placeholder for finding in done.findings}
    for word, origin in zip(done.words, done.origins, strict=True):
        if origin in taken:
            assert re.fullmatch(re.escape(taken[origin]) + r"[.,?!;:]?", word)
        else:
            assert word == words[origin[0]]


# Where no figure is planted, four digits in a row that are left can only be the value's.
ALONE = tuple(
    carrier
    for carrier in TUNED
    if re.search(r"\{(phone|card|account|aadhaar|pin_code)\}", carrier) and carrier.count("{") == 1
)


@given(st.integers(0, 10**6))
def test_no_four_digits_of_a_planted_value_are_left_however_they_are_split(seed: int) -> None:
    carrier = random.Random(seed).choice(ALONE)
    for utterance in draw_set([carrier], each=1, ways=Ways.TUNED, seed=seed):
        (label,) = utterance.labels
        done = redact(utterance.words, find(utterance.words))
        assert not _windows(label.secret) & _windows(_digits_of(" ".join(done.words)))


def _digits_of(text: str) -> str:
    """Digits of a text, in their order: an oracle that knows nothing but the ten words."""
    parts = re.findall(r"[0-9]|[a-z]+", text.lower())
    return "".join(part if part.isdigit() else ORACLE.get(part, "") for part in parts)


def _windows(digits: str) -> set[str]:
    return {digits[at : at + 4] for at in range(len(digits) - 3)}


def test_a_placeholder_keeps_the_mark_that_its_sentence_ends_with() -> None:
    words = ["It", "is", "98450", "12345.", "Call", "me."]
    done = redact(words, [Finding(Kind.PHONE, 0.9, 2, 3)])
    assert done.words == ("It", "is", "[PHONE].", "Call", "me.")
    assert done.origins == ((0, 0), (1, 1), (2, 3), (4, 4), (5, 5))


@pytest.mark.parametrize("places", [[(1, 2), (2, 3)], [(2, 3), (0, 1)], [(2, 9)], [(3, 2)]])
def test_findings_that_do_not_fit_the_words_are_refused(places: list[tuple[int, int]]) -> None:
    findings = [Finding(Kind.PHONE, 0.9, first, last) for first, last in places]
    with pytest.raises(FindingsError, match="give findings in their order, none overlapping"):
        redact(["a", "b", "c", "d"], findings)
