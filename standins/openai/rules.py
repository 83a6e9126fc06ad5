"""Answers by rules: a few words that are looked for in a transcript's numbered lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_LINE = re.compile(r"\[(?P<number>\d+)\] \d+:\d\d (?P<speaker>[^:]+): (?P<text>.*)")
_MAKES = ("Maruti", "Hyundai", "Tata", "Honda", "Mahindra", "Toyota", "Kia")
_COMPETITORS = ("CarDekho", "Spinny", "OLX", "Cars24")
_PRICE = re.compile(r"(?P<number>\d+(?:\.\d+)?) (?P<unit>lakh|thousand|crore)", re.IGNORECASE)
_UNITS = {"thousand": 1_000, "lakh": 100_000, "crore": 10_000_000}
_PROMISE = re.compile(r"\b(?:I|we) will [^.?!]+", re.IGNORECASE)
_DOUBT = re.compile(r"\b(?:too (?:low|high|much)|not sure|think about it)\b[^.?!]*", re.IGNORECASE)
_BAD = re.compile(r"\b(?:angry|complaint|terrible|too low)\b", re.IGNORECASE)
_PHRASES = {"recorded": "is recorded", "charges": "charges apply", "no_guarantee": "subject to approval"}


@dataclass(frozen=True)
class Line:
    """One of the transcript's."""

    number: int
    speaker: str
    text: str

    def said(self, value: str, quote: str) -> dict[str, Any]:
        """As a fact."""
        return {"value": value, "line": self.number, "quote": quote}


def lines_of(text: str) -> list[Line]:
    """Those that are new: what stands before "Now:" was read before."""
    _, _, now = text.rpartition("Now:\n")
    return [
        Line(int(match["number"]), match["speaker"], match["text"])
        for match in map(_LINE.fullmatch, now.splitlines())
        if match
    ]


def facts(lines: list[Line]) -> dict[str, Any]:
    """Makes, prices in words of India, promises, doubts, competitors and three phrases."""
    vehicles, prices, promises, doubts, others, phrases = [], [], [], [], [], []
    for line in lines:
        party = "agent" if line.speaker == "agent" else "customer"
        for make in _MAKES:
            if make in line.text:
                nothing = dict.fromkeys(("model", "year", "odometer", "fuel"))
                vehicles.append({"make": line.said(make, make), **nothing})
        for match in _PRICE.finditer(line.text):
            rupees = round(float(match["number"]) * _UNITS[match["unit"].lower()])
            kind = "offered" if party == "agent" else "asked"
            prices.append({"kind": kind, "rupees": rupees, "line": line.number, "quote": match[0]})
        promises += [
            {"by": party, "what": match[0], "due": None, "line": line.number, "quote": match[0]}
            for match in _PROMISE.finditer(line.text)
        ]
        doubts += [line.said(match[0], match[0]) for match in _DOUBT.finditer(line.text)]
        others += [line.said(name, name) for name in _COMPETITORS if name in line.text]
        phrases += [
            {"phrase": name, "line": line.number, "quote": phrase}
            for name, phrase in _PHRASES.items()
            if phrase in line.text
        ]
    step = promises[-1] if promises else None
    return {
        "vehicles": vehicles,
        "prices": prices,
        "objections": doubts,
        "commitments": promises,
        "next_step": step and {"value": step["what"], "line": step["line"], "quote": step["quote"]},
        "competitors": others,
        "compliance": phrases,
    }


def summary(lines: list[Line]) -> dict[str, Any]:
    """How many lines there are, and which have a bad word in them."""
    moods = [{"line": line.number, "mood": "negative"} for line in lines if _BAD.search(line.text)]
    return {"text": f"A call of {len(lines)} lines.", "moods": moods}


def score_card(lines: list[Line]) -> dict[str, Any]:
    """A greeting, if the first line has one."""
    first = lines[0] if lines else None
    greets = first is not None and first.text.lower().startswith(("hello", "good morning", "namaste", "welcome"))
    quote = " ".join(first.text.split()[:3]) if first and greets else None
    mark = {
        "criterion": "greeting",
        "score": 5 if greets else 0,
        "reason": "The agent greets." if greets else "Nobody greets.",
        "line": first.number if first and greets else None,
        "quote": quote,
    }
    return {"marks": [mark]}


RULES = {"facts": facts, "summary": summary, "score_card": score_card}
