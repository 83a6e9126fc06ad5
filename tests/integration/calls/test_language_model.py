"""OpenAI's client against a server that fails in every way that OpenAI's does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.calls.turns import Turn
from drivetrain.calls.understand.answers import Finish, Question
from drivetrain.calls.understand.facts import Facts
from drivetrain.calls.understand.prompt import read_prompts
from drivetrain.calls.understand.strict import strict_schema
from drivetrain.calls.understand.understanding import understand
from drivetrain.calls.words import AGENT, CUSTOMER, Word
from drivetrain.errors import (
    AccessDeniedError,
    CredentialsError,
    DrivetrainError,
    FatalError,
    QuotaExceededError,
    RequestRejectedError,
    UnavailableError,
)
from drivetrain.retry import RetryPolicy
from hooks.language_model import LanguageModelHook
from standins.openai.testing import OpenAIStandin

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPTS = read_prompts(Path(__file__).parents[3] / "include" / "prompts" / "calls")
CALL = (
    (AGENT, "Hello, this call is recorded. Which car is it?"),
    (CUSTOMER, "A Maruti. I want 5 lakh for it, but Spinny says 4 lakh, that is too low."),
    (AGENT, "We will send somebody tomorrow morning."),
)
QUESTION = Question("gpt", "Note facts.", "[1] 00:00 agent: Hello.", "facts", strict_schema(Facts), 1_000)


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIStandin]:
    with OpenAIStandin() as running:
        yield running


@pytest.fixture
def waits(server: OpenAIStandin, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited between attempts, without waiting."""
    connect(monkeypatch, server, password=server.key)
    return []


def connect(monkeypatch: pytest.MonkeyPatch, server: OpenAIStandin, **more: Any) -> None:
    connection = {"conn_type": "openai", "host": server.url, **more}
    monkeypatch.setenv("AIRFLOW_CONN_OPENAI_DEFAULT", json.dumps(connection))


def hook(waits: list[float], **options: Any) -> LanguageModelHook:
    return LanguageModelHook(retry=RetryPolicy(attempts=3, sleep=waits.append), **options)


def turns() -> list[Turn]:
    found, at = [], 0.0
    for speaker, text in CALL:
        words = []
        for word in text.split():
            words.append(Word(word, at, at + 0.4, 0.9, speaker))
            at += 0.5
        found.append(Turn(speaker, tuple(words)))
    return found


def test_an_answer_comes_with_what_it_cost_and_nothing_is_stored_there(
    server: OpenAIStandin, waits: list[float]
) -> None:
    found = hook(waits).complete(QUESTION)
    assert found.finish is Finish.DONE
    assert Facts.model_validate_json(found.text)
    assert found.usage.read > 0 < found.usage.written
    assert found.model == "rules-2026-01-01"
    sent = server.requests()[-1]
    assert sent["store"] is False
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert waits == []


@pytest.mark.parametrize("kind", ["rate_limit", "server_error", "overloaded"])
def test_what_passes_is_asked_again_after_what_the_server_says(
    server: OpenAIStandin, waits: list[float], kind: str
) -> None:
    server.fail(kind, kind, retry_after=7)
    assert hook(waits).complete(QUESTION).finish is Finish.DONE
    assert len(waits) == 2
    if kind == "rate_limit":
        assert min(waits) >= 7


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("rate_limit", QuotaExceededError),
        ("server_error", UnavailableError),
        ("quota", FatalError),
        ("bad_request", RequestRejectedError),
        ("not_allowed", AccessDeniedError),
    ],
)
def test_what_does_not_pass_is_told_by_what_happens_next_and_repeats_nothing_that_was_sent(
    server: OpenAIStandin, waits: list[float], kind: str, error: type[DrivetrainError]
) -> None:
    before = len(server.requests())
    server.fail(*[kind] * 3)
    with pytest.raises(error) as caught:
        hook(waits).complete(QUESTION)
    is_passing = error in (QuotaExceededError, UnavailableError)
    assert len(server.requests()) - before == (3 if is_passing else 1)
    assert "openai_default" in str(caught.value)
    assert "Note facts" not in str(caught.value)
    assert server.key not in str(caught.value)
    server.behave()


