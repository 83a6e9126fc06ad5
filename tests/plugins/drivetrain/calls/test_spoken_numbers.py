"""Number words read as digits, and back to the words."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivetrain.calls.spoken_numbers import Kind, Token, is_number_word, join_digits, read_numbers

UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
INDIAN = [(10_000_000, "crore"), (100_000, "lakh"), (1_000, "thousand")]
WESTERN = [(1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand")]
ANY_WORD = st.sampled_from(
    [
        *(*UNITS, *TEENS[:3], *TENS[:3], "hundred", "hundreds", "thousand", "lakhs", "crore", "double", "triple", "oh"),
        *("O", "and", "point", "a", "that", "third", "second", "hand", "half", "98", "044", "2.5", "1,50,000", "i20"),
        *("98-44-22-11", "five-six", "twenty-five", "one-third", "car", "...", "", "₹5", "9.5%", "९८", "²", "9" * 40),
        "ठीक",
    ]
).flatmap(lambda word: st.sampled_from(["", "", ",", ".", "?", "/-"]).map(lambda after: word + after))


def read(text: str) -> str:
    return " ".join(token.text for token in read_numbers(text.split()))


def joined(text: str) -> str:
    return " ".join(token.text for token in join_digits(read_numbers(text.split())))


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("nine eight double four triple two", "9844222"),
        ("nine, eight, double four, triple two.", "9844222"),
        ("98 44 double two", "984422"),
        ("98-44-22-11", "98442211"),
        ("nine eight oh four", "9804"),
        ("nine oh oh seven", "9007"),
        ("double oh seven", "007"),
        ("nineteen ninety nine", "1999"),
        ("nineteen oh four", "1904"),
        ("twenty twenty-five", "2025"),
        ("ninety eight forty four twenty two", "984422"),
        ("quadruple nine treble 2", "9999222"),
        ("eight one", "81"),
        ("one two three", "123"),
        ("zero four four", "044"),
        ("५ six", "56"),
    ],
)
def test_digits_that_are_said_one_by_one_or_in_pairs_are_one_number(said: str, digits: str) -> None:
    assert join_digits(read_numbers(said.split())) == (Token(digits, 0, len(said.split()) - 1, Kind.DIGITS),)


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ("a hundred", "100"),
        ("hundred", "100"),
        ("two hundred five", "205"),
        ("hundred and five", "105"),
        ("nineteen hundred", "1900"),
        ("twenty five thousand", "25000"),
        ("Twenty-five thousand", "25000"),
        ("two lakh fifty thousand", "250000"),
        ("two lakhs, fifty thousand", "250000"),
        ("one lakh five hundred and one", "100501"),
        ("one point five crore", "15000000"),
        ("nine point two five", "9.25"),
        ("nine point oh five", "9.05"),
        ("one point seventy five lakh", "175000"),
        ("2.5 lakh", "250000"),
        ("₹2 lac 50 thousand", "250000"),
        ("25 hundred", "2500"),
        ("2,50,000/-", "250000"),
        ("1,250.50", "1250.50"),
        ("two thousand five hundred crore", "25000000000"),
        ("one lakh crore", "1000000000000"),
        ("two hundred and fifty thousand", "250000"),
        ("three million two hundred thousand", "3200000"),
        ("two thousand eight", "2008"),
        ("two thousand and eight", "2008"),
        ("two thousand nineteen", "2019"),
    ],
)
def test_an_amount_is_one_token_of_all_its_words(said: str, amount: str) -> None:
    assert read_numbers(said.split()) == (Token(amount, 0, len(said.split()) - 1, Kind.AMOUNT),)


@pytest.mark.parametrize(
    "said",
    [
        "that one is nice",
        "no one knows",
        "the one owner",
        "one more time, one by one",
        "oh I see",
        "the twenty third of May",
        "one hundred and fifth, hundred twenty first",
        "the second one",
        "lakhs of people, a few hundred, half a lakh",
        "double the price at this point",
        "an i20 in 25k, 10-15 days, 2019-20, 4x4, 12/05/2024, 10:30",
        "a third and an eighth",
        "कितने का है",
    ],
)
def test_what_is_no_number_stays_as_it_is(said: str) -> None:
    assert read_numbers(said.split()) == tuple(Token(word, i, i) for i, word in enumerate(said.split()))


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("that one two days ago", "that one 2 days ago"),
        ("one or two lakh", "one or 200000"),
        ("five or six lakh", "5 or 600000"),
        ("five thousand six thousand", "5000 6000"),
        ("one crore two crore", "10000000 20000000"),
        ("twenty, five", "20 5"),
        ("five thousand and two hundred", "5000 and 200"),
        ("between one hundred and two hundred", "between 100 and 200"),
        ("five thousand two days ago", "5000 2 days ago"),
        ("two lakh, five days", "200000 5 days"),
        ("two lakh, twenty days", "200000 20 days"),
        ("in two thousand. Five of them", "in 2000 5 of them"),
        ("five hundred second hand cars", "500 second hand cars"),
        ("two lakh, second owner", "200000 second owner"),
        ("a hundred. Oh, two more", "100 Oh, 2 more"),
        ("five. Oh, two more", "5 Oh, 2 more"),
        ("is it one? Two?", "is it one? 2"),
        ("five-six lakh", "5 600000"),
        ("five point", "5 point"),
        ("nine hundred two three", "900 2 3"),
        ("022 thousand", "22000"),
    ],
)
def test_numbers_end_where_another_begins(said: str, text: str) -> None:
    assert read(said) == text


def test_a_phone_number_in_a_sentence_leads_back_to_its_words() -> None:
    words = ["my", "number", "is", "nine", "eight", "double", "four", "triple", "two", "thanks"]
    number = join_digits(read_numbers(words))[3]
    assert (number.text, words[number.first], words[number.last]) == ("9844222", "nine", "two")


def test_an_amount_joins_no_digits() -> None:
    assert joined("nine eight two lakh four four") == "98 200000 44"


def test_a_word_may_be_part_of_a_number_by_itself() -> None:
    assert all(map(is_number_word, ["five,", "98", "Lakh", "oh", "twenty-five"]))
    assert not any(map(is_number_word, ["car", "and", "third", "i20", "double", ""]))


def below_hundred(number: int) -> list[str]:
    if number < 10:
        return [UNITS[number]]
    if number < 20:
        return [TEENS[number - 10]]
    tens, units = divmod(number, 10)
    return [TENS[tens - 2], *([UNITS[units]] if units else [])]


def below_thousand(number: int, link: list[str]) -> list[str]:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return below_hundred(rest)
    return [UNITS[hundreds], "hundred", *([*link, *below_hundred(rest)] if rest else [])]


def written(number: int, scales: list[tuple[int, str]], link: list[str]) -> list[str]:
    words: list[str] = []
    for scale, name in scales:
        count, number = divmod(number, scale)
        if count:
            words += [*below_thousand(count, link), name]
    if number:
        # One digit after thousands is said with "and", but in years.
        words += ["and"] if words and (number < 10 or (link and number < 100)) else []
        words += below_thousand(number, link)
    return words


@given(
    st.one_of(st.integers(2, 999), st.integers(1_000, 999_999), st.integers(10**6, 999 * 10**7)),
    st.sampled_from([INDIAN, WESTERN]),
    st.sampled_from([[], ["and"]]),
)
@example(100_000, INDIAN, [])
@example(10_00_00_001, INDIAN, [])
def test_every_amount_that_is_written_out_is_read_as_one(
    number: int, scales: list[tuple[int, str]], link: list[str]
) -> None:
    words = written(number, scales, link)
    (token,) = read_numbers(words)
    assert (token.text, token.first, token.last) == (str(number), 0, len(words) - 1)


@st.composite
def dictated(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Digits, and the words that somebody says for them."""
    digits = draw(st.text("0123456789", min_size=2, max_size=14))
    words: list[str] = []
    place = 0
    while place < len(digits):
        digit, run = digits[place], 1
        while run < 3 and digits[place + run : place + run + 1] == digit:
            run += 1
        run = draw(st.integers(1, run))
        is_inside = place > 0 and place + run < len(digits)
        name = draw(st.sampled_from(["oh", "zero"])) if digit == "0" and is_inside else UNITS[int(digit)]
        said = [*([] if run == 1 else [{2: "double", 3: "triple"}[run]]), draw(st.sampled_from([name, digit]))]
        words += [*said[:-1], said[-1] + draw(st.sampled_from(["", ","]))]
        place += run
    return digits, words


@given(dictated())
def test_digits_that_somebody_dictates_are_read_as_dictated(case: tuple[str, list[str]]) -> None:
    digits, words = case
    assert join_digits(read_numbers(words)) == (Token(digits, 0, len(words) - 1, Kind.DIGITS),)


@given(st.lists(ANY_WORD, max_size=12))
def test_every_word_is_in_a_token_and_the_order_stays(words: list[str]) -> None:
    for tokens in (read_numbers(words), join_digits(read_numbers(words))):
        covered = [number for token in tokens for number in range(token.first, token.last + 1)]
        assert list(dict.fromkeys(covered)) == list(range(len(words)))
        assert covered == sorted(covered)
        for token in tokens:
            if token.kind is not Kind.TEXT:
                assert token.text.isascii()
                assert token.text.replace(".", "", 1).isdecimal()
            elif "-" not in words[token.first]:
                assert token.text == words[token.first]


def test_a_flood_of_number_words_is_read_in_time() -> None:
    for word in ("one", "oh", "point", "five point", "double", "hundred and", "a", "lakh crore", "nine oh"):
        words = (word.split() * 20_000)[:20_000]
        assert read_numbers(words)[-1].last == 19_999
