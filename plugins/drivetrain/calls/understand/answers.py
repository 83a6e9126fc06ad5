"""One question to a language model, and its answer as one of our classes: or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from drivetrain.calls.understand.strict import strict_schema

if TYPE_CHECKING:
    from typing import Any

    from drivetrain.calls.understand.prompt import Prompt

A = TypeVar("A", bound=BaseModel)

# Asked again so often where the answer is not what was asked for; each time costs as much as the first.
ATTEMPTS = 3
_MOST_TOKENS = 16_000


class Finish(StrEnum):
    """Why a model stopped."""

    DONE = "done"
    LENGTH = "length"
    REFUSED = "refused"


@dataclass(frozen=True)
class Question:
    """What is sent.

    Attributes:
        model: the vendor's name of it.
        system: what it is told to do.
        text: what it reads.
        schema_name: of the answer.
        schema: of the answer, strict.
        most_tokens: of the answer.
    """

    model: str
    system: str
    text: str
    schema_name: str
    schema: dict[str, Any]
    most_tokens: int


@dataclass(frozen=True)
class Usage:
    """What a question cost in tokens.

    Attributes:
        read: tokens of the question.
        read_cached: of these, those that the vendor had read before, at a lower price.
        written: tokens of the answer.
    """

    read: int = 0
    read_cached: int = 0
    written: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.read + other.read, self.read_cached + other.read_cached, self.written + other.written)


@dataclass(frozen=True)
class Completion:
    """What came back.

    Attributes:
        text: of the answer, or of the refusal.
        finish: why it ends.
        usage: what it cost.
        model: the version that answered.
    """

    text: str
    finish: Finish
    usage: Usage
    model: str


class LanguageModel(Protocol):
    """Answers questions."""

    def complete(self, question: Question) -> Completion:
        """Ask.

        Raises:
            RetriableError: it may do better later; nothing was charged.
            FatalError: it won't.
        """


class Outcome(StrEnum):
    """What became of a question."""

    ANSWERED = "answered"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class Asked(Generic[A]):
    """A question with all of its attempts.

    Attributes:
        outcome: what became of it.
        answer: None: there is none.
        usage: of all attempts: they are paid for, whatever they gave.
        attempts: how many there were.
        detail: why there is no answer, without anything of the call.
        model: the version that answered last.
    """

    outcome: Outcome
    answer: A | None
    usage: Usage
    attempts: int
    detail: str = ""
    model: str = ""


def ask(
    language_model: LanguageModel, kind: type[A], prompt: Prompt, text: str, *, model: str, most_tokens: int = 4_000
) -> Asked[A]:
    """Ask until there is an answer of the kind, or no more attempts.

    An answer that is cut off is asked for again with twice the room; one that is not of the kind as it was, since not
    even at a temperature of 0 does a model say the same twice. A refusal stands.

    Args:
        language_model: is asked.
        kind: of the answer.
        prompt: what is to be done.
        text: what is to be read.
        model: the vendor's name of the model.
        most_tokens: of an answer, at first.
    """
    usage, detail, outcome, version = Usage(), "", Outcome.MALFORMED, ""
    schema = strict_schema(kind)
    for attempt in range(1, ATTEMPTS + 1):
        question = Question(model, prompt.text, text, prompt.name, schema, most_tokens)
        completion = language_model.complete(question)
        usage, version = usage + completion.usage, completion.model
        if completion.finish is Finish.REFUSED:
            return Asked(Outcome.REFUSED, None, usage, attempt, "the model refused", version)
        if completion.finish is Finish.LENGTH:
            outcome, detail = Outcome.TRUNCATED, f"the answer has more than {most_tokens} tokens"
            if most_tokens >= _MOST_TOKENS:
                return Asked(outcome, None, usage, attempt, detail, version)
            most_tokens = min(2 * most_tokens, _MOST_TOKENS)
            continue
        try:
            answer = kind.model_validate_json(completion.text)
        except ValidationError as error:
            outcome, detail = Outcome.MALFORMED, _told(error)
            continue
        return Asked(Outcome.ANSWERED, answer, usage, attempt, model=version)
    return Asked(outcome, None, usage, ATTEMPTS, detail, version)


def _told(error: ValidationError) -> str:
    """Where an answer is wrong; what stands there is somebody's words."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the answer"
    return f"{where}: {first['type']}"
