"""Personal data that is digits: telephones, cards, accounts, Aadhaar, one-time passwords, PIN codes.

A long number is always taken, whatever it is: no price and no odometer has nine digits. A short one is taken where a
cue says what it is, unless a figure's cue is nearer or a unit follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.calls.pii.digit_runs import runs_of
from drivetrain.calls.pii.kinds import Kind
from drivetrain.calls.pii.numbers import kinds_of
from drivetrain.calls.pii.reading import Shape, index_at
from drivetrain.calls.pii.vocabulary import FILLERS, word_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence, Set

    from drivetrain.calls.pii.cues import Cue
    from drivetrain.calls.pii.digit_runs import Run
    from drivetrain.calls.pii.reading import Piece
    from drivetrain.calls.pii.scan import Scan

_LONG = 9  # digits
_SPOKEN_LONG = 6  # digits of a number that is said digit by digit: amounts are not
_ONE_BY_ONE_LONG = 5  # digits that are said one by one without an exception
_PART = 3  # digits of a part that is said next to another
_NEAR = 8  # tokens between two parts of a number: "just a second"
_CLOSE = 2  # tokens between two parts, one of which may have only two digits
_ENDS = word_set("ending ends ended end last")
_END_DIGITS = range(3, 9)


@dataclass(frozen=True)
class _Rule:
    """What a cue asks of its number.

    Attributes:
        least: digits; a corrected number has more than the right one, so there is no most.
        reach: tokens from the cue.
        weak_least: digits after a weak cue.
    """

    least: int
    reach: int = 30
    weak_least: int = 4


_RULES = {
    Kind.PHONE: _Rule(6, weak_least=7),
    Kind.CARD: _Rule(10),
    Kind.CVV: _Rule(3, 14),
    Kind.OTP: _Rule(4, weak_least=4),
    Kind.ACCOUNT: _Rule(6, 20, 9),
    Kind.AADHAAR: _Rule(4, 20),
    Kind.PIN_CODE: _Rule(6, 30, 6),
    Kind.PLATE: _Rule(4, 8, 9),
    Kind.VIN: _Rule(4, 10),
    Kind.LICENCE: _Rule(5, 12),
    Kind.PASSPORT: _Rule(5, 12),
    Kind.VOTER_ID: _Rule(5, 12),
    Kind.PAN: _Rule(4, 8),
    Kind.UPI: _Rule(9, 15),
    Kind.GSTIN: _Rule(9, 15, 9),
    Kind.IFSC: _Rule(5, 10),
}
_LONG_KINDS = (Kind.PHONE, Kind.CARD, Kind.ACCOUNT, Kind.AADHAAR, Kind.UPI, Kind.PLATE, Kind.VIN, Kind.LICENCE)
_HAVE_LENGTHS = frozenset({Kind.PHONE, Kind.CARD, Kind.ACCOUNT, Kind.AADHAAR, Kind.NUMBER})
_CLOCK = word_set("after before by at around till until past from")
_LOOSE = 0.5  # where neither length nor check digits say anything


def find_digits(scan: Scan) -> None:
    """Add what is digits."""
    runs = runs_of(scan)
    kinds: list[Kind | None] = []
    for run in runs:
        found = _kind_of(scan, run)
        if found is None and (touched := _touches(scan, run)) is not None:
            found = touched, _LOOSE
        kinds.append(found[0] if found else None)
        if found is not None:
            scan.add(*found, run.first, run.last)
    _add_hidden(scan)
    _add_broken(scan, runs, kinds)
    _add_parts(scan, runs, kinds)
    _add_rests(scan, runs, kinds)


def _add_hidden(scan: Scan) -> None:
    """Long numbers with letters and signs around them: tel:9845012345."""
    for piece in scan.pieces:
        if piece.shape not in (Shape.MIXED, Shape.WORD) or not scan.is_free(piece.first, piece.last):
            continue
        digits = "".join(char for char in piece.text if char in "0123456789")
        if len(digits) >= _LONG:
            kind, score = max(kinds_of(digits).items(), key=lambda item: item[1], default=(Kind.NUMBER, _LOOSE))
            scan.add(kind, score, piece.first, piece.last)


def _kind_of(scan: Scan, run: Run) -> tuple[Kind, float] | None:
    count = len(run.digits)
    ended = _end_of_number(scan, run)
    if ended is not None:
        return ended, 0.8
    cue, figure_is_nearer = _cue_of(scan, run)
    if count >= _LONG and not _are_two_figures(run, cue):
        return _kind_of_long(run, cue)
    if cue is not None and cue.kind is not None and not figure_is_nearer and not run.unit_follows:
        rule = _RULES[cue.kind]
        if count >= (rule.weak_least if cue.is_weak else rule.least):
            return cue.kind, 0.7 if cue.is_weak else 0.9
        if cue.kind is Kind.PHONE and not cue.is_weak and count > _PART and _is_one_by_one(run):
            return cue.kind, 0.6  # the rest of it comes later
    least = _ONE_BY_ONE_LONG if _is_one_by_one(run) else _SPOKEN_LONG
    if count >= least and run.is_spoken and not run.unit_follows and not figure_is_nearer:
        return Kind.NUMBER, _LOOSE
    return None


def _are_two_figures(run: Run, cue: Cue | None) -> bool:
    """2018, 60000: a year and what was driven since."""
    if len(run.chunks) != 2 or (cue is not None and cue.kind is not None) or run.is_spoken:
        return False
    return (
        len(run.digits) < _LONG + 2
        and all(len(chunk) < 7 for chunk in run.chunks)
        and ("1990" <= run.chunks[0] <= "2039" or run.chunks[1].endswith("00"))
    )


def _kind_of_long(run: Run, cue: Cue | None) -> tuple[Kind, float]:
    """What a number is that leaves in no case."""
    checked = kinds_of(run.digits, is_international=run.is_international)
    if cue is not None and cue.kind in _LONG_KINDS and not cue.is_weak:
        return cue.kind, max(checked.get(cue.kind, 0.8), 0.8)
    if cue is not None and cue.kind in checked:
        return cue.kind, checked[cue.kind]
    if checked:
        return max(checked.items(), key=lambda item: item[1])
    if cue is not None and cue.kind is not None:
        return cue.kind, 0.6
    return Kind.NUMBER, _LOOSE


def _cue_of(scan: Scan, run: Run) -> tuple[Cue | None, bool]:
    """The cue that a number belongs to, and whether a figure's cue stands nearer."""
    count = len(run.digits)
    figure: Cue | None = None
    weak: Cue | None = None
    begun: Cue | None = None  # a telephone's number, of which this may be the first part
    for cue in scan.cues_before(run.first):
        if cue.kind is None:
            figure = figure or cue
            if count < _LONG:
                break
            continue
        rule = _RULES.get(cue.kind)
        if rule is None or run.first - cue.last > rule.reach:
            continue
        if run.is_year and (run.first - cue.last > 3 or cue.is_weak) and not _is_one_by_one(run):
            continue
        if cue.is_weak:
            weak = weak or cue
            continue
        if count < rule.least:
            begun = begun or (cue if cue.kind is Kind.PHONE else None)
            continue
        return cue, figure is not None
    if figure is None and (after := _cue_after(scan, run)) is not None:
        return after, False
    return weak or begun, figure is not None


