"""Digits in a row, however they are said: with fillers between them, repeated, corrected, by two people in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.calls.pii.numbers import kinds_of
from drivetrain.calls.pii.reading import Piece, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.calls.pii.scan import Scan

_GAP = 6  # fillers between two digits
_PAUSE = (",", ".", "?", "!", ";")
_SHORT = 2  # digits that are said at once


@dataclass(frozen=True, slots=True)
class Run:
    """Digits in a row.

    Attributes:
        chunks: digits that were said or written together.
        first: the first token.
        last: the last token, included.
        is_spoken: they were said one by one, or in pairs.
        is_international: with a plus sign.
        unit_follows: a unit comes next: "rupees", "km".
    """

    chunks: tuple[str, ...]
    first: int
    last: int
    is_spoken: bool
    is_international: bool = False
    unit_follows: bool = False

    @property
    def digits(self) -> str:
        """All of them."""
        return "".join(self.chunks)

    @property
    def is_year(self) -> bool:
        """Whether it could be one of a car, or of somebody's life."""
        return len(self.digits) == 4 and "1940" <= self.digits <= "2039" and len(self.chunks) <= _SHORT

    @property
    def is_round(self) -> bool:
        """Whether it looks like an amount: 450000, 8500."""
        return len(self.chunks) == 1 and len(self.digits) > 3 and self.digits.endswith("00") and not self.is_spoken


def runs_of(scan: Scan) -> list[Run]:
    """All runs of digits among what was not found yet."""
    runs: list[Run] = []
    pieces = scan.pieces
    at = 0
    while at < len(pieces):
        if not _begins(scan, at):
            at += 1
            continue
        end = _end(scan, at)
        runs.append(_run_of(scan, at, end))
        at = end
    return runs


def _begins(scan: Scan, at: int) -> bool:
    piece = scan.pieces[at]
    if not scan.is_free(piece.first, piece.last):
        return False
    if piece.shape is Shape.OH:
        return at + 1 < len(scan.pieces) and scan.pieces[at + 1].shape in (Shape.DIGITS, Shape.OH)
    return piece.shape is Shape.DIGITS


def _end(scan: Scan, at: int) -> int:
    """The piece after the run's last."""
    pieces = scan.pieces
    end = after = at + 1
    while after < len(pieces) and after - end <= _GAP:
        piece = pieces[after]
        if not scan.is_free(piece.first, piece.last):
            break
        if piece.shape in (Shape.DIGITS, Shape.OH):
            if any(between.shape is Shape.BRIDGE for between in pieces[end:after]) and not (
                _is_short(pieces[end - 1]) and _is_short(piece)
            ):
                break
            end = after + 1
        elif piece.shape not in (Shape.FILLER, Shape.BRIDGE):
            break
        after += 1
    return end


def _is_short(piece: Piece) -> bool:
    return piece.is_spoken and (len(piece.text) <= _SHORT or len(set(piece.text)) == 1)


def _run_of(scan: Scan, at: int, end: int) -> Run:
    """A run without the amounts at its ends: "... five four, two thousand"."""
    pieces = scan.pieces
    said = [piece for piece in pieces[at:end] if piece.shape in (Shape.DIGITS, Shape.OH)]
    before = pieces[at - 1] if at else None
    is_open = scan.tokens[pieces[end - 1].last].text[-1:] not in _PAUSE  # else a unit is of what comes then
    after = pieces[end] if end < len(pieces) and is_open else None
    if after is not None and after.shape is Shape.MAGNITUDE and len(said) > 1:
        said.pop()
        after = None
    if before is not None and before.shape is Shape.MAGNITUDE and len(said) > 1:
        said.pop(0)
    if after is not None and after.shape is Shape.UNIT and len(said) > 1:
        rest = "".join(piece.text for piece in said[:-1])
        if kinds_of(rest) and not kinds_of(rest + said[-1].text):  # "... on 98450 12345 5 o'clock"
            said.pop()
            after = None
    follows = after is not None and after.shape in (Shape.UNIT, Shape.MAGNITUDE)
    return _run(said, unit_follows=follows)


def _run(said: Sequence[Piece], *, unit_follows: bool) -> Run:
    chunks = tuple(piece.text for piece in said)
    short = sum(len(chunk) <= _SHORT or piece.is_spoken for chunk, piece in zip(chunks, said, strict=True))
    is_spoken = (len(chunks) > 1 and short == len(chunks)) or (len(chunks) == 1 and said[0].is_spoken)
    return Run(
        chunks,
        said[0].first,
        said[-1].last,
        is_spoken or len(chunks) > 2,
        is_international=said[0].is_upper and not said[0].is_spoken,
        unit_follows=unit_follows,
    )
