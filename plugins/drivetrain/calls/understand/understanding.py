"""All that is asked of a call, part by part where it is long, and put together again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from drivetrain.calls.evidence import QuoteFinder
from drivetrain.calls.understand.answers import Outcome, Usage, ask
from drivetrain.calls.understand.belief import believe
from drivetrain.calls.understand.facts import Facts, Mark, ScoreCard, Summary
from drivetrain.calls.understand.lines import PART_TOKENS, Part, TranscriptLine, parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from drivetrain.calls.turns import Turn
    from drivetrain.calls.understand.answers import LanguageModel
    from drivetrain.calls.understand.belief import Proof
    from drivetrain.calls.understand.prompt import Prompt

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class Understanding:
    """What is known of a call.

    Attributes:
        facts: proven ones.
        proofs: where each was said; its path is that in `facts`.
        summary: None: there was no answer.
        score_card: its marks with a quote are proven.
        dropped: facts that nobody said, by their place.
        outcomes: of all questions, by prompt and outcome, as "facts.v1: answered".
        usage: of all questions, those without an answer too.
        model: that answered last.
    """

    facts: Facts
    proofs: tuple[Proof, ...]
    summary: Summary | None
    score_card: ScoreCard
    dropped: Mapping[str, int]
    outcomes: Mapping[str, int]
    usage: Usage
    model: str


def lines_of(turns: Iterable[Turn]) -> list[TranscriptLine]:
    """A line a turn, in their order."""
    return [
        TranscriptLine(number, turn.speaker, turn.start_seconds, turn.text)
        for number, turn in enumerate(turns, start=1)
    ]


def understand(
    turns: Sequence[Turn],
    language_model: LanguageModel,
    prompts: Mapping[str, Prompt],
    *,
    model: str,
    part_tokens: int = PART_TOKENS,
) -> Understanding:
    """Ask for facts, a summary and a score card.

    Args:
        turns: of a call, redacted: they leave the house.
        language_model: is asked.
        prompts: facts, summary and score_card.
        model: the vendor's name of the model.
        part_tokens: of a part that is asked about at a time.

    Raises:
        RetriableError, FatalError: the language model's.
    """
    inquiry = _Inquiry(language_model, prompts, model)
    finder = QuoteFinder(turns)
    every = list(parts(lines_of(turns), tokens=part_tokens))
    facts, proofs = _facts(inquiry, every, finder)
    card = believe(_card(inquiry, every), finder)
    inquiry.dropped.update(card.dropped)
    return Understanding(
        facts=facts,
        proofs=proofs,
        summary=_summary(inquiry, every),
        score_card=card.answer,
        dropped=dict(sorted(inquiry.dropped.items())),
        outcomes=dict(sorted(inquiry.outcomes.items())),
        usage=inquiry.usage,
        model=inquiry.version,
    )


@dataclass
class _Inquiry:
    """Questions about one call."""

    language_model: LanguageModel
    prompts: Mapping[str, Prompt]
    model: str
    usage: Usage = field(default_factory=Usage)
    version: str = ""
    outcomes: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def ask(self, kind: type[A], name: str, text: str) -> A | None:
        """One question; None: there is no answer, and `outcomes` says why."""
        prompt = self.prompts[name]
        asked = ask(self.language_model, kind, prompt, text, model=self.model)
        self.usage, self.version = self.usage + asked.usage, asked.model
        self.outcomes[f"{prompt}: {asked.outcome}"] += 1
        return asked.answer if asked.outcome is Outcome.ANSWERED else None


def _facts(inquiry: _Inquiry, every: Sequence[Part], finder: QuoteFinder) -> tuple[Facts, tuple[Proof, ...]]:
    """Those of all parts; the next step is that of the last part which has one."""
    found = [answer for part in every if (answer := inquiry.ask(Facts, "facts", str(part))) is not None]
    joined = Facts(
        vehicles=[one for each in found for one in each.vehicles],
        prices=[one for each in found for one in each.prices],
        objections=[one for each in found for one in each.objections],
        commitments=[one for each in found for one in each.commitments],
        next_step=next((each.next_step for each in reversed(found) if each.next_step is not None), None),
        competitors=[one for each in found for one in each.competitors],
        compliance=[one for each in found for one in each.compliance],
    )
    believed = believe(joined, finder)
    inquiry.dropped.update(believed.dropped)
    return believed.answer, believed.proofs


def _summary(inquiry: _Inquiry, every: Sequence[Part]) -> Summary | None:
    """Of a long call a summary of its parts' summaries; moods are those of the parts."""
    found = [answer for part in every if (answer := inquiry.ask(Summary, "summary", str(part))) is not None]
    if len(found) < 2:
        return found[0] if found else None
    lines = [TranscriptLine(number, "summary", 0, one.text) for number, one in enumerate(found, start=1)]
    whole = inquiry.ask(Summary, "summary", str(Part(tuple(lines))))
    moods = [mood for one in found for mood in one.moods]
    return Summary(text=(whole or found[-1]).text, moods=moods)


def _card(inquiry: _Inquiry, every: Sequence[Part]) -> ScoreCard:
    """Of a long call each criterion's worst mark: what went wrong in one part did not go right in another."""
    worst: dict[str, Mark] = {}
    for part in every:
        card = inquiry.ask(ScoreCard, "score_card", str(part))
        for mark in card.marks if card is not None else ():
            if mark.criterion not in worst or mark.score < worst[mark.criterion].score:
                worst[mark.criterion] = mark
    return ScoreCard(marks=list(worst.values()))
