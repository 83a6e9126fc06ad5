"""How much of a model's answer is believed: what the call's own words prove, and nothing else.

A model that reads a call tells what such calls are usually about. So each fact comes with the words that it was said
in, and one whose words were not said is dropped, and counted: how many are is the first thing to look at after a change
of prompt or model.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from drivetrain.calls.spoken_numbers import Kind, read_numbers
from drivetrain.calls.understand.facts import Answer, Price

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivetrain.calls.evidence import QuoteFinder, Span

A = TypeVar("A", bound=Answer)

# "Two and a half lakh" has no five in it.
_FRACTIONS = frozenset({"half", "quarter", "dedh", "dhai", "adhai", "sava", "sawa", "sade", "saade", "pone", "paune"})


class Doubt(StrEnum):
    """Why a fact is dropped."""

    NOT_SAID = "not_said"
    OTHER_AMOUNT = "other_amount"


@dataclass(frozen=True)
class Proof:
    """Where a fact was said.

    Attributes:
        path: of the fact in the answer, as prices.0 or vehicles.0.make.
        span: the words that prove it.
    """

    path: str
    span: Span


@dataclass(frozen=True)
class Believed(Generic[A]):
    """What is left of an answer.

    Attributes:
        answer: with proven facts alone; a fact that stood in a list is gone, one that had a name is None.
        proofs: one for each fact that is left.
        dropped: how many are not, by path without numbers and by doubt, as prices: not_said.
    """

    answer: A
    proofs: tuple[Proof, ...]
    dropped: Mapping[str, int]


def believe(answer: A, finder: QuoteFinder) -> Believed[A]:
    """Drop what nobody said.

    Args:
        answer: of a model; parts of it with a `quote` are facts.
        finder: of the transcript that the model has read.
    """
    judge = _Judge(finder)
    left = judge.parts_of(answer, "", "")
    return Believed(left, tuple(judge.proofs), dict(sorted(judge.dropped.items())))


class _Judge:
    def __init__(self, finder: QuoteFinder) -> None:
        self._finder = finder
        self.proofs: list[Proof] = []
        self.dropped: Counter[str] = Counter()

    def parts_of(self, one: A, path: str, kind: str) -> A:
        """With what is left of its parts."""
        return one.model_copy(
            update={name: self._value(value, _under(path, name), _under(kind, name)) for name, value in one}
        )

    def _answer(self, one: Answer, path: str, kind: str) -> Answer | None:
        """What is left of a part; None: nothing."""
        quote = getattr(one, "quote", None)
        if quote is not None:
            span = self._found(quote, getattr(one, "line", None))
            doubt = Doubt.NOT_SAID if span is None else _doubt(one)
            if span is None or doubt is not None:
                self.dropped[f"{kind or 'answer'}: {doubt}"] += 1
                return None
            self.proofs.append(Proof(path, span))
            return one
        return self.parts_of(one, path, kind)

    def _found(self, quote: str, line: int | None) -> Span | None:
        """In its line, or else wherever it was said: models count badly."""
        in_line = None if line is None else self._finder.find(quote, turn=line - 1)
        return in_line or self._finder.find(quote)

    def _value(self, value: Any, path: str, kind: str) -> Any:
        if isinstance(value, Answer):
            return self._answer(value, path, kind)
        if isinstance(value, list):
            # Places in the list are those that its facts have once others are gone.
            left: list[Any] = []
            for item in value:
                kept = self._value(item, _under(path, str(len(left))), kind)
                if kept is not None:
                    left.append(kept)
            return left
        return value


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _doubt(one: Answer) -> Doubt | None:
    """Whether the words that were said are of another amount."""
    if not isinstance(one, Price):
        return None
    words = one.quote.split()
    if _FRACTIONS & {word.strip(".,?!").lower() for word in words}:
        return None
    # "Five lakh twenty" is 520,000 in a talk about prices: which digits were said is certain, how many zeros is not.
    said = "".join(token.text for token in read_numbers(words) if token.kind is not Kind.TEXT)
    return None if _digits(said) == _digits(str(one.rupees)) else Doubt.OTHER_AMOUNT


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdecimal() and char != "0")
