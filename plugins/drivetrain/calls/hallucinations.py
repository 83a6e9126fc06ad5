"""What Whisper makes up on silence, hold music and noise: told from speech, taken out, and counted.

It was trained on subtitles: where nobody speaks it writes what subtitles end with, or goes round in a loop. Some of it
can be told from the recognizer's own figures, more from where a voice activity detector (VAD) heard speech. What real
people say over and over ("hello? hello?", "okay", zeros of an account number) has to stay, so that a loop is looked for
in one segment alone: on a listener's channel "Okay." may well be all there is.

Limits that Whisper has itself are taken from it: https://github.com/openai/whisper/blob/main/whisper/transcribe.py .
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from drivetrain.calls.spoken_numbers import is_number_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivetrain.calls.words import Word


@dataclass(frozen=True)
class Thresholds:
    """Limits; the first four, and `longest_word_seconds`, are Whisper's defaults.

    Attributes:
        no_speech_prob: above that a segment is silence, if its avg_logprob is no better than the next.
        avg_logprob: above that a segment is believed, however likely silence is.
        compression_ratio: above that a text repeats itself.
        word_probability: a word below that is improbable.
        longest_word_seconds: an improbable word that takes longer was not said.
        absurd_word_seconds: no word takes longer, however probable. Whisper draws a word over the pause beside it.
        words_per_second: nobody speaks faster than that
        rate_words: for so many words in a row.
        loop_repeats: so many times the same words in a row are a loop.
        loop_repeats_of_one: the same for a single word, or for numbers: people repeat these.
        loop_words: the longest loop that is looked for, in words.
        speech_padding_seconds: by so much a VAD may begin late or end early.
        phrase_speech_share: a phrase that people say, too, is made up where less of its time than that is speech.
    """

    no_speech_prob: float = 0.6
    avg_logprob: float = -1.0
    compression_ratio: float = 2.4
    word_probability: float = 0.15
    longest_word_seconds: float = 2.0
    absurd_word_seconds: float = 10.0
    words_per_second: float = 12.0
    rate_words: int = 5
    loop_repeats: int = 4
    loop_repeats_of_one: int = 8
    loop_words: int = 12
    speech_padding_seconds: float = 0.2
    phrase_speech_share: float = 0.3


DEFAULTS = Thresholds()

# Nobody says these in a call; a segment that is nothing else, once or over and over, is dropped wherever it is.
NEVER_SAID = (
    "thank you for watching",
    "thanks for watching",
    "thank you so much for watching",
    "thank you for watching this video",
    "thanks for watching this video",
    "please subscribe",
    "please subscribe to my channel",
    "please subscribe to our channel",
    "like and subscribe",
    "dont forget to subscribe",
    "see you in the next video",
    "i will see you in the next video",
    "ill see you in the next video",
)
CREDITS = (
    "subtitles by",
    "subtitled by",
    "captions by",
    "captioned by",
    "closed captioning by",
    "transcribed by",
    "transcription by",
    "transcript by",
)
MOST_WORDS_OF_CREDITS = 10
# People say these, too: dropped only where the VAD heard next to nothing.
OFTEN_MADE_UP = (
    *("thank you", "thanks", "thank you very much", "thank you so much", "you", "bye", "bye bye", "okay", "ok"),
    *("oh", "so", "i", "yeah", "hmm", "uh"),
)
_NOT_SPELLED = str.maketrans(dict.fromkeys(".,!?…;:।\"'’()[]♪*", "") | dict.fromkeys("-‐‑–—", " "))


class Reason(StrEnum):
    """Why words were dropped."""

    SILENCE = "silence"
    REPETITION = "repetition"
    PHRASE = "phrase"
    RATE = "rate"
    LOOP = "loop"
    DURATION = "duration"
    OUTSIDE_SPEECH = "outside_speech"


@dataclass(frozen=True)
class Segment:
    """A piece of a channel, as Whisper gives it.

    Attributes:
        text: of the whole segment.
        start_seconds: from the beginning of the call.
        end_seconds: not before the start.
        avg_logprob: mean log probability of its tokens.
        no_speech_prob: how likely it is silence, 0 to 1.
        compression_ratio: bytes of the text by those of it compressed.
        words: in their order; none where the recognizer was not asked for times.
    """

    text: str
    start_seconds: float
    end_seconds: float
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Dropped:
    """What was taken out.

    Attributes:
        segment: its place among the segments, from 0.
        reason: why.
        words: which; none where the segment had none.
    """

    segment: int
    reason: Reason
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Screened:
    """What came of a channel's segments: every word is in one of the two.

    Attributes:
        kept: segments in their order, with what is left of them. Figures are those of the whole segment still.
        dropped: in the order of their segments.
    """

    kept: tuple[Segment, ...]
    dropped: tuple[Dropped, ...]

    @property
    def words(self) -> tuple[Word, ...]:
        """Those that stay."""
        return tuple(word for segment in self.kept for word in segment.words)

    @property
    def counts(self) -> Mapping[Reason, int]:
        """Dropped words by reason; a segment without words counts as one."""
        counts: Counter[Reason] = Counter()
        for one in self.dropped:
            counts[one.reason] += max(1, len(one.words))
        return counts


def screen(
    segments: Sequence[Segment], speech: Sequence[tuple[float, float]] | None, limits: Thresholds = DEFAULTS
) -> Screened:
    """Take out what nobody said.

    Args:
        segments: of one channel.
        speech: where the VAD heard some, as (start, end) in seconds, in any order; None: nobody asked one, so that what
            it takes to know is left out.
        limits: where the line is.
    """
    heard = None if speech is None else _Speech(speech, limits.speech_padding_seconds)
    kept: list[Segment] = []
    dropped: list[Dropped] = []
    for number, segment in enumerate(segments):
        reason = _whole(segment, heard, limits)
        if reason is not None:
            dropped.append(Dropped(number, reason, segment.words))
            continue
        reasons = _single(segment.words, heard, limits)
        gone = Counter(reasons)
        dropped += [
            Dropped(number, each, tuple(w for w, why in zip(segment.words, reasons, strict=True) if why is each))
            for each in Reason
            if gone[each]
        ]
        left = tuple(word for word, why in zip(segment.words, reasons, strict=True) if why is None)
        if len(left) == len(segment.words):
            kept.append(segment)
        elif left:
            kept.append(replace(segment, text=" ".join(word.text for word in left), words=left))
    return Screened(tuple(kept), tuple(dropped))


class _Speech:
    """Where there is speech, by time, with some room around it."""

    def __init__(self, intervals: Sequence[tuple[float, float]], padding_seconds: float) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        for start, end in sorted(intervals):
            if self._ends and start - padding_seconds <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end + padding_seconds)
            else:
                self._starts.append(start - padding_seconds)
                self._ends.append(end + padding_seconds)

    def seconds(self, start: float, end: float) -> float:
        """How much of a stretch is speech."""
        place = max(0, bisect_right(self._starts, start) - 1)
        total = 0.0
        while place < len(self._starts) and self._starts[place] < end:
            total += max(0.0, min(end, self._ends[place]) - max(start, self._starts[place]))
            place += 1
        return total

    def touches(self, start: float, end: float) -> bool:
        """Whether a stretch, which may be a moment, is partly speech."""
        place = bisect_right(self._starts, end) - 1
        return place >= 0 and self._ends[place] >= start


def _whole(segment: Segment, heard: _Speech | None, limits: Thresholds) -> Reason | None:
    """Why nobody said any of it."""
    if segment.no_speech_prob > limits.no_speech_prob and not segment.avg_logprob > limits.avg_logprob:
        return Reason.SILENCE
    if segment.compression_ratio > limits.compression_ratio:
        return Reason.REPETITION
    spoken = segment.text.lower().translate(_NOT_SPELLED).split()
    if _is_one_of(spoken, NEVER_SAID) or _is_credit(spoken):
        return Reason.PHRASE
    if heard is None:
        return None
    start, end = _span(segment)
    if _is_one_of(spoken, OFTEN_MADE_UP) and heard.seconds(start, end) < limits.phrase_speech_share * (end - start):
        return Reason.PHRASE
    if not segment.words and not heard.touches(start, end):
        return Reason.OUTSIDE_SPEECH
    return None


def _span(segment: Segment) -> tuple[float, float]:
    """When it is said: its words know better than the segment."""
    if not segment.words:
        return segment.start_seconds, segment.end_seconds
    return segment.words[0].start_seconds, max(word.end_seconds for word in segment.words)


def _is_one_of(spoken: Sequence[str], phrases: Sequence[str]) -> bool:
    """Whether it is one of the phrases, once or over and over."""
    for phrase in phrases:
        words = phrase.split()
        times = len(spoken) // len(words)
        if times and spoken == words * times:
            return True
    return False


def _is_credit(spoken: Sequence[str]) -> bool:
    text = " ".join(spoken)
    return len(spoken) <= MOST_WORDS_OF_CREDITS and any(text.startswith(f"{credit} ") for credit in CREDITS)


def _single(words: Sequence[Word], heard: _Speech | None, limits: Thresholds) -> list[Reason | None]:
    """Why nobody said each word; None: somebody did."""
    reasons: list[Reason | None] = [_word(word, heard, limits) for word in words]
    for reason, places in ((Reason.LOOP, _looping(words, limits)), (Reason.RATE, _hurried(words, limits))):
        for place in places:
            reasons[place] = reason
    return reasons


def _word(word: Word, heard: _Speech | None, limits: Thresholds) -> Reason | None:
    seconds = word.end_seconds - word.start_seconds
    is_improbable = word.probability < limits.word_probability
    # Whisper gives words that were said no length now and then, and is sure of them.
    if seconds > limits.absurd_word_seconds or (is_improbable and not 0 < seconds <= limits.longest_word_seconds):
        return Reason.DURATION
    if heard is not None and not heard.touches(word.start_seconds, word.end_seconds):
        return Reason.OUTSIDE_SPEECH
    return None


def _hurried(words: Sequence[Word], limits: Thresholds) -> set[int]:
    """Words in a row that nobody could say as fast."""
    count = limits.rate_words
    least_seconds = count / limits.words_per_second
    return {
        place
        for first in range(len(words) - count + 1)
        if words[first + count - 1].end_seconds - words[first].start_seconds < least_seconds
        for place in range(first, first + count)
    }


def _looping(words: Sequence[Word], limits: Thresholds) -> set[int]:
    """Repeats in a loop; what is repeated stays once, since it may have been said."""
    spoken = [" ".join(word.text.lower().translate(_NOT_SPELLED).split()) for word in words]
    repeats: set[int] = set()
    for length in range(1, limits.loop_words + 1):
        first = 0
        while first + length < len(spoken):
            last = first
            while last + length < len(spoken) and spoken[last] == spoken[last + length]:
                last += 1
            times = (last - first) // length + 1
            if times >= _too_often(spoken[first : first + length], limits):
                repeats.update(range(first + length, first + times * length))
            first = last + 1
    return repeats


def _too_often(words: Sequence[str], limits: Thresholds) -> int:
    is_repeated_by_people = len(set(words)) == 1 or all(is_number_word(word) for word in words)
    return limits.loop_repeats_of_one if is_repeated_by_people else limits.loop_repeats
