"""Identifiers of letters and digits: PAN, GSTIN, IFSC, voter id, passport, licence, number plate, VIN.

Written together, in parts, or spelled letter by letter. Patterns are of a bounded length and are tried where a piece
begins, so the time is linear.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stdnum.in_ import epic, gstin
from stdnum.in_ import pan as income_tax

from drivetrain.calls.pii.kinds import Kind
from drivetrain.calls.pii.reading import Piece, Shape, piece_at
from drivetrain.calls.pii.vocabulary import ACRONYMS, SHORT_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drivetrain.calls.pii.scan import Scan

# https://parivahan.gov.in : the first letters of a number plate, those that were used before, too.
STATES = (
    "AN AP AR AS BR CG CH DD DL DN GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD OR PB PY RJ SK TG TN TR TS UK UA "
    "UP WB"
).replace(" ", "|")
_PARTS = (Shape.DIGITS, Shape.OH, Shape.LETTERS, Shape.MIXED)
_FIGURE = 4  # digits of a year or a price, which may come next
_GAP = 3  # fillers between two parts
_MOST = 40  # characters of an identifier that a cue announces
_LEAST, _LEAST_DIGITS = 5, 2
_LONGEST_SHORT_WORD = 3


@dataclass(frozen=True)
class _Form:
    """What an identifier looks like.

    Attributes:
        pattern: of capitals and digits.
        score: of one that fits.
        checked: whether check digits are right, where there are any.
        needs_cue: it is too short to be told from other things without one.
    """

    kind: Kind
    pattern: re.Pattern[str]
    score: float
    checked: Callable[[str], bool] | None = None
    needs_cue: bool = False


_FORMS = (
    _Form(Kind.VIN, re.compile(r"(?=[A-Z0-9]{0,11}[0-9]{4})M[A-HJ-NPR-Z0-9]{16}"), 0.9),
    _Form(Kind.GSTIN, re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]Z[0-9A-Z]"), 0.9, gstin.is_valid),
    _Form(Kind.LICENCE, re.compile(rf"(?:{STATES})[0-9]{{2}}(?:19|20)[0-9]{{9}}"), 0.9),
    _Form(Kind.LICENCE, re.compile(rf"(?:{STATES})[0-9]{{11,13}}"), 0.6),
    _Form(Kind.PAN, re.compile(r"[A-Z]{5}[0-9]{4}[A-Z]"), 0.8, income_tax.is_valid),
    _Form(Kind.IFSC, re.compile(r"[A-Z]{4}[0O](?:[0-9O]{6}|[A-Z]{2}[0-9O]{4})"), 0.9),
    _Form(Kind.VOTER_ID, re.compile(r"[A-Z]{3}[0-9]{7}"), 0.8, epic.is_valid),
    _Form(Kind.PLATE, re.compile(rf"(?:{STATES})[0-9]{{1,2}}[A-Z]{{1,3}}[0-9]{{4}}"), 0.9),
    _Form(Kind.PLATE, re.compile(r"[0-9]{2}BH[0-9]{4}[A-Z]{1,2}"), 0.9),
    _Form(Kind.PASSPORT, re.compile(r"[A-Z][0-9]{7}"), 0.7, needs_cue=True),
    _Form(Kind.PLATE, re.compile(rf"(?:{STATES})[0-9]{{1,2}}[A-Z]{{0,3}}[0-9]{{1,4}}"), 0.7, needs_cue=True),
    _Form(Kind.VIN, re.compile(r"[A-HJ-NPR-Z0-9]{17}"), 0.8, needs_cue=True),
)
_ANNOUNCED = frozenset(
    {Kind.PAN, Kind.GSTIN, Kind.IFSC, Kind.VOTER_ID, Kind.PASSPORT, Kind.LICENCE, Kind.PLATE, Kind.VIN}
)
_CUE_REACH = 14


@dataclass(frozen=True, slots=True)
class _Segment:
    """Letters and digits in a row.

    Attributes:
        text: of all its parts.
        parts: the pieces.
        starts: where each part begins in the text.
    """

    text: str
    parts: tuple[Piece, ...]
    starts: tuple[int, ...]


def find_identifiers(scan: Scan) -> None:
    """Add what is letters and digits."""
    for segment in list(_segments(scan)):
        _add_known(scan, segment)
    for segment in list(_segments(scan)):
        _add_announced(scan, segment)


def _segments(scan: Scan) -> Iterator[_Segment]:
    parts: list[Piece] = []
    gap = 0
    for piece in scan.pieces:
        if scan.is_free(piece.first, piece.last):
            if piece.shape in _PARTS or _is_short_word(piece):
                parts.append(piece)
                gap = 0
                continue
            if piece.shape is Shape.FILLER and parts and gap < _GAP:
                gap += 1
                continue
        if parts:
            yield _segment(parts)
        parts, gap = [], 0
    if parts:
        yield _segment(parts)


def _is_short_word(piece: Piece) -> bool:
    """mh, ab, nnp: letters that were written together in small ones."""
    word = piece.text
    is_few = piece.shape is Shape.WORD and 1 < len(word) <= _LONGEST_SHORT_WORD
    return is_few and word.isascii() and word.isalpha() and word not in SHORT_WORDS | ACRONYMS


def _segment(parts: list[Piece]) -> _Segment:
    texts: list[str] = []
    for index, part in enumerate(parts):
        follows_digit = bool(texts) and texts[-1][-1:].isdigit()
        precedes_digit = index + 1 < len(parts) and parts[index + 1].shape is Shape.DIGITS
        is_letter = part.shape is Shape.OH and not (follows_digit or (not texts and precedes_digit))
        texts.append("O" if is_letter else part.text.upper())
    starts, at = [], 0
    for text in texts:
        starts.append(at)
        at += len(text)
    return _Segment("".join(texts), tuple(parts), tuple(starts))


def _add_known(scan: Scan, segment: _Segment) -> None:
    """What has the form of an identifier."""
    if len(segment.text) < _LEAST or segment.text.isdigit() or segment.text.isalpha():
        return
    index = 0
    while index < len(segment.parts):
        after = _add_at(scan, segment, index)
        index = after if after is not None else index + 1


def _add_at(scan: Scan, segment: _Segment, index: int) -> int | None:
    """The part after an identifier that begins with this one, if there is one."""
    start = segment.starts[index]
    announced: set[Kind] | None = None
    for form in _FORMS:
        match = form.pattern.match(segment.text, start)
        if match is None:
            continue
        after = _part_at(segment, match.end())
        parts = segment.parts[index:after]
        ends = segment.starts[after] if after < len(segment.starts) else len(segment.text)
        if match.end() < ends and parts[-1].shape not in (Shape.DIGITS, Shape.MIXED):
            continue  # within a word
        is_word_first = parts[0].shape is Shape.WORD and form.kind is not Kind.PLATE  # "try 78 20 25 7" is no voter id
        if form.needs_cue or is_word_first or not _are_letters(parts):
            announced = announced if announced is not None else _announced(scan, parts[0].first, parts[-1].last)
            if form.kind not in announced:
                continue
        after = _end_of_digits(scan, segment, after)
        parts = segment.parts[index:after]
        is_checked = form.checked is not None and form.checked(match.group())
        scan.add(form.kind, 0.97 if is_checked else form.score, parts[0].first, parts[-1].last)
        return after
    return None


def _end_of_digits(scan: Scan, segment: _Segment, after: int) -> int:
    """The part after digits that go on where the form ends: more than it has were said, or some were said twice."""
    parts = segment.parts
    if parts[after - 1].shape not in (Shape.DIGITS, Shape.OH):
        return after
    end = after
    while end < len(parts) and parts[end].shape in (Shape.DIGITS, Shape.OH):
        if not parts[end].is_spoken and len(parts[end].text) >= _FIGURE:
            return end
        end += 1
    following = piece_at(scan.pieces, parts[end - 1].last + 1)
    is_figure = following is not None and following.shape in (Shape.UNIT, Shape.MAGNITUDE)
    return after if is_figure else end  # "MH 12 AB 1234, twenty nineteen model"


def _are_letters(parts: tuple[Piece, ...]) -> bool:
    """Whether no part is a word that only might be letters, and none of the article's kind stands at the begin."""
    if parts[0].shape is Shape.LETTERS and parts[0].text in ("A", "I") and len(parts) < 3:
        return False
    return sum(part.shape is Shape.WORD for part in parts) <= 2


