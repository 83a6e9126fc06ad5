"""Turns out of words."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivetrain.calls.turns import MAX_GAP_SECONDS, Turn, build_turns
from drivetrain.calls.words import AGENT, CUSTOMER, Word
from tests.plugins.drivetrain.calls.speech import said

SPEAKERS = [AGENT, CUSTOMER, "supervisor"]
TEXTS = ["okay.", "Haan", "Mm-hm,", "the", "car", "price?"]


@st.composite
def calls(draw: st.DrawFn) -> list[Word]:
    """Words in hundredths of seconds as recognizers give them; those of one speaker don't lie at the same times."""
    words = []
    for speaker in SPEAKERS[: draw(st.integers(1, 3))]:
        clock = draw(st.integers(0, 200))
        for _ in range(draw(st.integers(0, 14))):
            length = draw(st.integers(0, 60))
            words.append(Word(draw(st.sampled_from(TEXTS)), clock / 100, (clock + length) / 100, 0.9, speaker))
            # Mostly one after the other, now and then overlapping, and at the limit of a pause.
            clock += draw(
                st.sampled_from([max(1, length - 10), length + 1, length + 30, length + 80, length + 81, 300])
            )
    return words


def lines(turns: tuple[Turn, ...]) -> list[str]:
    return [f"{turn.speaker}{' (backchannel)' if turn.is_backchannel else ''}: {turn.text}" for turn in turns]


def of(speaker: str, words: list[Word]) -> list[Word]:
    return [word for word in words if word.speaker == speaker]


def test_nothing_said_makes_no_turns() -> None:
    assert build_turns([]) == ()


def test_a_question_and_its_answer_are_put_in_order_though_segments_run_over_each_other() -> None:
    agent = said("Which model is it?") + said("And which year?", 5)
    customer = said("It is an i20.", 2.5, speaker=CUSTOMER) + said("Twenty nineteen.", 7, speaker=CUSTOMER)
    assert lines(build_turns(agent + customer)) == [
        "agent: Which model is it?",
        "customer: It is an i20.",
        "agent: And which year?",
        "customer: Twenty nineteen.",
    ]


def test_a_pause_at_the_limit_is_inside_a_turn_and_a_longer_one_ends_it() -> None:
    before = said("one", 0.1)
    assert len(build_turns(before + said("two", 1.2))) == 1, "0.4 + 0.8 s, which floats make a bit more"
    assert len(build_turns(before + said("two", 1.21))) == 2


def test_a_pause_is_counted_from_when_all_words_before_it_have_ended() -> None:
    long, short, late = Word("well", 0, 5, 0.9, AGENT), Word("so", 1, 1.2, 0.9, AGENT), Word("yes", 5.5, 6, 0.9, AGENT)
    (turn,) = build_turns([late, short, long])
    assert (turn.text, turn.start_seconds, turn.end_seconds) == ("well so yes", 0, 6)


def test_an_answer_in_a_short_pause_ends_a_turn() -> None:
    agent = said("You said diesel") + said("and the mileage", 1.7)
    assert lines(build_turns(agent + said("petrol", 1.15, speaker=CUSTOMER))) == [
        "agent: You said diesel",
        "customer: petrol",
        "agent: and the mileage",
    ]


@pytest.mark.parametrize(
    "text", ["haan", "Okay.", "mm-hm", "Uh-huh,", "haan ji", "I see.", "theek hai", "हाँ", "ठीक है।"]
)
def test_a_backchannel_is_a_turn_of_its_own_and_the_other_s_goes_on_around_it(text: str) -> None:
    agent = said("The car has one owner") + said("and no loan", 2.7)
    heard = said(text, 2.0, speaker=CUSTOMER, each=0.25)
    assert lines(build_turns(agent + heard)) == [
        "agent: The car has one owner and no loan",
        f"customer (backchannel): {text}",
    ]


def test_a_backchannel_into_the_other_s_words_breaks_nothing_either() -> None:
    agent = said("We come to your home and look at the car", each=0.35, pause=0.02)
    assert lines(build_turns(agent + said("haan haan", 1.1, speaker=CUSTOMER))) == [
        "agent: We come to your home and look at the car",
        "customer (backchannel): haan haan",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("haan haan haan", "more than two words"),
        ("okay wait", "not only such words"),
        ("diesel", "not such a word"),
        ("theek nahi", "half of it is none"),
    ],
)
def test_what_is_no_backchannel_takes_the_turn_away(text: str, why: str) -> None:
    agent = said("The car has one owner") + said("and no loan", 2.6)
    heard = said(text, 1.95, speaker=CUSTOMER, each=0.15, pause=0.05)
    assert lines(build_turns(agent + heard)) == [
        "agent: The car has one owner",
        f"customer: {text}",
        "agent: and no loan",
    ], why


def test_okay_is_an_answer_where_the_other_waits_for_it_or_had_not_begun() -> None:
    agent = said("Shall we come at five") + said("Thank you", 5)
    assert not any(turn.is_backchannel for turn in build_turns(agent + said("okay", 2.5, speaker=CUSTOMER)))
    assert not any(
        turn.is_backchannel for turn in build_turns(said("hello there", 1) + said("yes", 1, speaker=CUSTOMER))
    )


