"""Figures of conversations, by hand and by rules that hold for all."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.calls.figures import CallFigures, CallFiguresError, SpeakerFigures, call_figures
from drivetrain.calls.turns import Turn, build_turns
from drivetrain.calls.words import AGENT, CUSTOMER, Word
from tests.plugins.drivetrain.calls.speech import said

NOBODY = SpeakerFigures(0, 0, 0, 0, 0, None, 0, 0)
SPEAKERS = [AGENT, CUSTOMER, "supervisor"]


def turn(speaker: str, start: float, end: float, text: str = "so", *, is_backchannel: bool = False) -> Turn:
    """Its words share the time evenly."""
    words = text.split()
    each = (end - start) / len(words)
    spoken = [Word(word, start + i * each, start + (i + 1) * each, 0.9, speaker) for i, word in enumerate(words)]
    return Turn(speaker, (*spoken[:-1], Word(words[-1], spoken[-1].start_seconds, end, 0.9, speaker)), is_backchannel)


def agent(start: float, end: float, text: str = "so") -> Turn:
    return turn(AGENT, start, end, text)


def customer(start: float, end: float, text: str = "so") -> Turn:
    return turn(CUSTOMER, start, end, text)


def haan(start: float, end: float) -> Turn:
    return turn(CUSTOMER, start, end, "haan", is_backchannel=True)


@pytest.mark.parametrize("duration", [0.0, 60.0])
def test_a_call_in_which_nobody_says_anything_is_all_silence(duration: float) -> None:
    holds = int(duration > 0)
    assert call_figures([], duration) == CallFigures(
        duration, {AGENT: NOBODY, CUSTOMER: NOBODY}, 0, duration, duration, holds, duration, None, 0, None
    )


def test_a_conversation_by_hand() -> None:
    found = call_figures(
        [
            agent(1, 4, "Hello is this about the car?"),
            customer(5, 7, "yes it is"),
            agent(7.5, 13.5, "it is a twenty nineteen model with one owner and no loan"),
            haan(9, 9.5),
            customer(30, 33, "what do you want"),
            agent(32, 36, "nine lakh?"),
        ],
        40,
        rms={AGENT: 0.2, CUSTOMER: 0.02},
    )
    # Agent 3 + 6 + 4, customer 2 + 0.5 + 3; both at 9 to 9.5 and at 32 to 33.
    assert found.speakers[AGENT] == SpeakerFigures(13, pytest.approx(13 / 18.5), 3, 0, 20, 20 * 60 / 13, 1, 6)
    assert found.speakers[CUSTOMER] == SpeakerFigures(5.5, pytest.approx(5.5 / 18.5), 2, 1, 8, 8 * 60 / 5.5, 0, 3)
    assert found.overlap_seconds == 1.5
    # Before 1, to 5, to 7.5, to 30, and after 36.
    assert found.silence_seconds == 1 + 1 + 0.5 + 16.5 + 4
    assert (found.longest_silence_seconds, found.holds, found.hold_seconds) == (16.5, 1, 16.5)
    assert found.patience_seconds == 0.25, "half of 0.5, and 0 where the customer had not ended"
    assert found.agent_questions == 2
    assert found.loudness_difference_db == pytest.approx(20)


def test_one_who_speaks_alone_has_all_the_talk_and_waits_for_nobody() -> None:
    found = call_figures([agent(0, 10), agent(12, 20)], 20)
    assert (found.speakers[AGENT].talk_ratio, found.speakers[CUSTOMER]) == (1, NOBODY)
    assert (found.patience_seconds, found.overlap_seconds) == (None, 0)


def test_a_monologue_goes_on_over_pauses_that_do_not_count_and_over_backchannels_that_do_not_matter() -> None:
    turns = [agent(0, 10), haan(5, 5.5), agent(40, 45), customer(46, 47), agent(48, 60)]
    assert call_figures(turns, 60).speakers[AGENT].longest_monologue_seconds == 15


@pytest.mark.parametrize(
    ("turns", "interrupting"),
    [
        ([agent(0, 5), customer(4, 8)], CUSTOMER),
        ([customer(0, 5), agent(4.7, 8)], AGENT),
        ([agent(0, 5), customer(4.8, 8)], None),  # a usual change of turns
        ([agent(0, 5), customer(3, 4.9)], None),  # they gave up
        ([agent(0, 5), customer(5.5, 8)], None),
        ([agent(0, 5), customer(0, 8)], None),  # both began at once
        ([agent(0, 5), haan(4, 5.5)], None),
        ([haan(0, 5), agent(4, 8)], None),
        ([agent(0, 5), agent(4, 8)], None),
    ],
    ids=str,
)
def test_who_interrupts_begins_while_another_speaks_and_goes_on(turns: list[Turn], interrupting: str | None) -> None:
    found = call_figures(turns, 10)
    assert {who: of.interruptions for who, of in found.speakers.items()} == {
        who: int(who == interrupting) for who in (AGENT, CUSTOMER)
    }


def test_who_interrupts_two_at_once_interrupts_once() -> None:
    turns = [agent(0, 5), turn("supervisor", 1, 5.5), customer(3, 9)]
    assert call_figures(turns, 10).speakers[CUSTOMER].interruptions == 1


def test_patience_is_the_median_of_the_agent_s_waits_and_of_nobody_else_s() -> None:
    turns = [
        customer(0, 1),
        agent(2, 3),
        customer(10, 11),
        agent(14, 15),
        customer(15, 16),
        haan(17, 17.5),
        agent(21, 22),
    ]
    assert call_figures(turns, 30).patience_seconds == 3, "of 1, 3 and 5"
    assert call_figures([agent(0, 1), customer(9, 10)], 30).patience_seconds is None
    between = [customer(0, 1), turn("supervisor", 2, 3), agent(4, 5)]
    assert call_figures(between, 30).patience_seconds is None, "the supervisor answered"


def test_silences_count_as_holds_from_the_limit_on() -> None:
    found = call_figures([agent(0, 5), agent(20, 25), agent(39.9, 50)], 70)
    assert (found.holds, found.hold_seconds) == (2, 35)


@pytest.mark.parametrize(
    ("text", "count"), [("Really?", 1), ('"Is it?"', 1), ("A? B? C.", 2), ("क्या है？", 1), ("is it", 0)]
)
def test_questions_are_counted_by_their_marks_and_the_agent_s_alone(text: str, count: int) -> None:
    assert call_figures([agent(0, 2, text), customer(3, 4, "Why? When?")], 5).agent_questions == count


@pytest.mark.parametrize(
    ("rms", "decibels"),
    [
        ({AGENT: 0.1, CUSTOMER: 0.2}, pytest.approx(-6.0206, abs=1e-4)),
        ({AGENT: 0.1, CUSTOMER: 0.1}, 0),
        ({AGENT: 0.1}, None),
        ({AGENT: 0.1, CUSTOMER: 0.0}, None),
        ({AGENT: math.nan, CUSTOMER: 0.1}, None),
        (None, None),
    ],
)
def test_loudness_is_compared_where_it_is_known_of_both(rms: dict[str, float] | None, decibels: float | None) -> None:
    assert call_figures([], 5, rms=rms).loudness_difference_db == decibels


def test_words_after_the_recording_s_end_are_cut_off() -> None:
    found = call_figures([agent(0, 4), agent(8, 11, "so it is"), customer(12, 13)], 10)
    assert found.speakers[AGENT] == SpeakerFigures(6, 1, 2, 0, 3, 30, 0, 6)
    assert found.speakers[CUSTOMER].words == 0
    assert found.silence_seconds == 4


def test_speakers_may_be_called_otherwise() -> None:
    turns = [turn("SPEAKER_00", 0, 1), turn("SPEAKER_01", 3, 4, "well?")]
    found = call_figures(turns, 5, agent="SPEAKER_01", customer="SPEAKER_00")
    assert (set(found.speakers), found.patience_seconds, found.agent_questions) == ({"SPEAKER_00", "SPEAKER_01"}, 2, 1)


@pytest.mark.parametrize("duration", [-1.0, math.nan, math.inf])
def test_a_duration_that_is_none_is_refused(duration: float) -> None:
    with pytest.raises(CallFiguresError, match=r"duration_seconds: .* is no length of a call: give seconds, 0 or more"):
        call_figures([], duration)


@st.composite
def calls(draw: st.DrawFn) -> tuple[list[Turn], float]:
    """Turns out of words, and a duration that is mostly beyond their end."""
    words: list[Word] = []
    for speaker in SPEAKERS[: draw(st.integers(0, 3))]:
        clock = draw(st.integers(0, 300)) / 100
        for _ in range(draw(st.integers(0, 5))):
            text = draw(st.sampled_from(["okay", "so it is", "is it the car?", "haan ji"]))
            words += said(text, clock, speaker=speaker, each=draw(st.sampled_from([0.2, 0.5])))
            clock = words[-1].end_seconds + draw(st.sampled_from([0.01, 0.5, 0.81, 4.0, 20.0]))
    end = max((word.end_seconds for word in words), default=0.0)
    return list(build_turns(words)), round(end + draw(st.sampled_from([-1.0, 0.0, 3.0, 30.0])), 2) if words else 5.0


@given(calls())
def test_shares_and_seconds_add_up(call: tuple[list[Turn], float]) -> None:
    turns, duration = call
    found = call_figures(turns, max(0.0, duration))
    talk = sum(one.talk_seconds for one in found.speakers.values())
    assert talk + found.silence_seconds - found.overlap_seconds == pytest.approx(found.duration_seconds, abs=1e-6)
    assert all(0 <= one.talk_ratio <= 1 for one in found.speakers.values())
    assert sum(one.talk_ratio for one in found.speakers.values()) == pytest.approx(1 if talk else 0)
    assert 0 <= found.hold_seconds <= found.silence_seconds + 1e-9
    assert found.longest_silence_seconds <= found.silence_seconds + 1e-9
    for one in found.speakers.values():
        assert one.longest_monologue_seconds <= one.talk_seconds + 1e-6
        assert one.interruptions <= one.turns
    assert sum(one.turns + one.backchannels for one in found.speakers.values()) == len(turns)


@given(calls(), st.randoms(use_true_random=False))
def test_the_order_of_the_turns_makes_no_difference(call: tuple[list[Turn], float], source: random.Random) -> None:
    turns, duration = call
    shuffled = list(turns)
    source.shuffle(shuffled)
    assert call_figures(shuffled, max(0.0, duration)) == call_figures(turns, max(0.0, duration))


def sampled(turns: list[Turn], duration: float) -> tuple[float, float]:
    """Overlap and silence by looking at every hundredth of a second."""
    overlap = silence = 0
    for tick in range(round(duration * 100)):
        at = tick / 100 + 0.005
        speaking = len({one.speaker for one in turns if one.start_seconds < at < one.end_seconds})
        overlap += max(0, speaking - 1)
        silence += speaking == 0
    return overlap / 100, silence / 100


@given(calls())
def test_overlap_and_silence_are_what_looking_at_every_moment_gives(call: tuple[list[Turn], float]) -> None:
    turns, duration = call
    found = call_figures(turns, max(0.0, duration))
    overlap, silence = sampled(turns, max(0.0, duration))
    assert found.overlap_seconds == pytest.approx(overlap, abs=1e-6)
    assert found.silence_seconds == pytest.approx(silence, abs=1e-6)


@given(calls(), st.integers(1, 50))
def test_a_call_that_begins_later_is_the_same_but_for_the_silence_before_it(
    call: tuple[list[Turn], float], seconds: int
) -> None:
    turns, duration = call
    later = [
        Turn(
            one.speaker,
            tuple(
                Word(w.text, w.start_seconds + seconds, w.end_seconds + seconds, w.probability, w.speaker)
                for w in one.words
            ),
            one.is_backchannel,
        )
        for one in turns
    ]
    before, after = call_figures(turns, max(0.0, duration)), call_figures(later, max(0.0, duration) + seconds)
    assert after.silence_seconds == pytest.approx(before.silence_seconds + seconds)
    assert after.overlap_seconds == pytest.approx(before.overlap_seconds, abs=1e-9)
    assert after.patience_seconds == pytest.approx(before.patience_seconds)
    assert after.agent_questions == before.agent_questions
    for speaker, one in before.speakers.items():
        other = after.speakers[speaker]
        assert (other.turns, other.words, other.interruptions) == (one.turns, one.words, one.interruptions)
        assert other.talk_seconds == pytest.approx(one.talk_seconds)
        assert other.talk_ratio == pytest.approx(one.talk_ratio)
        assert other.longest_monologue_seconds == pytest.approx(one.longest_monologue_seconds)
        assert other.words_per_minute == pytest.approx(one.words_per_minute, nan_ok=True)
