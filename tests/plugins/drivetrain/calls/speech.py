"""Words for tests, written as they are said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.calls.words import AGENT, Word

if TYPE_CHECKING:
    from collections.abc import Iterable


def said(
    text: str,
    start: float = 0.0,
    *,
    speaker: str = AGENT,
    each: float = 0.3,
    pause: float = 0.1,
    probability: float = 0.9,
) -> tuple[Word, ...]:
    """Words of one length, with the same pause between them.

    Args:
        text: words with blanks between them.
        start: when the first begins, in seconds.
        each: how long a word takes, in seconds.
        pause: between two words, in seconds.
    """
    begins = [round(start + place * (each + pause), 3) for place in range(len(text.split()))]
    return tuple(
        Word(word, begin, round(begin + each, 3), probability, speaker)
        for word, begin in zip(text.split(), begins, strict=True)
    )


def texts(words: Iterable[Word]) -> str:
    return " ".join(word.text for word in words)
