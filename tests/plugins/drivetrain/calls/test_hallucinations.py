"""What nobody said."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.calls.hallucinations import DEFAULTS, Dropped, Reason, Screened, Segment, screen
from drivetrain.calls.words import AGENT, Word
from tests.plugins.drivetrain.calls.speech import said, texts

EVERYWHERE = [(0.0, 1_000.0)]
# Figures as Whisper gives them for clear speech.
CLEAR = {"avg_logprob": -0.3, "no_speech_prob": 0.1, "compression_ratio": 1.2}


def segment(words: tuple[Word, ...], **changes: Any) -> Segment:
    span = {"start_seconds": words[0].start_seconds, "end_seconds": words[-1].end_seconds}
    return Segment(**({"text": texts(words), **span, **CLEAR, "words": words} | changes))


def kept(*segments: Segment, speech: list[tuple[float, float]] | None = EVERYWHERE) -> str:
    return texts(screen(segments, speech).words)


def reasons(*segments: Segment, speech: list[tuple[float, float]] | None = EVERYWHERE) -> dict[Reason, int]:
    return dict(screen(segments, speech).counts)


def test_clear_speech_stays_as_it_is() -> None:
    segments = (segment(said("Hello, is this about the car?")), segment(said("Yes, it is.", 4)))
    assert screen(segments, [(0, 3), (4, 6)]) == Screened(segments, ())
    assert screen(segments, None) == Screened(segments, ())


def test_a_segment_that_is_likely_silence_is_dropped_unless_whisper_is_sure_of_its_words() -> None:
    silent = segment(said("so we will"), no_speech_prob=0.61, avg_logprob=-1.0)
    assert reasons(silent) == {Reason.SILENCE: 3}
    assert reasons(replace(silent, avg_logprob=-0.99)) == {}
    assert reasons(replace(silent, no_speech_prob=0.6)) == {}


def test_a_text_that_compresses_too_well_repeats_itself() -> None:
    words = said("I am going to go and " * 3)
    assert reasons(segment(words, compression_ratio=2.41)) == {Reason.REPETITION: 18}
    assert reasons(segment(words, compression_ratio=2.4)) == {}


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for watching!",
        "Thanks for watching. Thanks for watching.",
        "♪ Please subscribe to my channel. ♪",
        "Don't forget to subscribe!",
        "Subtitles by the Amara.org community",
        "Transcribed by somebody, 2019",
    ],
)
def test_what_ends_subtitles_is_dropped_wherever_it_is(text: str) -> None:
    assert set(reasons(segment(said(text)))) == {Reason.PHRASE}
    assert set(reasons(segment(said(text)), speech=None)) == {Reason.PHRASE}


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for watching out for my car",
        "Thank you for calling.",
        "Please subscribe me to the newsletter",
        "It was transcribed by somebody",
        "Subtitles by",
        "Captions by my brother who has a very long story to tell about it",
    ],
)
def test_sentences_that_only_begin_like_that_stay(text: str) -> None:
    assert kept(segment(said(text))) == text


def test_thank_you_is_made_up_on_silence_and_said_in_speech() -> None:
    thanks = segment(said("Thank you.", 10, each=1.0))
    assert reasons(thanks, speech=[(0, 9)]) == {Reason.PHRASE: 2}
    assert reasons(thanks, speech=[(0, 9), (11.9, 12)]) == {Reason.PHRASE: 2}, "0.3 s of 2.1 with the room around it"
    assert reasons(thanks, speech=[(10.2, 12)]) == {}
    assert reasons(thanks, speech=None) == {}, "nobody asked whether there was speech"
    assert reasons(thanks, speech=[]) == {Reason.PHRASE: 2}


def test_words_outside_of_speech_are_dropped_alone_with_some_room_for_the_detector() -> None:
    heard = screen([segment(said("my budget is") + said("five lakh I", 3))], [(3.0, 3.5), (0.0, 0.85)])
    assert texts(heard.words) == "my budget is five lakh"
    assert heard.dropped == (Dropped(0, Reason.OUTSIDE_SPEECH, said("I", 3.8)),)
    (left,) = heard.kept
    assert (left.text, left.avg_logprob) == ("my budget is five lakh", CLEAR["avg_logprob"])


def test_a_word_without_length_is_dropped_only_if_it_is_improbable() -> None:
    sure, unsure = Word("Press", 5.38, 5.38, 0.99, AGENT), Word("you", 9.0, 9.0, 0.1, AGENT)
    assert reasons(segment((sure,))) == {}
    assert reasons(segment((unsure,))) == {Reason.DURATION: 1}


def test_a_word_that_takes_too_long_is_dropped_if_it_is_improbable_and_beyond_any_measure_anyway() -> None:
    drawn = Word("well", 1.0, 3.5, 0.14, AGENT)
    assert reasons(segment((drawn,))) == {Reason.DURATION: 1}
    assert reasons(segment((replace(drawn, probability=0.15),))) == {}
    assert reasons(segment((replace(drawn, probability=0.99, end_seconds=11.5),))) == {Reason.DURATION: 1}


def test_words_faster_than_anybody_speaks_are_dropped_and_those_around_them_stay() -> None:
    hurried = said("what they say in this video", 3, each=0.05, pause=0.02)
    assert reasons(segment(said("I see") + hurried + said("Monday then", 5))) == {Reason.RATE: 6}
    assert reasons(segment(said("what they say in this video", 3, each=0.08, pause=0.02))) == {}, "10 words a second"
    assert reasons(segment(said("at once now yes", each=0.01, pause=0.01))) == {}, "four words are too few to tell"


def test_a_loop_is_dropped_but_for_what_may_have_been_said_once() -> None:
    looping = segment(said("we can come " + "to your home " * 4 + "on Monday"))
    assert kept(looping) == "we can come to your home on Monday"
    assert reasons(looping) == {Reason.LOOP: 9}
    assert reasons(segment(said("to your home " * 3))) == {}


def test_a_loop_is_told_without_its_punctuation_and_case() -> None:
    assert kept(segment(said("I see. I see, I SEE! I see"))) == "I see."


@pytest.mark.parametrize("text", ["hello " * 7, "zero " * 7, "double zero " * 3, "one two " * 7, "no " * 7])
def test_what_people_say_over_and_over_stays(text: str) -> None:
    assert kept(segment(said(text))) == text.strip()


@pytest.mark.parametrize(("text", "left"), [("hello " * 8, "hello"), ("one two " * 8, "one two")])
def test_even_that_has_an_end(text: str, left: str) -> None:
    assert kept(segment(said(text))) == left


def test_a_listener_who_says_okay_in_one_segment_after_the_other_is_no_loop() -> None:
    assert kept(*(segment(said("Okay.", 5 * place)) for place in range(20))) == " ".join(["Okay."] * 20)


def test_a_segment_without_words_is_judged_as_a_whole_and_counts_as_one() -> None:
    text_only = Segment("So about the loan.", 1, 3, **CLEAR)
    assert screen([text_only], [(0, 5)]).kept == (text_only,)
    assert reasons(text_only, speech=[(8, 9)]) == {Reason.OUTSIDE_SPEECH: 1}
    assert reasons(replace(text_only, text="Thank you for watching"), speech=None) == {Reason.PHRASE: 1}


def test_figures_that_are_no_numbers_drop_nothing_that_is_not_wrong_otherwise() -> None:
    nothing_known = dict.fromkeys(CLEAR, math.nan)
    assert reasons(segment(said("so about the loan"), **nothing_known)) == {}


@st.composite
def channels(draw: st.DrawFn) -> list[Segment]:
    clock, segments = 0.0, []
    for _ in range(draw(st.integers(0, 4))):
        words = []
        for _ in range(draw(st.integers(0, 12))):
            length = draw(st.sampled_from([0.0, 0.02, 0.3, 3.0, 12.0]))
            text = draw(st.sampled_from(["thank", "you", "okay", "five", "Thanks", "loan."]))
            words.append(Word(text, clock, clock + length, draw(st.sampled_from([0.05, 0.9])), AGENT))
            clock += length + draw(st.sampled_from([0.0, 0.1, 2.0]))
        figures = {
            "avg_logprob": draw(st.sampled_from([-1.5, -0.3])),
            "no_speech_prob": draw(st.sampled_from([0.1, 0.9])),
            "compression_ratio": draw(st.sampled_from([1.0, 1.0, 3.0])),
        }
        segments.append(Segment(texts(words), clock, clock + 1, words=tuple(words), **figures))
    return segments


INTERVALS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)).map(lambda t: (t[0], t[0] + t[1])), max_size=5)


@given(channels(), st.none() | INTERVALS)
def test_every_word_is_kept_or_dropped_once_and_those_kept_stay_in_order(
    segments: list[Segment], speech: list[tuple[float, float]] | None
) -> None:
    found = screen(segments, speech)
    everything = [id(word) for one in segments for word in one.words]
    left, gone = [id(word) for word in found.words], [id(word) for one in found.dropped for word in one.words]
    assert sorted(left + gone) == sorted(everything)
    assert left == [one for one in everything if one in set(left)]
    assert [one.segment for one in found.dropped] == sorted(one.segment for one in found.dropped)
    assert sum(found.counts.values()) == sum(max(1, len(one.words)) for one in found.dropped)


@given(channels(), INTERVALS)
def test_no_word_that_stays_is_away_from_all_speech(segments: list[Segment], speech: list[tuple[float, float]]) -> None:
    room = DEFAULTS.speech_padding_seconds + 1e-9
    for word in screen(segments, speech).words:
        assert any(start - room <= word.end_seconds and word.start_seconds <= end + room for start, end in speech)


@given(channels(), INTERVALS, st.randoms(use_true_random=False))
def test_the_order_of_the_detector_s_stretches_makes_no_difference(
    segments: list[Segment], speech: list[tuple[float, float]], source: Any
) -> None:
    shuffled = list(speech)
    source.shuffle(shuffled)
    assert screen(segments, shuffled) == screen(segments, speech)
