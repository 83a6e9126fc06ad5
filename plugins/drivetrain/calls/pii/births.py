"""Dates of birth: a date that a cue announces, or that is said to be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.calls.pii.kinds import Kind
from drivetrain.calls.pii.reading import Shape, index_at
from drivetrain.calls.pii.vocabulary import word_set

if TYPE_CHECKING:
    from drivetrain.calls.pii.cues import Cue
    from drivetrain.calls.pii.scan import Scan

_MONTHS = word_set(
    "january february march april may june july august september october november december jan feb mar apr jun jul aug "
    "sep sept oct nov dec"
)
_ORDINALS = word_set(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth thirtieth"
)
_JOINTS = word_set("of the thousand hundred and in slash dash")
_PARTS = frozenset({Shape.DIGITS, Shape.DATE, Shape.ORDINAL, Shape.OH})
_REACH = 20  # tokens from the cue to the date
_MOST = 14  # tokens of a date


def find_births(scan: Scan) -> None:
    """Add dates of birth."""
    for cue in scan.cues:
        if cue.kind is Kind.BIRTH_DATE and not _add_after(scan, cue):
            _add_before(scan, cue)


def _add_after(scan: Scan, cue: Cue) -> bool:
    """The first date after its cue."""
    end = scan.end_of_view(cue.last, _REACH)
    at = index_at(scan.pieces, cue.last + 1)
    while at < len(scan.pieces) and scan.pieces[at].first < end:
        piece = scan.pieces[at]
        if piece.shape in _PARTS or _names_a_day(scan.texts[piece.first]):
            return _add_from(scan, at)
        at += 1
    return False


def _names_a_day(text: str) -> bool:
    return text in _ORDINALS or (text in _MONTHS)


def _add_from(scan: Scan, at: int) -> bool:
    first = last = scan.pieces[at].first
    parts, digits, months = 0, "", 0
    while at < len(scan.pieces):
        piece = scan.pieces[at]
        text = scan.texts[piece.first]
        if piece.first - first >= _MOST or not scan.is_free(piece.first, piece.last):
            break
        if piece.shape in _PARTS or _names_a_day(text):
            parts += 1
            months += text in _MONTHS or piece.shape is Shape.DATE
            digits += piece.text if piece.text.isdigit() else ""
            last = piece.last
        elif piece.shape is Shape.MAGNITUDE and last == piece.first - 1:
            last = piece.last
        elif piece.shape is not Shape.FILLER and text not in _JOINTS:
            break
        at += 1
    is_date = (months and parts) or parts > 2 or len(digits) in (4, 6, 8)
    if is_date:
        scan.add(Kind.BIRTH_DATE, 0.9 if months else 0.75, first, last)
    return bool(is_date)


def _add_before(scan: Scan, cue: Cue) -> None:
    """12th May 1984 is my date of birth."""
    begin = scan.begin_of_view(cue.first, _MOST)
    at = index_at(scan.pieces, begin)
    while at < len(scan.pieces) and scan.pieces[at].first < cue.first:
        piece = scan.pieces[at]
        if piece.shape in _PARTS or _names_a_day(scan.texts[piece.first]):
            rest = scan.texts[piece.first + 1 : cue.first]
            if any(word in ("is", "was", "my", "his", "her") for word in rest):
                _add_from(scan, at)
            return
        at += 1
