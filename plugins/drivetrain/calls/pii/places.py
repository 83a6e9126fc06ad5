"""Postal addresses: houses, streets, localities and PIN codes that stand close together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.calls.pii.digit_runs import runs_of
from drivetrain.calls.pii.kinds import Kind
from drivetrain.calls.pii.vocabulary import BRIDGES, FILLERS, phrases, word_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.calls.pii.scan import Scan

_HOUSES = word_set("flat house door plot apartment room villa bungalow block tower floor building wing")
_STREETS = word_set(
    "nagar colony road street marg vihar enclave layout apartments society sector phase cross main lane gali chowk "
    "puram bagh extension gardens residency heights towers bazaar bazar kunj complex hills lines circle stage taluk "
    "district tehsil village behind opposite near landmark cantonment salt"
)
_CITIES = word_set(
    "pune mumbai bengaluru bangalore gurgaon gurugram noida hyderabad chennai kolkata jaipur lucknow ahmedabad indore "
    "delhi surat nagpur thane bhopal patna vadodara ludhiana agra nashik faridabad meerut rajkot varanasi ranchi kochi "
    "coimbatore mysore mysuru chandigarh guwahati visakhapatnam kanpur ghaziabad dehradun mohali panchkula"
)
_CUES = phrases(
    "address is|address|stay at|stay in|staying at|staying in|live at|live in|living at|living in|residing at|"
    "residing in|reside at|delivered|deliver it to|deliver to|delivered to|pick up from|pickup from|residence is"
)
_GAP = 5  # tokens between two parts of an address
_MOST = 45  # tokens of an address
_CUE_REACH = 6


@dataclass(frozen=True, slots=True)
class _Part:
    """A token that addresses have."""

    what: str
    first: int
    last: int


def find_places(scan: Scan) -> None:
    """Add addresses."""
    cluster: list[_Part] = []
    for part in _parts(scan):
        is_near = bool(cluster) and part.first - cluster[-1].last - 1 <= _GAP and part.last - cluster[0].first < _MOST
        if is_near and scan.is_free(cluster[-1].last, part.first):
            cluster.append(part)
            continue
        _add(scan, cluster)
        cluster = [part]
    _add(scan, cluster)


def _parts(scan: Scan) -> list[_Part]:
    found = []
    for at, text in enumerate(scan.texts):
        if not scan.is_free(at, at):
            continue
        what = "house" if text in _HOUSES else "street" if text in _STREETS else "city" if text in _CITIES else ""
        if what:
            found.append(_Part(what, at, at))
    for run in runs_of(scan):
        if run.unit_follows:
            continue
        if len(run.digits) == 6 and run.digits[0] in "12345678":
            found.append(_Part("code", run.first, run.last))
        elif len(run.digits) <= 4:
            found.append(_Part("number", run.first, run.last))
    return sorted(found, key=lambda part: part.first)


def _add(scan: Scan, cluster: Sequence[_Part]) -> None:
    while cluster and cluster[-1].what == "number":
        cluster = cluster[:-1]
    if len(cluster) < 2:
        return
    kinds = {part.what for part in cluster}
    first, last = cluster[0].first, cluster[-1].last
    announced = _announced_at(scan, first)
    places = sum(part.what in ("house", "street", "city") for part in cluster)
    is_full = "code" in kinds and places >= 2
    if announced is None and not is_full and not ({"house", "number"} <= kinds and {"street", "city"} & kinds):
        return
    if announced is not None and places + ("code" in kinds) < 2 and "house" not in kinds:
        return
    first = announced if announced is not None else _begin(scan, first)
    scan.add(Kind.ADDRESS, 0.85 if is_full else 0.6, first, last)


def _begin(scan: Scan, first: int) -> int:
    """A letter before a house's number is of the address: B 302."""
    if first and scan.is_free(first - 1, first - 1) and len(scan.texts[first - 1]) == 1:
        return first - 1
    return first


def _announced_at(scan: Scan, first: int) -> int | None:
    """Where an address begins that a cue announces: after the cue."""
    begin = scan.begin_of_view(first, _CUE_REACH + 3)
    for at in range(first - 1, begin - 1, -1):
        for cue in _CUES:
            end = at + len(cue)
            if end <= first and tuple(scan.texts[at:end]) == cue:
                start = end
                while start < first and (scan.texts[start] in FILLERS or scan.texts[start] in BRIDGES | {"is", "my"}):
                    start += 1
                return start
    return None
