"""What is asked of a call: facts, each with the words that it was said in, a summary, and a score card.

These classes are the schemas that the model has to keep to (drivetrain.calls.understand.strict), so their docstrings
and descriptions are part of what is asked: changing one changes answers, and is a new version of the prompt.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """A part of an answer; nothing may be left out, and nothing added."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Line = Annotated[int, Field(description="number of the transcript's line")]
Quote = Annotated[str, Field(description="the words of that line that say so, copied exactly, at most 25 of them")]


class Said(Answer):
    """Something that was said."""

    value: str = Field(description="what was said, in a few words")
    line: Line
    quote: Quote


class Vehicle(Answer):
    """A vehicle that the call is about. What was not said is null."""

    make: Said | None
    model: Said | None
    year: Said | None
    odometer: Said | None = Field(description="kilometers, in digits")
    fuel: Said | None


class PriceKind(StrEnum):
    """Whose price it is."""

    ASKED = "asked"
    OFFERED = "offered"
    AGREED = "agreed"


class Price(Answer):
    """A price that was named."""

    kind: PriceKind
    rupees: int = Field(description="the whole amount in rupees: two lakh is 200000")
    line: Line
    quote: Quote


class Party(StrEnum):
    """Who."""

    AGENT = "agent"
    CUSTOMER = "customer"


class Commitment(Answer):
    """Something that somebody said they would do."""

    by: Party
    what: str = Field(description="in a few words")
    due: str | None = Field(description="when, as it was said; null: nobody said")
    line: Line
    quote: Quote


class Compliance(Answer):
    """Whether the agent said something that has to be said."""

    phrase: str = Field(description="the phrase's name in the list")
    line: Line
    quote: Quote


class Facts(Answer):
    """Facts of a call. What was not said is not in it: an empty list is a good answer."""

    vehicles: list[Vehicle]
    prices: list[Price]
    objections: list[Said] = Field(description="why the customer hesitates")
    commitments: list[Commitment]
    next_step: Said | None
    competitors: list[Said] = Field(description="other companies that were named")
    compliance: list[Compliance]


class Mood(StrEnum):
    """Of a line."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


class LineMood(Answer):
    """The mood of one line."""

    line: Line
    mood: Mood


class Summary(Answer):
    """What the call was about."""

    text: str = Field(description="three sentences at most, without names and numbers of people")
    moods: list[LineMood] = Field(description="lines that are not neutral")


class Mark(Answer):
    """One criterion of the score card."""

    criterion: str = Field(description="its name in the rubric")
    score: int = Field(ge=0, le=5, description="0 to 5")
    reason: str = Field(description="one sentence")
    line: int | None = Field(description="number of the line that shows it best; null: none does")
    quote: str | None = Field(description="its words, copied exactly; null: none does")


class ScoreCard(Answer):
    """How well the agent did, by the rubric."""

    marks: list[Mark]
