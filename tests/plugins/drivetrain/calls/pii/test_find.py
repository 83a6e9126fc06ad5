"""What is personal data, and what is a figure that has to survive."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from benchmarks.calls_pii_ways import listed
from drivetrain.calls.pii.find import find, merged
from drivetrain.calls.pii.kinds import Finding, Kind, Token, TokensError
from drivetrain.calls.pii.redact import redact

if TYPE_CHECKING:
    from collections.abc import Sequence


def redacted(text: str) -> str:
    words = text.split()
    return " ".join(redact(words, find(words)).words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my number is nine eight uh double four, zero one 2 3 4 5.", "my number is [PHONE]."),
        ("98450-12345 is my number", "[PHONE] is my number"),
        ("call me on +91 98450 12345 after 4:30 pm", "call me on [PHONE] after 4:30 pm"),
        ("no sorry nine nine eight four five zero one two three four five", "no sorry [PHONE]"),
        ("the landline is 080 2654 3210", "the landline is [PHONE]"),
        ("9845012345 8123", "[NUMBER]"),
        ("card number 4111 1111 1111 1111 and the cvv is one two three", "card number [CARD] and the cvv is [CVV]"),
        ("the card ending in four two four two", "the card ending in [CARD]"),
        ("last four digits of my account are 4242", "last four digits of my account are [ACCOUNT]"),
        ("share the OTP please. Yes it is 4 5 6 7.", "share the OTP please. Yes it is [OTP]."),
        ("2019 is the OTP I got", "[OTP] is the OTP I got"),
        ("account number is 123456789012 IFSC HDFC0001234", "account number is [ACCOUNT] IFSC [IFSC]"),
        ("aadhaar 2341 2341 2346", "aadhaar [AADHAAR]"),
        ("pan is a b c p k one two three four f", "pan is [PAN]"),
        ("gst number 27AAPFU0939F1ZV", "gst number [GSTIN]"),
        ("voter id WKH1186253 and passport M1234567", "voter id [VOTER_ID] and passport [PASSPORT]"),
        ("my licence is MH12 20110012345", "my licence is [LICENCE]"),
        ("MH 12 AB 1234, 2018 model, 45,000 km", "[PLATE], 2018 model, 45,000 km"),
        ("it is em aitch twelve a b one two three four", "it is [PLATE]"),
        ("chassis MA3EUA61S00123456", "chassis [VIN]"),
        ("mail rahul dot sharma at the rate gmail dot com", "mail [EMAIL]"),
        ("rahul.sharma@gmail.com or rahul@okaxis", "[EMAIL] or [UPI]"),
        ("upi id is rahul at ok axis", "upi id is [UPI]"),
        ("born on twelfth may nineteen ninety", "born on [BIRTH_DATE]"),
        ("12/05/1990 is my date of birth", "[BIRTH_DATE] is my date of birth"),
        ("pin code four one one zero one four", "pin code [PIN_CODE]"),
        (
            "I stay at flat 302, Green Heights, MG Road, Pune 411001, come by 5 pm",
            "I stay at [ADDRESS], come by 5 pm",
        ),
        ("Good morning, this is José Núñez from sales.", "Good morning, this is [PERSON] from sales."),
        ("open https://pay.example.com/reset?token=abc123 now", "open [URL] now"),
        ("it is tel:9845012345,", "it is [PHONE],"),
    ],
)
def test_personal_data_is_taken_out_however_it_is_said(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "the price is four lakh fifty thousand rupees and the EMI is 8,500 for 48 months",
        "asking 450000 for a 2018 model with 45000 kilometres on it",
        "2018, 60000 driven, single owner",
        "between 450000 and 500000 final",
        "interest at the rate of 9.5 percent",
        "interest at the rate of ten percent for five years",
        "come at 10:30 or half past four on 12th May",
        "the OTP will come in two minutes, the price is 450000",
        "order number 48213 is delivered on 20 February 2024",
        "account balance is around 450000 rupees",
        "my cibil score is 750 and salary 65000",
        "she works at paytm and he at google",
        "insurance till 15 March 2026, registered in 2019",
        "the car went from 20 to 100 in nine seconds",
        "financial year ending 2023 was good",
        "this is regarding the loan, I am looking for a Creta",
        "the last four years, five owners, six services",
    ],
)
def test_figures_and_what_is_only_like_personal_data_stay(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "nine eight four five zero just a second one two three four five",
        "nine eight four five yes nine eight four five okay zero one two three haan zero one two three four five",
        "nine eight four five zero are you noting it down one two three four five",
        "nine eight four, is it there, five zero one, is it there, two three four five",
    ],
)
def test_a_number_in_parts_leaves_none_of_them(text: str) -> None:
    left = set(redacted(text).split())
    assert left.isdisjoint(listed("zero one two three four five eight nine"))


def test_a_cue_in_the_agents_turn_tells_of_the_customers() -> None:
    asked = "could you please read to me the OTP that came on your registered mobile just now | sure, one moment, 4821"
    assert find(asked.split())[0].kind is Kind.OTP


def test_a_wrong_check_digit_lets_no_number_go() -> None:
    assert redacted("card 4111 1111 1111 1112 aadhaar 234123412347") == "card [CARD] aadhaar [AADHAAR]"
    assert redacted("so 234123412340 then") == "so [NUMBER] then"


def test_tokens_with_numbers_as_digits_are_found_in_the_words_they_are_made_of() -> None:
    words = listed("call nine eight double four zero one two three four five it costs four lakh rupees")
    spans = {"call": (0, 0), "9844012345": (1, 10), "it": (11, 11), "costs": (12, 12), "400000": (13, 14)}
    tokens = [Token(text, first, last) for text, (first, last) in spans.items()] + [Token("rupees", 15, 15)]
    assert [(finding.kind, finding.first, finding.last) for finding in find(words, tokens)] == [(Kind.PHONE, 1, 10)]


def test_a_word_that_is_a_token_by_itself_is_read_as_it_was_written() -> None:
    words = ["OTP", "is", "4,50,000"]
    assert find(words, [Token("OTP", 0, 0), Token("is", 1, 1), Token("450000", 2, 2)]) == ()


@pytest.mark.parametrize("tokens", [[Token("a", 0, 3)], [Token("a", 1, 0)], [Token("b", 1, 1), Token("a", 0, 0)]])
def test_tokens_of_other_words_are_refused(tokens: Sequence[Token]) -> None:
    with pytest.raises(TokensError, match=r"token \d: words \d to \d of 3, .*: give first and last as positions"):
        find(["a", "b", "c"], tokens)


def test_findings_that_overlap_become_one_of_the_surest_kind() -> None:
    findings = [Finding(Kind.PHONE, 0.9, 4, 6), Finding(Kind.NUMBER, 0.5, 1, 4), Finding(Kind.OTP, 0.7, 7, 7)]
    assert merged(findings) == [Finding(Kind.PHONE, 0.9, 1, 6), Finding(Kind.OTP, 0.7, 7, 7)]


HOSTILE = {
    "digits": ["9"] * 100_000,
    "number words": ["nine"] * 100_000,
    "one endless token": ["9" * 1_000_000],
    "another script": ["९८४५"] * 100_000,
    "hidden digits": ["9\u200b8"] * 50_000,
    "cues": ["otp", "account", "born"] * 33_333,
    "at signs": ["rahul", "at"] * 50_000,
    "dots": ["a", "dot"] * 50_000,
    "letters": ["a", "b"] * 50_000,
    "houses": ["sector", "4"] * 50_000,
    "names": ["name", "is", "Bob"] * 33_333,
}


@pytest.mark.slow
@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_hostile_words_end_in_linear_time(words: list[str]) -> None:
    def seconds(count: int) -> float:
        part = words[:count] if len(words) > 1 else [words[0][: count * 10]]
        begun = time.process_time()
        find(part)
        return time.process_time() - begun

    quarter, whole = min(seconds(25_000), seconds(25_000)), seconds(100_000)
    # Quadratic time would be 16 times as long; a machine that stalls is no reason to fail.
    assert whole < 9 * max(quarter, 0.2)


@pytest.mark.parametrize(
    "word", ["9845012345" * 1_000, "९८४५०१२३४५", "９８４５０１２３４５", "98\u200b450\u2060123\u00ad45"]
)
def test_hostile_digits_are_taken_out(word: str) -> None:
    assert [finding.first for finding in find(["so", word])] == [1]