def test_a_wrong_key_and_none_are_told_without_it(
    server: OpenAIStandin, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, server, password="sk-wrong")
    with pytest.raises(CredentialsError, match="answers 401") as caught:
        hook(waits).complete(QUESTION)
    assert "sk-wrong" not in str(caught.value)
    connect(monkeypatch, server)
    with pytest.raises(CredentialsError, match="has no password: give the API key"):
        hook(waits).complete(QUESTION)


def test_a_server_that_does_not_answer_is_given_up_in_time(server: OpenAIStandin, waits: list[float]) -> None:
    server.fail("hang", "hang", "hang", seconds=3)
    with pytest.raises(UnavailableError, match=r"no answer within 0\.3 s"):
        hook(waits, timeout_seconds=0.3).complete(QUESTION)


@pytest.mark.parametrize(
    ("kind", "finish"),
    [("refusal", Finish.REFUSED), ("content_filter", Finish.REFUSED), ("truncated", Finish.LENGTH)],
)
def test_an_answer_that_is_none_says_why(server: OpenAIStandin, waits: list[float], kind: str, finish: Finish) -> None:
    server.fail(kind)
    assert hook(waits).complete(QUESTION).finish is finish


def test_a_call_is_understood_and_what_it_cost_is_counted(server: OpenAIStandin, waits: list[float]) -> None:
    found = understand(turns(), hook(waits), PROMPTS, model="gpt")
    facts = found.facts
    assert [one.make.value for one in facts.vehicles if one.make] == ["Maruti"]
    assert [(one.kind.value, one.rupees) for one in facts.prices] == [("asked", 500_000), ("asked", 400_000)]
    assert [one.value for one in facts.competitors] == ["Spinny"]
    assert facts.next_step is not None
    assert facts.next_step.quote == "We will send somebody tomorrow morning"
    assert [one.phrase for one in facts.compliance] == ["recorded"]
    assert len(found.proofs) == 8
    assert found.summary is not None
    assert [one.line for one in found.summary.moods] == [2]
    assert [one.score for one in found.score_card.marks] == [5]
    assert found.dropped == {}
    assert found.outcomes == {"facts.v1: answered": 1, "score_card.v1: answered": 1, "summary.v1: answered": 1}
    assert found.usage.read > 500


def test_a_long_call_is_asked_about_in_parts_and_put_together(server: OpenAIStandin, waits: list[float]) -> None:
    whole = understand(turns(), hook(waits), PROMPTS, model="gpt")
    parted = understand(turns(), hook(waits), PROMPTS, model="gpt", part_tokens=20)
    assert parted.facts == whole.facts
    assert {proof.span for proof in parted.proofs} == {proof.span for proof in whole.proofs}
    assert parted.outcomes["facts.v1: answered"] == 3
    assert parted.outcomes["summary.v1: answered"] == 4, "three parts, and all of them"
    assert parted.summary is not None
    assert [one.line for one in parted.summary.moods] == [2]
    assert [one.score for one in parted.score_card.marks] == [0], "the worst of the parts"


def test_questions_without_an_answer_leave_the_rest_and_are_paid_for(server: OpenAIStandin, waits: list[float]) -> None:
    server.fail("refusal", "malformed", "malformed", "malformed")
    found = understand(turns(), hook(waits), PROMPTS, model="gpt")
    assert found.facts.vehicles == []
    assert found.score_card.marks == []
    assert found.summary is not None
    assert found.outcomes == {"facts.v1: refused": 1, "score_card.v1: malformed": 1, "summary.v1: answered": 1}
    assert found.usage.written > 0