def test_okay_at_the_other_s_last_word_is_no_backchannel_since_the_other_does_not_go_on() -> None:
    turns = build_turns(said("shall we come at five") + said("okay", 1.6, speaker=CUSTOMER))
    assert turns[0].end_seconds == turns[1].end_seconds
    assert not any(turn.is_backchannel for turn in turns)


def test_a_word_without_length_between_two_that_touch_takes_no_turn_away() -> None:
    agent = [Word("not", 0, 1, 0.9, AGENT), Word("yet", 1, 2, 0.9, AGENT)]
    assert lines(build_turns([*agent, Word("diesel", 1, 1, 0.9, CUSTOMER)])) == ["agent: not yet", "customer: diesel"]


def test_two_who_speak_at_once_keep_their_sentences_whole() -> None:
    agent = said("I would like to tell you about the loan", each=0.35, pause=0.05)
    customer = said("no please listen to me first now", 1.2, speaker=CUSTOMER, each=0.35, pause=0.05)
    assert lines(build_turns(agent + customer)) == [
        "agent: I would like to tell you about the loan",
        "customer: no please listen to me first now",
    ]


def test_words_at_the_very_same_times_stay_in_the_order_in_which_they_are_given() -> None:
    words = [Word(text, 1.0, 1.0, 0.9, AGENT) for text in ("to", "a", "few")]
    assert build_turns(words)[0].text == "to a few"


@given(calls())
def test_every_word_is_in_one_turn_and_the_words_of_a_speaker_keep_their_order(words: list[Word]) -> None:
    turns = build_turns(words)
    for speaker in SPEAKERS:
        own = [word for turn in turns if turn.speaker == speaker for word in turn.words]
        assert own == of(speaker, words)
    assert all({word.speaker for word in turn.words} == {turn.speaker} for turn in turns)


@given(calls())
def test_turns_are_in_the_order_of_their_starts_and_none_has_a_longer_pause_inside(words: list[Word]) -> None:
    turns = build_turns(words)
    starts = [turn.start_seconds for turn in turns]
    assert starts == sorted(starts)
    for turn in turns:
        for place, word in enumerate(turn.words[1:], 1):
            ended = max(before.end_seconds for before in turn.words[:place])
            assert word.start_seconds - ended <= MAX_GAP_SECONDS + 1e-6


@given(calls(), st.randoms(use_true_random=False))
def test_the_order_in_which_words_come_makes_no_difference(words: list[Word], source: random.Random) -> None:
    shuffled = list(words)
    source.shuffle(shuffled)
    assert build_turns(shuffled) == build_turns(words)


def plain(words: list[Word]) -> list[tuple[list[Word], bool]]:
    """The rule word by word, each compared with all others."""

    def ended(own: list[Word], place: int) -> float:
        return max(word.end_seconds for word in own[: place + 1])

    def run_of(word: Word) -> list[Word]:
        own = of(word.speaker, words)
        at = own.index(word)
        first = last = at
        while first and own[first].start_seconds - ended(own, first - 1) <= MAX_GAP_SECONDS + 1e-6:
            first -= 1
        while last + 1 < len(own) and own[last + 1].start_seconds - ended(own, last) <= MAX_GAP_SECONDS + 1e-6:
            last += 1
        return own[first : last + 1]

    def is_backchannel(word: Word) -> bool:
        run = run_of(word)
        return (
            len(run) <= 2
            and all(one.text in ("okay.", "Haan", "Mm-hm,") for one in run)
            and any(
                around[0].start_seconds < run[0].start_seconds
                and max(one.end_seconds for one in around) > max(one.end_seconds for one in run)
                for around in (run_of(other) for other in words if other.speaker != word.speaker)
            )
        )

    def speaks_between(speaker: str, since: float, until: float) -> bool:
        return since < until and any(
            other.speaker != speaker
            and since <= other.start_seconds
            and other.end_seconds <= until
            and not is_backchannel(other)
            for other in words
        )

    turns: list[tuple[list[Word], bool]] = []
    for speaker in SPEAKERS:
        own = of(speaker, words)
        for place, word in enumerate(own):
            goes_on = (
                place > 0
                and own[place - 1] in run_of(word)
                and not speaks_between(speaker, ended(own, place - 1), word.start_seconds)
            )
            if goes_on:
                turns[-1][0].append(word)
            else:
                turns.append(([word], is_backchannel(word)))
    return turns


@given(calls())
@example([*said("a b"), *said("okay.", 0.3, speaker=CUSTOMER, each=0.1)])
def test_turns_are_those_that_the_rule_gives_word_by_word(words: list[Word]) -> None:
    found = [(list(turn.words), turn.is_backchannel) for turn in build_turns(words)]
    expected = plain(words)
    assert len(found) == len(expected)
    assert all(turn in expected for turn in found)


def test_turns_of_one_speaker_don_t_overlap() -> None:
    words = said("one two three four", each=0.2, pause=0.5) + said(
        "hm five six", 0.3, speaker=CUSTOMER, each=0.1, pause=0.6
    )
    for speaker in (AGENT, CUSTOMER):
        own = [turn for turn in build_turns(words) if turn.speaker == speaker]
        assert all(before.end_seconds <= after.start_seconds for before, after in pairwise(own))
