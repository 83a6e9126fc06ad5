"""Which facts are believed."""

from __future__ import annotations

import pytest

from drivetrain.calls.evidence import QuoteFinder
from drivetrain.calls.turns import Turn
from drivetrain.calls.understand.belief import believe
from drivetrain.calls.understand.facts import (
    Commitment,
    Facts,
    Mark,
    Party,
    Price,
    PriceKind,
    Said,
    ScoreCard,
    Vehicle,
)
from drivetrain.calls.words import AGENT, CUSTOMER, Word


def call(*said: tuple[str, str]) -> QuoteFinder:
    """Turns, a word a half second."""
    turns, at = [], 0.0
    for speaker, text in said:
        words = []
        for word in text.split():
            words.append(Word(word, at, at + 0.4, 0.9, speaker))
            at += 0.5
        turns.append(Turn(speaker, tuple(words)))
    return QuoteFinder(turns)


FINDER = call(
    (AGENT, "Which car is it?"),
    (CUSTOMER, "A Maruti Swift from twenty nineteen. I want five lakh twenty thousand for it."),
    (AGENT, "We will send somebody tomorrow morning."),
)
NOTHING = Facts(vehicles=[], prices=[], objections=[], commitments=[], next_step=None, competitors=[], compliance=[])


def price(rupees: int, quote: str, line: int = 2) -> Price:
    return Price(kind=PriceKind.ASKED, rupees=rupees, line=line, quote=quote)


def test_what_was_said_stays_with_its_time_and_what_was_not_goes_and_is_counted() -> None:
    swift = Said(value="Maruti", line=2, quote="a Maruti Swift")
    made_up = Said(value="Diesel", line=2, quote="it runs on diesel")
    told = NOTHING.model_copy(
        update={
            "vehicles": [Vehicle(make=swift, model=None, year=None, odometer=None, fuel=made_up)],
            "objections": [made_up, made_up],
            "commitments": [
                Commitment(by=Party.AGENT, what="calls", due=None, line=3, quote="we will call you"),
                Commitment(
                    by=Party.AGENT, what="sends somebody", due="tomorrow", line=3, quote="We will send somebody"
                ),
            ],
            "next_step": Said(value="visit", line=3, quote="tomorrow morning"),
        }
    )
    found = believe(told, FINDER)
    (vehicle,) = found.answer.vehicles
    assert (vehicle.make, vehicle.fuel) == (swift, None)
    assert found.answer.objections == []
    assert [one.what for one in found.answer.commitments] == ["sends somebody"]
    assert found.dropped == {"commitments: not_said": 1, "objections: not_said": 2, "vehicles.fuel: not_said": 1}
    assert [(one.path, one.span.speaker) for one in found.proofs] == [
        ("vehicles.0.make", CUSTOMER),
        ("commitments.0", AGENT),
        ("next_step", AGENT),
    ]
    assert found.proofs[0].span.start_seconds == pytest.approx(2.0)


def test_a_fact_whose_line_is_another_one_is_believed_where_it_was_said() -> None:
    found = believe(
        NOTHING.model_copy(update={"next_step": Said(value="x", line=1, quote="somebody tomorrow")}), FINDER
    )
    assert found.proofs[0].span.speaker == AGENT
    for line in (0, -1, 99):
        told = NOTHING.model_copy(update={"next_step": Said(value="x", line=line, quote="somebody tomorrow")})
        assert believe(told, FINDER).proofs


@pytest.mark.parametrize(
    ("rupees", "quote", "is_believed"),
    [
        (520_000, "five lakh twenty thousand", True),
        (520_000, "I want five lakh twenty thousand for it", True),
        (250_000, "five lakh twenty thousand", False),
        (525_000, "five lakh twenty thousand", False),
        (52_000, "five lakh twenty thousand", True),  # zeros are not certain
    ],
)
def test_a_price_is_of_the_digits_that_were_said(rupees: int, quote: str, is_believed: bool) -> None:
    found = believe(NOTHING.model_copy(update={"prices": [price(rupees, quote)]}), FINDER)
    assert bool(found.proofs) is is_believed
    assert found.dropped == ({} if is_believed else {"prices: other_amount": 1})


def test_an_amount_with_a_fraction_is_left_to_the_model() -> None:
    finder = call((CUSTOMER, "I want two and a half lakh for it."))
    told = NOTHING.model_copy(update={"prices": [price(250_000, "two and a half lakh", line=1)]})
    assert believe(told, finder).proofs


def test_a_mark_without_a_quote_stays_and_one_with_a_quote_that_was_not_said_goes() -> None:
    marks = [
        Mark(criterion="greeting", score=0, reason="None was said.", line=None, quote=None),
        Mark(criterion="needs", score=4, reason="Asks for the car.", line=1, quote="which car is it"),
        Mark(criterion="honesty", score=5, reason="x", line=1, quote="I promise nothing"),
        Mark(criterion="next_step", score=4, reason="x", line=None, quote="send somebody tomorrow"),
    ]
    found = believe(ScoreCard(marks=marks), FINDER)
    assert [one.criterion for one in found.answer.marks] == ["greeting", "needs", "next_step"]
    assert found.dropped == {"marks: not_said": 1}
