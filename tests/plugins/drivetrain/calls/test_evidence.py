"""Whether a quote was said."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.calls.evidence import QuoteFinder, Span
from drivetrain.calls.turns import Turn, build_turns
from drivetrain.calls.words import AGENT, CUSTOMER, Word
from tests.plugins.drivetrain.calls.speech import said, texts

PLAIN = ["car", "price", "is", "the", "don't", "हाँ", "ठीक"]
DIGITS = ["4", "nine", "98", "044", "zero"]
SPELLED = {"don't": ["dont"], "nine": ["9"], "98": ["9", "8"], "044": ["0", "4", "4"], "zero": ["0"]}


def call(*lines: tuple[str, str], pause: float = 1.0) -> QuoteFinder:
    """Turns of (speaker, text), one after the other."""
    words: list[Word] = []
    for speaker, text in lines:
        words += said(text, words[-1].end_seconds + pause if words else 0.0, speaker=speaker)
    return QuoteFinder(build_turns(words))


def found(finder: QuoteFinder, quote: str, turn: int | None = None) -> str | None:
    span = finder.find(quote, turn=turn)
    return None if span is None else texts(finder.words[span.first : span.last + 1])


def test_a_quote_leads_to_its_words_speaker_and_times() -> None:
    finder = call((AGENT, "What is your budget?"), (CUSTOMER, "My budget is five lakh, sir."))
    assert finder.find("budget is five lakh") == Span(CUSTOMER, 5, 8, 2.9, 4.4)
    assert finder.words[5].text == "budget"


@pytest.mark.parametrize(
    "quote",
    [
        "my budget is two lakh fifty thousand",
        "MY BUDGET, is: two lakh fifty-thousand!",
        "  my\n budget is 2,50,000.",
        "“My budget is 250000”",
        "my budget is 2.5 lakh",
        "budget is 2 lakh 50 thousand",
    ],
)
def test_case_punctuation_blanks_and_how_a_number_is_written_make_no_difference(quote: str) -> None:
    finder = call((CUSTOMER, "So, my budget is two lakh, fifty thousand rupees."))
    assert finder.find(quote) is not None


@pytest.mark.parametrize(
    "quote",
    [
        "the budget is five lakh",  # another word
        "my budget five lakh",  # one left out
        "my budget ... five lakh",
        "my budget is around five lakh",  # one added
        "budget my is five lakh",  # another order
        "my budgets is five lakh",
        "y budget is five lakh",  # a part of a word
        "my budget is five lak",
        "my budget is six lakh",
        "my budget is 5",  # a part of a number
        "budget is ₹5 lakh",  # a sign that nobody said
        "my budget is five lakh sir okay",  # another speaker's
        "",
        "...",
    ],
)
def test_anything_else_is_no_evidence(quote: str) -> None:
    assert call((CUSTOMER, "My budget is five lakh, sir."), (AGENT, "Okay.")).find(quote) is None


def test_a_part_of_a_number_was_not_said() -> None:
    finder = call((CUSTOMER, "I paid twenty five thousand for it in double two"))
    assert found(finder, "paid 25,000 for") == "paid twenty five thousand for"
    for quote in (
        "five thousand for it",
        "I paid twenty",
        "paid 25",
        "000 for",
        "thousand for it",
        "it in 2",
        "it in two",
    ):
        assert finder.find(quote) is None, quote


def test_digits_in_a_run_may_be_quoted_from_word_to_word() -> None:
    finder = call((CUSTOMER, "it is nine eight double four one oh three"))
    assert found(finder, "9844103") == "nine eight double four one oh three"
    assert found(finder, "eight 44") == "eight double four"
    assert found(finder, "one oh") == "one oh"


def test_signs_of_money_and_percent_count_where_a_quote_has_them() -> None:
    finder = call((AGENT, "It is ₹500 at 9.5% a year"))
    for quote in ("it is ₹500", "500 at 9.5%", "500 at 9.5", "at nine point five"):
        assert finder.find(quote) is not None, quote
    for quote in ("it is $500", "it is 500", "at 9.5 a year"):
        assert finder.find(quote) is None, quote


def test_a_quote_goes_on_over_a_pause_and_over_a_backchannel_but_not_over_another_s_turn() -> None:
    agent = said("we come to your") + said("home on Monday", 3.0) + said("at five", 6.0)
    listened = QuoteFinder(build_turns(agent + said("haan", 0.75, speaker=CUSTOMER, each=0.2)))
    assert found(listened, "your home") == "your haan home"
    assert listened.find("your home") == Span(AGENT, 3, 5, 1.2, 3.3)
    assert listened.find("your haan") is None

    asked = QuoteFinder(build_turns(agent + said("which day", 4.5, speaker=CUSTOMER)))
    assert found(asked, "to your home on") == "to your home on"
    assert asked.find("Monday at five") is None
    assert asked.find("Monday which day") is None


def test_numbers_of_two_turns_are_two_numbers() -> None:
    finder = call((AGENT, "I want twenty"), (AGENT, "five thousand is too much"))
    assert found(finder, "five thousand is too much") == "five thousand is too much"


def test_the_first_occurrence_is_given_or_that_of_a_turn() -> None:
    finder = call((AGENT, "the car is red"), (CUSTOMER, "the car is blue"), (AGENT, "so the car it is"))
    assert [span.first for span in (finder.find("the car"), finder.find("the car", turn=2)) if span] == [0, 9]
    assert finder.find("is blue", turn=0) is None
    assert call((AGENT, "so it is"), (AGENT, "the car")).find("the car", turn=0) is None
    assert finder.find("the car", turn=7) is None
    assert finder.find("the car", turn=-1) is None


@pytest.mark.parametrize("quote", ["Priya", "priya", "HDFC", "i20", "25", "twenty five", "98450", "₹25"])
def test_a_number_or_a_name_is_enough_alone(quote: str) -> None:
    finder = call((CUSTOMER, "Hello, I am Priya, I have an i20 with HDFC for ₹25 and my number is 98450"))
    assert finder.find(quote) is not None


@pytest.mark.parametrize("quote", ["Hello", "am", "i", "I'm", "have", "5", "five", "Yes"])
def test_any_other_word_is_not_enough_alone(quote: str) -> None:
    assert call((CUSTOMER, "Hello, and I'm here. Yes, I have 5"), (AGENT, "Yes")).find(quote) is None


def test_a_name_that_begins_a_sentence_is_found_where_it_does_not() -> None:
    assert call((CUSTOMER, "Priya. I said Priya.")).find("Priya") == Span(CUSTOMER, 3, 3, 1.2, 1.5)


def test_letters_that_look_the_same_are_the_same_in_every_script() -> None:
    finder = call((CUSTOMER, "गाड़ी की क़ीमत ५० हज़ार"), (AGENT, "Straße in Zürich"))
    assert found(finder, "की क\u093cीमत 50 हज\u093cार") == "की क़ीमत ५० हज़ार"
    assert found(finder, "STRASSE in Zu\u0308rich") == "Straße in Zürich"
    assert finder.find("गाड़ी का") is None


def test_a_call_without_words_proves_nothing() -> None:
    assert QuoteFinder(()).find("my budget") is None


LINES = st.lists(
    st.tuples(st.sampled_from([AGENT, CUSTOMER]), st.lists(st.sampled_from(PLAIN + DIGITS), min_size=1, max_size=6)),
    max_size=6,
)
QUOTED = st.lists(st.sampled_from([*PLAIN, *DIGITS, "9", "8", "zero", "44"]), max_size=5)


def symbols(words: list[str]) -> list[tuple[str, int, bool, bool]]:
    """Each symbol, its word, and whether it is the first and the last of it."""
    flat = []
    for number, word in enumerate(words):
        spelled = SPELLED.get(word) or (list(word) if word.isdecimal() else [word])
        flat += [(one, number, i == 0, i == len(spelled) - 1) for i, one in enumerate(spelled)]
    return flat


def plain(lines: list[tuple[str, list[str]]], quote: list[str]) -> tuple[int, int] | None:
    """Every place is tried."""
    if len(quote) < 2:
        return None
    wanted = [one for one, *_ in symbols(quote)]
    stretches: list[tuple[str, list[str]]] = []
    for speaker, words in lines:
        if stretches and stretches[-1][0] == speaker:
            stretches[-1] = (speaker, stretches[-1][1] + words)
        else:
            stretches.append((speaker, words))
    offset = 0
    for _, words in stretches:
        there = symbols(words)
        for start in range(len(there)):
            part = there[start : start + len(wanted)]
            if [one for one, *_ in part] == wanted and part[0][2] and part[-1][3]:
                return offset + part[0][1], offset + part[-1][1]
        offset += len(words)
    return None


def turns_of(lines: list[tuple[str, list[str]]]) -> list[Turn]:
    turns, clock = [], 0.0
    for speaker, words in lines:
        turns.append(Turn(speaker, said(" ".join(words), clock, speaker=speaker)))
        clock = turns[-1].end_seconds + 1
    return turns


@st.composite
def disguised(draw: st.DrawFn, words: list[str]) -> str:
    """The same words with other punctuation, case and blanks."""
    marks, blanks = st.sampled_from(["", "", ",", ".", "!?", "”"]), st.sampled_from([" ", "\n", "  ", " - "])
    cased = [word.upper() if draw(st.booleans()) else word for word in words]
    return "".join(word + draw(marks) + draw(blanks) for word in cased)


@given(LINES, QUOTED, st.data())
def test_a_quote_is_found_where_trying_every_place_finds_it(
    lines: list[tuple[str, list[str]]], quote: list[str], data: st.DataObject
) -> None:
    span = QuoteFinder(turns_of(lines)).find(data.draw(disguised(quote)))
    assert (None if span is None else (span.first, span.last)) == plain(lines, quote)


@given(LINES, st.data())
def test_all_that_is_cut_out_of_a_turn_is_found_and_nothing_of_it_with_another_word(
    lines: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    for number, (_, words) in enumerate(lines):
        first = data.draw(st.integers(0, len(words) - 1))
        last = data.draw(st.integers(first, len(words) - 1))
        part = words[first : last + 1]
        finder = QuoteFinder(turns_of(lines))
        if len(part) > 1:
            span = finder.find(data.draw(disguised(part)), turn=number)
            assert span is not None
            assert [word.text for word in finder.words[span.first : span.last + 1]] == part
        part[data.draw(st.integers(0, len(part) - 1))] = "lorry"
        assert finder.find(" ".join(part)) is None


@given(st.text(string.printable + "₹९हाँ½²\u200d\ud800", max_size=40), st.text(max_size=30))
def test_whatever_is_quoted_there_is_an_answer(text: str, quote: str) -> None:
    words = tuple(Word(one, float(i), i + 0.5, 0.9, AGENT) for i, one in enumerate(text.split()))
    finder = QuoteFinder([Turn(AGENT, words)] if words else [])
    for each in (quote, text):
        span = finder.find(each)
        assert span is None or 0 <= span.first <= span.last < len(words)
