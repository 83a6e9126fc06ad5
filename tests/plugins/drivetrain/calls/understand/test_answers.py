"""Questions, and what becomes of answers that are none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from drivetrain.calls.understand.answers import Completion, Finish, Outcome, Usage, ask
from drivetrain.calls.understand.facts import Summary
from drivetrain.calls.understand.prompt import Prompt

if TYPE_CHECKING:
    from drivetrain.calls.understand.answers import Question

GOOD = json.dumps({"text": "A car is to be sold.", "moods": []})
PROMPT = Prompt("summary", 1, "Say what it was about.")
COST = Usage(read=100, read_cached=10, written=20)


class Scripted:
    """Says what it is told to, one thing after the other."""

    def __init__(self, *said: tuple[str, Finish]) -> None:
        self._said = list(said)
        self.asked: list[Question] = []

    def complete(self, question: Question) -> Completion:
        self.asked.append(question)
        text, finish = self._said.pop(0)
        return Completion(text, finish, COST, "m-1")


def test_an_answer_of_the_kind_is_taken_and_its_schema_is_strict() -> None:
    model = Scripted((GOOD, Finish.DONE))
    found = ask(model, Summary, PROMPT, "the call", model="m")
    assert found.answer == Summary(text="A car is to be sold.", moods=[])
    assert (found.outcome, found.attempts, found.usage, found.model) == (Outcome.ANSWERED, 1, COST, "m-1")
    (question,) = model.asked
    assert (question.system, question.text, question.schema_name) == ("Say what it was about.", "the call", "summary")
    assert question.schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        ("", "the answer: json_invalid"),
        ('{"text": "secret 4711"', "the answer: json_invalid"),
        ('{"text": "secret 4711"}', "moods: missing"),
        ('{"text": "secret 4711", "moods": [], "more": 1}', "more: extra_forbidden"),
        ('{"text": "x", "moods": [{"line": "secret 4711", "mood": "neutral"}]}', "moods.0.line: int_parsing"),
    ],
)
def test_an_answer_that_is_not_of_the_kind_is_asked_for_again_and_its_words_are_in_no_message(
    bad: str, where: str
) -> None:
    assert ask(Scripted((bad, Finish.DONE), (GOOD, Finish.DONE)), Summary, PROMPT, "x", model="m").attempts == 2
    found = ask(Scripted(*[(bad, Finish.DONE)] * 3), Summary, PROMPT, "x", model="m")
    assert (found.outcome, found.answer, found.attempts, found.detail) == (Outcome.MALFORMED, None, 3, where)
    assert found.usage == COST + COST + COST, "what was of no use is paid for, too"


def test_an_answer_that_is_cut_off_is_given_more_room_and_not_for_ever() -> None:
    model = Scripted(("{", Finish.LENGTH), (GOOD, Finish.DONE))
    assert ask(model, Summary, PROMPT, "x", model="m", most_tokens=1_000).outcome is Outcome.ANSWERED
    assert [one.most_tokens for one in model.asked] == [1_000, 2_000]
    endless = Scripted(*[("{", Finish.LENGTH)] * 3)
    found = ask(endless, Summary, PROMPT, "x", model="m", most_tokens=9_000)
    assert [one.most_tokens for one in endless.asked] == [9_000, 16_000]
    assert (found.outcome, found.detail) == (Outcome.TRUNCATED, "the answer has more than 16000 tokens")


def test_a_refusal_stands() -> None:
    model = Scripted(("I won't.", Finish.REFUSED))
    found = ask(model, Summary, PROMPT, "x", model="m")
    assert (found.outcome, found.answer, found.attempts) == (Outcome.REFUSED, None, 1)
    assert "won't" not in found.detail
