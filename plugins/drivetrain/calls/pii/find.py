"""Personal data in a call's words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from drivetrain.calls.pii.births import find_births
from drivetrain.calls.pii.digits import find_digits
from drivetrain.calls.pii.identifiers import find_identifiers
from drivetrain.calls.pii.kinds import Finding, Token, check, plain
from drivetrain.calls.pii.names import find_names
from drivetrain.calls.pii.places import find_places
from drivetrain.calls.pii.said_addresses import find_said_addresses
from drivetrain.calls.pii.scan import Scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drivetrain.calls.pii.kinds import Said
    from drivetrain.calls.pii.names import NameFinder

_MOST_PASSES = 8


def find(
    words: Sequence[str], tokens: Sequence[Said] | None = None, names: NameFinder | None = None
) -> tuple[Finding, ...]:
    """All personal data, in the order of the words; no two overlap.

    What was found is searched again with placeholders in its place, until nothing new is found: so a redacted call has
    nothing to redact.

    Args:
        words: of the whole call in their order, both sides'; a cue in one's turn tells of the other's.
        tokens: the words with numbers as digits, in their order; None: as they are.
        names: what finds more names than cues do.

    Raises:
        TokensError: the tokens are not of these words.
    """
    known = list(plain(words)) if tokens is None else _taken_over(tokens, words)
    said = list(words)
    found: list[Finding] = []
    for _ in range(_MOST_PASSES):
        new = _pass(known, said, names)
        if not new:
            break
        found = merged([*found, *new])
        known, said = _without(known, said, found)
    return tuple(found)


def _taken_over(tokens: Sequence[Said], words: Sequence[str]) -> list[Token]:
    """Tokens of our own. A word that is a token by itself says more than the token: "4,50,000" is an amount."""
    check(tokens, len(words))
    of_word = Counter(token.first for token in tokens) + Counter(token.last for token in tokens)
    return [
        Token(words[token.first], token.first, token.last)
        if token.first == token.last and of_word[token.first] == 2
        else Token(token.text, token.first, token.last)
        for token in tokens
    ]


def _pass(tokens: Sequence[Token], words: Sequence[str], names: NameFinder | None) -> list[Finding]:
    scan = Scan(tokens, words)
    # What has a form of its own goes first: its digits are then no other number's.
    find_said_addresses(scan)
    find_identifiers(scan)
    find_births(scan)
    find_places(scan)
    find_digits(scan)
    find_names(scan, names)
    return scan.by_words()


def _without(tokens: Sequence[Token], words: Sequence[str], found: Sequence[Finding]) -> tuple[list[Token], list[str]]:
    """The same with a placeholder for each that was found, at its first word."""
    left, at = [], 0
    seen = -1
    blank = list(words)
    for finding in found:
        blank[finding.first : finding.last + 1] = [finding.kind.placeholder] * (finding.last + 1 - finding.first)
    for token in tokens:
        while at < len(found) and found[at].last < token.first:
            at += 1
        if at == len(found) or token.last < found[at].first:
            left.append(token)
        elif seen != at:
            left.append(Token(found[at].kind.placeholder, found[at].first, found[at].last))
            seen = at
    return left, blank


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Findings that overlap as one, of the surest one's kind.

    Args:
        findings: in any order.
    """
    whole: list[Finding] = []
    for finding in sorted(findings, key=lambda one: (one.first, one.last)):
        if whole and finding.first <= whole[-1].last:
            before = whole.pop()
            surest = max(before, finding, key=lambda one: one.score)
            last = max(before.last, finding.last)
            whole.append(Finding(surest.kind, surest.score, before.first, last))
        else:
            whole.append(finding)
    return whole
