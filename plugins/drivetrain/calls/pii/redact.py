"""A call's words without what was found in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.calls.pii.kinds import is_placeholder
from drivetrain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.calls.pii.kinds import Finding

_ENDS = ".,?!;:"


class FindingsError(FatalError):
    """Findings do not fit the words."""


@dataclass(frozen=True)
class Redacted:
    """What is left.

    Attributes:
        words: a placeholder for each finding, and all other words as they were.
        origins: first and last word of the original for each; so the words' times, too.
        findings: what was taken out, by words of the original.
    """

    words: tuple[str, ...]
    origins: tuple[tuple[int, int], ...]
    findings: tuple[Finding, ...]


def redact(words: Sequence[str], findings: Sequence[Finding]) -> Redacted:
    """Take findings out of the words.

    Args:
        words: as they were said.
        findings: in their order, none overlaps, as `find` gives them.

    Raises:
        FindingsError: they overlap, are in no order, or are of words that are not there.
    """
    left: list[str] = []
    origins: list[tuple[int, int]] = []
    at = 0
    for finding in findings:
        if not at <= finding.first <= finding.last < len(words):
            raise FindingsError(
                f"finding {finding.kind}: words {finding.first} to {finding.last} of {len(words)}, after word {at}: "
                "give findings in their order, none overlapping, as find() does"
            )
        left += words[at : finding.first]
        origins += [(index, index) for index in range(at, finding.first)]
        left.append(finding.kind.placeholder + _end_of_sentence(words[finding.last]))
        origins.append((finding.first, finding.last))
        at = finding.last + 1
    left += words[at:]
    origins += [(index, index) for index in range(at, len(words))]
    return Redacted(tuple(left), tuple(origins), tuple(findings))


def _end_of_sentence(word: str) -> str:
    """The mark that a word ends with, so that sentences stay sentences."""
    return word[-1] if word and word[-1] in _ENDS and not is_placeholder(word) else ""
