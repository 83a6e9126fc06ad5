"""Addresses of mail, payments (UPI) and pages, written or said: "rahul dot sharma at the rate gmail dot com"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drivetrain.calls.pii.kinds import Kind
from drivetrain.calls.pii.reading import Piece, Shape, index_at
from drivetrain.calls.pii.vocabulary import BRIDGES, FILLERS, word_set

if TYPE_CHECKING:
    from drivetrain.calls.pii.scan import Scan

# https://www.npci.org.in/what-we-do/upi : handles of the common apps; one that is missing is found by its cue.
_HANDLES = word_set(
    "okaxis oksbi okhdfcbank okicici ybl ibl axl upi paytm ptaxis ptyes pthdfc ptsbi apl yapl rapl axisbank hdfcbank "
    "icici sbi kotak barodampay freecharge airtel jupiteraxis fam slice waicici wahdfcbank waaxis wasbi idfcbank indus "
    "federal yesbank pnb cnrb unionbank"
)
_SURE_HANDLES = frozenset(handle for handle in _HANDLES if handle.startswith(("ok", "pt", "wa"))) | {
    "ybl",
    "ibl",
    "axl",
}
_PROVIDERS = word_set(
    "gmail yahoo ymail hotmail outlook rediffmail rediff icloud protonmail live zoho aol msn googlemail"
)
_TOP_LEVELS = word_set("com in co org net io edu gov info biz me ai uk us ae ly app dev")
_JOINTS = word_set("dot underscore dash hyphen period point . _ -")
_WRITTEN_MAIL = re.compile(r"[^\s@]{1,64}@[^\s@.]{1,63}(?:\.[^\s@.]{1,63}){1,5}")
_WRITTEN_UPI = re.compile(r"[a-z0-9._-]{2,64}@[a-z]{2,32}")
_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]{1,15}://|www\.)\S+|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,5}/\S+")
_MOST_NAMES = 3  # words of a name that nothing joins
_MOST_LOCAL = 24  # tokens
_MOST_DOMAIN = 12  # tokens
_STOPS = word_set(
    "is id ids mail email e-mail mailid address to on my the its it's it that's that this be will as so at upi vpa "
    "gpay paytm phonepe pay send me with for and by of via use using was reads called write us our your karo hai "
    "number works a an in code from token money you can i from"
)


def find_said_addresses(scan: Scan) -> None:
    """Add what has an at sign, or is a link."""
    at = 0
    while at < len(scan.texts):
        text = scan.texts[at]
        if not scan.is_free(at, at):
            at += 1
        elif (kind := _written(text)) is not None:
            scan.add(kind, 0.97, at, at)
            at += 1
        else:
            at = _add_said(scan, at)


def _written(text: str) -> Kind | None:
    if len(text) > 4_000:
        return None
    if "/" in text and _LINK.fullmatch(text) and (len(text.split("/", 3)) > 3 or "://" not in text or "?" in text):
        return Kind.URL
    if "@" not in text:
        return None
    if _WRITTEN_MAIL.fullmatch(text):
        return Kind.EMAIL
    return Kind.UPI if _WRITTEN_UPI.fullmatch(text) else None


def _add_said(scan: Scan, at: int) -> int:
    """Whether an address has its at sign here. Where to go on."""
    after = _after_at(scan, at)
    if after is None:
        return at + 1
    local = _begin_of_local(scan, at)
    if local is None:
        return at + 1
    if (end := _end_of_domain(scan, after)) is not None:
        scan.add(Kind.EMAIL, 0.9, local, end)
        return end + 1
    if (end := _end_of_handle(scan, after, local, at)) is not None:
        scan.add(Kind.UPI, 0.85, local, end)
        return end + 1
    return at + 1


def _after_at(scan: Scan, at: int) -> int | None:
    """The token after "at", "@" or "at the rate of"."""
    texts = scan.texts
    raw = scan.tokens[at].text
    if raw == "@" or texts[at] == "@":
        return at + 1
    if texts[at] == "attherate":
        return at + 1
    if texts[at] != "at":
        return None
    if texts[at + 1 : at + 3] == ["the", "rate"] or texts[at + 1 : at + 3] == ["d", "rate"]:
        return at + 4 if texts[at + 3 : at + 4] == ["of"] else at + 3
    return at + 1


def _begin_of_local(scan: Scan, at: int) -> int | None:
    """Where the part before the at sign begins."""
    texts = scan.texts
    shapes = _shapes_before(scan, at)
    begin, names, is_joined = at, 0, True
    low = max(scan.begin_of_view(at), at - _MOST_LOCAL)
    while begin > low:
        text, piece = texts[begin - 1], shapes.get(begin - 1)
        shape = piece.shape if piece is not None else Shape.WORD
        is_pause = text in FILLERS or shape is Shape.FILLER or (not names and text in BRIDGES)
        if text in _JOINTS:
            is_joined = True
        elif shape in (Shape.DIGITS, Shape.OH, Shape.MIXED) or _is_spelled(
            piece, shapes.get(begin - 2), shapes.get(begin)
        ):
            is_joined = False
        elif is_pause and begin < at:
            pass
        elif text in _STOPS or not text or not (is_joined or names < _MOST_NAMES):
            break
        else:
            names += 1
            is_joined = False
        begin -= 1
    while begin < at and (texts[begin] in FILLERS or texts[begin] in _JOINTS):
        begin += 1
    return begin if begin < at else None


def _is_spelled(piece: Piece | None, *neighbours: Piece | None) -> bool:
    """Whether it is a letter; "I" is one beside another letter only."""
    if piece is None or piece.shape is not Shape.LETTERS:
        return False
    return piece.text != "I" or any(one is not None and one.shape is Shape.LETTERS for one in neighbours)


def _shapes_before(scan: Scan, at: int) -> dict[int, Piece]:
    """The pieces of the tokens before one."""
    index = index_at(scan.pieces, at) - 1
    found: dict[int, Piece] = {}
    while index >= 0 and scan.pieces[index].last >= at - _MOST_LOCAL:
        piece = scan.pieces[index]
        found.update(dict.fromkeys(range(piece.first, piece.last + 1), piece))
        index -= 1
    return found


def _end_of_domain(scan: Scan, begin: int) -> int | None:
    """The last token of gmail dot com."""
    texts = scan.texts
    most = min(begin + _MOST_DOMAIN, len(texts))
    end, labels, had_dot = None, 0, False
    at = begin
    while at < most and scan.is_free(at, at):
        text = texts[at]
        if text in FILLERS and labels:
            at += 1
            continue
        if text in ("dot", ".", "point"):
            had_dot = True
            at += 1
            continue
        written = "." in text and text.rsplit(".", 1)[-1] in _TOP_LEVELS
        if labels and not had_dot and not (end is None and labels < 3):
            break
        if (labels and had_dot and (text in _TOP_LEVELS or written)) or written or (not labels and text in _PROVIDERS):
            end = at
        elif not had_dot and labels and not text.isalnum():
            break
        labels += 1
        had_dot = False
        at += 1
    return end


def _end_of_handle(scan: Scan, begin: int, local: int, at: int) -> int | None:
    """The last token of ok axis, y b l."""
    joined = ""
    end = None
    for index in range(begin, min(begin + 5, len(scan.texts))):
        if not scan.is_free(index, index):
            break
        joined += scan.texts[index]
        if joined in _HANDLES:
            end = index
        if len(joined) > 14:
            break
    if end is None:
        return None
    handle = "".join(scan.texts[begin : end + 1])
    if handle in _SURE_HANDLES or scan.texts[at] == "@" or begin > at + 1:
        return end
    is_asked = any(cue.kind is Kind.UPI for cue in scan.cues_before(local, 12)) or any(
        text in ("id", "pay", "send", "token") for text in scan.texts[scan.begin_of_view(local, 8) : local]
    )
    has_digits = any(char.isdigit() for text in scan.texts[local:at] for char in text)
    return end if is_asked or has_digits or handle == "upi" else None