def _part_at(segment: _Segment, end: int) -> int:
    """The first part that begins at or after a character."""
    return bisect_left(segment.starts, end)


def _announced(scan: Scan, first: int, last: int) -> set[Kind]:
    before = {cue.kind for cue in scan.cues_before(first, _CUE_REACH)}
    after = {cue.kind for cue in scan.cues_after(last)}
    return {kind for kind in before | after if kind is not None}


def _add_announced(scan: Scan, segment: _Segment) -> None:
    """What has no known form but a cue: a digit may have been heard wrong."""
    parts = segment.parts
    # The article and the pronoun are no part of it.
    while len(parts) > 1 and parts[0].text in ("A", "I") and parts[1].shape is Shape.MIXED:
        parts = parts[1:]
    while len(parts) > 1 and parts[-1].text in ("A", "I") and parts[-2].shape in (Shape.DIGITS, Shape.OH):
        parts = parts[:-1]  # "98450 12345. I want ..."
    text = "".join(part.text for part in parts)
    digits = sum(char.isdigit() for char in text)
    if not _LEAST <= len(text) <= _MOST or digits < _LEAST_DIGITS or digits == len(text):
        return
    for cue in scan.cues_before(parts[0].first, _CUE_REACH):
        if cue.kind in _ANNOUNCED and not (cue.is_weak and (len(text) < 8 or digits < 4)):
            scan.add(cue.kind, 0.6, parts[0].first, parts[-1].last)
            return
        if cue.kind is None and not cue.is_weak and digits < 4:
            return
    letters = sum(part.shape is Shape.LETTERS and len(part.text) == 1 for part in parts)
    if (letters >= 3 and digits >= 4) or (digits >= 6 and len(text) >= 10):
        scan.add(Kind.NUMBER, 0.5, parts[0].first, parts[-1].last)
