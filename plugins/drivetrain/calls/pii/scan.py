"""A call while it is searched: what its tokens say, the cues among them, and what was found so far."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from drivetrain.calls.pii.cues import find_cues
from drivetrain.calls.pii.kinds import Finding, is_placeholder, kind_of_placeholder
from drivetrain.calls.pii.reading import bare, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drivetrain.calls.pii.cues import Cue
    from drivetrain.calls.pii.kinds import Kind, Token

REACH = 30  # tokens between a cue and its value: an agent asks, the customer looks it up
AFTER = 5  # tokens between a value and its cue: "4567 is the OTP"


class Scan:
    """One pass over a call's tokens.

    Nothing looks across what is found already, nor across a placeholder: so what a second pass sees of a redacted call
    is what the first saw.

    Attributes:
        tokens: of the call.
        texts: theirs, folded and without punctuation around them.
        pieces: what they say.
        cues: phrases that tell, in their order.
        findings: so far, by tokens.
    """

    def __init__(self, tokens: Sequence[Token], words: Sequence[str]) -> None:
        self.tokens = tokens
        self.texts = [bare(token.text) for token in tokens]
        self.pieces = read(tokens, words)
        self.findings: list[tuple[Kind, float, int, int]] = []
        self.cues = find_cues(self.texts)
        self._cue_ends = [cue.last for cue in self.cues]
        self._cue_begins = [cue.first for cue in self.cues]
        self._kinds = [kind_of_placeholder(token.text) for token in tokens]
        self._taken = bytearray(is_placeholder(token.text) for token in tokens)

    def add(self, kind: Kind, score: float, first: int, last: int) -> None:
        """Something was found in these tokens, both included."""
        self.findings.append((kind, score, first, last))
        self._taken[first : last + 1] = b"\1" * (last + 1 - first)
        self._kinds[first : last + 1] = [kind] * (last + 1 - first)

    def kind_at(self, token: int) -> Kind | None:
        """What was found in a token, or taken out of it before."""
        return self._kinds[token]

    def is_free(self, first: int, last: int) -> bool:
        """Whether nothing was found in these tokens."""
        return not any(self._taken[first : last + 1])

    def begin_of_view(self, first: int, reach: int = REACH) -> int:
        """How far one may look back from a token: at most so many tokens, and to what was found before it."""
        begin = max(first - reach, 0)
        return self._taken.rfind(1, begin, first) + 1 if 1 in self._taken[begin:first] else begin

    def end_of_view(self, last: int, reach: int = AFTER) -> int:
        """How far one may look on from a token; not included."""
        end = min(last + 1 + reach, len(self.tokens))
        taken = self._taken.find(1, last + 1, end)
        return end if taken < 0 else taken

    def cues_before(self, first: int, reach: int = REACH) -> Iterator[Cue]:
        """Cues that end before a token, the nearest first."""
        begin = self.begin_of_view(first, reach)
        at = bisect_left(self._cue_ends, first) - 1
        while at >= 0 and self._cue_begins[at] >= begin:
            yield self.cues[at]
            at -= 1

    def cues_after(self, last: int, reach: int = AFTER) -> Iterator[Cue]:
        """Cues that begin after a token, the nearest first."""
        end = self.end_of_view(last, reach)
        at = bisect_left(self._cue_begins, last + 1)
        while at < len(self.cues) and self._cue_ends[at] < end:
            yield self.cues[at]
            at += 1

    def by_words(self) -> list[Finding]:
        """What was found, by words."""
        return [
            Finding(kind, score, self.tokens[first].first, self.tokens[last].last)
            for kind, score, first, last in self.findings
        ]