def _is_one_by_one(run: Run) -> bool:
    return run.is_spoken and (len(run.chunks) >= len(run.digits) - 1 or len(run.chunks) == 1)


def _cue_after(scan: Scan, run: Run) -> Cue | None:
    """4567 is the OTP."""
    for cue in scan.cues_after(run.last):
        if cue.kind is None or run.unit_follows:
            return None
        rule = _RULES.get(cue.kind)
        between = scan.texts[run.last + 1 : cue.first]
        if rule is None or cue.is_weak or not (_LINKS | FILLERS).issuperset(between) or len(run.digits) < rule.least:
            return None
        return cue
    return None


_LINKS = word_set(
    "is are was that that's thats this it for the my your our a an what i got this's will be hai as and of"
)


def _end_of_number(scan: Scan, run: Run) -> Kind | None:
    """The last digits of something: "card ending 4242", "last four digits are 4242"."""
    if len(run.digits) not in _END_DIGITS or run.unit_follows:
        return None
    begin = scan.begin_of_view(run.first, 10)
    before = scan.texts[begin : run.first]
    at = next((index for index in range(len(before) - 1, -1, -1) if before[index] in _ENDS), None)
    if at is None:
        return None
    names_digits = any(word in ("digits", "digit", "numbers") for word in before[at:])
    if len(before) - at > 4 and not names_digits:
        return None
    if before[at] in ("last", "end") and not names_digits:
        return None
    for cue in scan.cues_before(run.first, 16):
        if cue.kind in _RULES and not (cue.is_weak and run.is_year):
            return cue.kind
        if cue.kind is None and cue.first > begin + at:
            return None
    return Kind.NUMBER if names_digits else None


def _add_broken(scan: Scan, runs: Sequence[Run], kinds: list[Kind | None]) -> None:
    """Parts of a long number none of which is enough alone: "nine eight four, are you noting it, five zero one"."""
    chain: list[int] = []
    for index in range(len(runs) + 1):
        is_next = index < len(runs) and kinds[index] is None and _is_part(runs[index]) and _is_one_by_one(runs[index])
        if is_next and chain:
            before, run = runs[chain[-1]], runs[index]
            is_next = _belong_together(scan, run, before, before.last + 1, run.first)
            if not is_next:
                _add_chain(scan, runs, kinds, chain)
                chain = [index]
                continue
        if is_next:
            chain.append(index)
        else:
            _add_chain(scan, runs, kinds, chain)
            chain = []


