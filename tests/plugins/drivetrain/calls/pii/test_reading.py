"""What tokens say."""

from __future__ import annotations

import pytest

from benchmarks.calls_pii_ways import listed
from drivetrain.calls.pii.kinds import Token, plain
from drivetrain.calls.pii.reading import Shape, bare, read


def said(text: str) -> list[tuple[Shape, str]]:
    words = text.split()
    return [(piece.shape, piece.text) for piece in read(plain(words), words)]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("nine eight double four triple oh", "9844000"),
        ("ninety eight forty four zero one", "984401"),
        ("ninety-eight forty-four", "9844"),
        ("nine—eight…four", "984"),
        ("9-8-4 98450.12345 (080)", "9849845012345080"),
        ("nau aath char", "984"),
        ("नौ आठ चार", "984"),
        ("९८४५ ９８", "984598"),
        ("9\u200b8\u20604", "984"),
        ("9\u03368\u03364\u0336", "984"),
    ],
)
def test_digits_are_read_however_they_are_said_or_written(text: str, digits: str) -> None:
    pieces = said(text)
    read_as = "".join(part for shape, part in pieces if shape in (Shape.DIGITS, Shape.OH))
    assert read_as == digits


@pytest.mark.parametrize(
    "text", ["4,50,000", "₹4,50,000", "4.5", "10:30", "45k", "9.75%", "Rs.500", "12,499/-", "60,000km", "10am"]
)
def test_what_is_written_as_an_amount_or_a_time_is_one(text: str) -> None:
    assert [shape for shape, _ in said(text)] == [Shape.AMOUNT]


def test_a_token_of_several_words_is_an_amount_where_thousands_were_said() -> None:
    words = listed("four lakh fifty thousand nine eight double four")
    tokens = [Token("450000", 0, 3), Token("9844", 4, 7)]
    shapes = [(piece.shape, piece.is_spoken) for piece in read(tokens, words)]
    assert shapes == [(Shape.AMOUNT, True), (Shape.DIGITS, True)]


def test_letters_are_read_by_their_names_and_by_towns() -> None:
    assert said("aitch M for Mumbai B as in Bombay double u double a") == [
        (Shape.LETTERS, "H"),
        (Shape.LETTERS, "M"),
        (Shape.LETTERS, "B"),
        (Shape.LETTERS, "W"),
        (Shape.LETTERS, "AA"),
    ]


def test_a_pause_with_a_number_in_it_is_no_number() -> None:
    assert said("one minute please") == [(Shape.FILLER, "one"), (Shape.FILLER, "please")]
    assert said("one second hand car")[0] == (Shape.DIGITS, "1")


def test_where_all_is_in_capitals_capitals_tell_nothing() -> None:
    assert said("MY CAR 45") == [(Shape.WORD, "my"), (Shape.WORD, "car"), (Shape.DIGITS, "45")]


def test_of_a_token_that_is_longer_than_any_word_only_the_digits_are_read() -> None:
    assert bare("x" * 10_000 + "9845012345") == "9845012345"
