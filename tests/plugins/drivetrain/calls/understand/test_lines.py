"""Transcripts in parts."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from drivetrain.calls.understand.lines import LETTERS_A_TOKEN, SHARED_LINES, Part, TranscriptLine, parts


def lines(*lengths: int) -> list[TranscriptLine]:
    return [TranscriptLine(at, "agent", 61.5 * at, "x" * length) for at, length in enumerate(lengths, start=1)]


def test_a_line_has_its_number_its_time_and_its_speaker() -> None:
    assert str(TranscriptLine(12, "customer", 3_723.9, "Two lakh.")) == "[12] 62:03 customer: Two lakh."


def test_a_call_that_fits_is_one_part() -> None:
    call = lines(10, 20, 30)
    assert list(parts(call)) == [Part(tuple(call))]
    assert list(parts([])) == []


@given(st.lists(st.integers(0, 400), max_size=60), st.integers(20, 300))
def test_each_line_is_in_one_part_in_order_and_no_part_is_too_long(lengths: list[int], tokens: int) -> None:
    call = lines(*lengths)
    found = list(parts(call, tokens=tokens))
    assert [line for part in found for line in part.lines] == call
    for part in found:
        assert len(part.lines) == 1 or sum(1 + len(str(line)) // LETTERS_A_TOKEN for line in part.lines) <= tokens
    for one, following in itertools.pairwise(found):
        assert following.before[-1] == one.lines[-1]
        assert len(following.before) <= SHARED_LINES


def test_lines_of_the_part_before_are_told_apart() -> None:
    _, second = parts(lines(90, 90), tokens=40)
    before, _, now = str(second).partition("\n\nNow:\n")
    assert before.startswith("Already read:\n[1] ")
    assert now.startswith("[2] ")