def _add_chain(scan: Scan, runs: Sequence[Run], kinds: list[Kind | None], chain: Sequence[int]) -> None:
    if sum(len(runs[index].digits) for index in chain) < _LONG:
        return
    for index in chain:
        kinds[index] = Kind.NUMBER
        scan.add(Kind.NUMBER, _LOOSE, runs[index].first, runs[index].last)


def _add_parts(scan: Scan, runs: Sequence[Run], kinds: list[Kind | None]) -> None:
    """Parts of a number that was interrupted, and its repetitions: digits that are said next to what was found."""
    for order in (range(1, len(runs)), range(len(runs) - 2, -1, -1)):
        step = -1 if order.step > 0 else 1
        for index in order:
            kind, run, other = kinds[index + step], runs[index], runs[index + step]
            if kinds[index] is not None or kind is None:
                continue
            between = (other.last + 1, run.first) if step < 0 else (run.last + 1, other.first)
            if not _is_part(run) and not (kind in _HAVE_LENGTHS and _is_rest(scan, run, other, *between)):
                continue
            if _belong_together(scan, run, other, *between):
                kinds[index] = kind
                scan.add(kind, _LOOSE, run.first, run.last)


def _touches(scan: Scan, run: Run) -> Kind | None:
    """What was found right next to digits that are said one by one: a part of it, then."""
    if not run.is_spoken or run.unit_follows or len(run.digits) < 2:
        return None
    at = run.first - 1
    while at >= 0 and run.first - at < _NEAR and scan.texts[at] in FILLERS:
        at -= 1
    kind = scan.kind_at(at) if at >= 0 else None
    return kind if kind in _RULES else None


def _add_rests(scan: Scan, runs: Sequence[Run], kinds: list[Kind | None]) -> None:
    """Digits that are said a word or two away from any number that was found, whatever found it."""
    told = {token for cue in scan.cues for token in range(cue.first, cue.last + 1)}
    for order in (range(len(runs)), range(len(runs) - 1, -1, -1)):
        for index in order:
            run = runs[index]
            if (
                kinds[index] is None
                and _may_be_rest(scan, run)
                and (kind := _number_beside(scan, run, told)) is not None
            ):
                kinds[index] = kind
                scan.add(kind, _LOOSE, run.first, run.last)


def _may_be_rest(scan: Scan, run: Run) -> bool:
    if run.unit_follows or run.is_round or scan.texts[run.first : run.last + 1] == ["one"]:
        return False
    if run.first and scan.texts[run.first - 1] in _CLOCK:
        return False
    return run.is_spoken or all(len(chunk) <= _CLOSE for chunk in run.chunks)


def _number_beside(scan: Scan, run: Run, told: Set[int]) -> Kind | None:
    """The kind of the number that ends or begins so near; None: there is none, or a cue stands between."""
    for places in (range(run.first - 1, -1, -1), range(run.last + 1, len(scan.texts))):
        others = 0
        for at in places:
            kind = scan.kind_at(at)
            if kind is not None:
                if kind in _RULES or kind is Kind.NUMBER:
                    return kind
                break
            others += scan.texts[at] not in FILLERS
            if others > _CLOSE or at in told:
                break
    return None


def _is_part(run: Run) -> bool:
    return len(run.digits) >= _PART and not run.unit_follows


def _is_rest(scan: Scan, run: Run, other: Run, begin: int, end: int) -> bool:
    """A digit or two next to a number that is not complete without them; one word may be between."""
    if end - begin > _CLOSE or run.unit_follows or not all(len(chunk) <= _CLOSE for chunk in run.chunks):
        return False
    if scan.texts[run.first : run.last + 1] == ["one"]:
        return False  # "the one ending 4242"
    is_cue = any(cue.last >= begin for cue in scan.cues_before(end, _CLOSE))
    return not is_cue and other.is_spoken


def _belong_together(scan: Scan, run: Run, other: Run, begin: int, end: int) -> bool:
    if end - begin > _NEAR or not scan.is_free(begin, end - 1):
        return False
    shapes = {piece.shape for piece in _between(scan, begin, end)}
    if shapes <= {Shape.FILLER, Shape.BRIDGE} or all(_is_joint(word) for word in scan.texts[begin:end]):
        return not run.is_round
    later = max(run.first, other.first)
    if scan.texts[later - 1] in _CLOCK and len(run.digits) <= 4:
        return False
    figures = any(cue.kind is None for cue in scan.cues_before(end, end - begin))
    is_said = run.is_spoken or len(run.digits) <= _CLOSE  # a digit or two are said so, however they are written
    return is_said and other.is_spoken and not figures and not shapes & {Shape.AMOUNT, Shape.MAGNITUDE, Shape.DATE}


def _is_joint(word: str) -> bool:
    return word in ("or", "is", "it's", "its", "not", "but")


def _between(scan: Scan, begin: int, end: int) -> Iterator[Piece]:
    pieces = scan.pieces
    at = index_at(pieces, begin)
    while at < len(pieces) and pieces[at].first < end:
        yield pieces[at]
        at += 1
