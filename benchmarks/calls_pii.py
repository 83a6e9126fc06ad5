"""How much personal data of calls is found, and how many figures survive, on a labelled set.

Four sets, each with carriers and ways of saying values of its own: one that recognizers were tuned on, and three that
were new to them once. A fifth has all carriers, with ways that are drawn at random. A value is found where no word that
carries it is left; a figure survives where all of its words do. Peers: presidio with its own recognizers for India, on
the words as they are and with their numbers read; and spaCy's names, with ours.
Usage: python -m benchmarks.calls_pii [--each N] [--quick] [--peers]
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from benchmarks.calls_pii_set import FOURTH, SECOND, THIRD, TUNED, draw_set
from benchmarks.calls_pii_ways import DIGITS, TEENS, TENS, Ways, listed
from benchmarks.frame import Report, Target, spread
from drivetrain.calls.pii.find import find
from drivetrain.calls.pii.kinds import Finding, Kind, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.calls_pii_set import Label, Utterance

    Finder = Callable[[Sequence[str]], Sequence[Finding]]

DIGIT_KINDS = frozenset(
    listed("phone card cvv otp account ifsc aadhaar pan voter_id passport licence gstin plate vin pin_code")
)
_NUMBER_WORDS = frozenset((*DIGITS, *TEENS, *TENS, "oh", "double", "triple", "treble")) - {""}
_SPELLED = frozenset(listed("aitch em en ess eff zed kay jay"))
SEED = 7


@dataclass
class Score:
    """What one finder did with one set.

    Attributes:
        planted: values, by kind.
        found: of those, all their words were taken.
        named: of the found ones, by the right kind.
        findings: by kind.
        right: findings in which there is personal data of any kind.
        figures: values that have to survive, by kind.
        kept: of those, no word was taken.
        words: that were taken.
        wrong_words: of those, in no personal data.
    """

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    words: int = 0
    wrong_words: int = 0
    seconds: float = 0.0
    misses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def recall(self, kinds: frozenset[str] | None = None) -> float:
        """The share of values that were taken whole."""
        chosen = [kind for kind in self.planted if kinds is None or kind in kinds]
        return sum(self.found[kind] for kind in chosen) / max(sum(self.planted[kind] for kind in chosen), 1)

    def precision(self, kinds: frozenset[str] | None = None) -> float:
        """The share of findings in which there is personal data."""
        chosen = [kind for kind in self.findings if kinds is None or kind in kinds]
        return sum(self.right[kind] for kind in chosen) / max(sum(self.findings[kind] for kind in chosen), 1)

    def survival(self) -> float:
        """The share of figures that were left alone."""
        return self.kept.total() / max(self.figures.total(), 1)


def measure(utterances: Sequence[Utterance], finder: Finder) -> Score:
    """Hold what a finder finds to the labels."""
    score = Score()
    for utterance in utterances:
        begun = time.perf_counter()
        findings = finder(utterance.words)
        score.seconds += time.perf_counter() - begun
        taken = {word for one in findings for word in range(one.first, one.last + 1)}
        personal: set[int] = set()
        for label in utterance.labels:
            words = set(range(label.first, label.last + 1))
            if not label.is_personal:
                score.figures[label.kind] += 1
                score.kept[label.kind] += not words & taken
                if words & taken:
                    score.misses[f"lost {label.kind}"].append(_shown(utterance, findings))
                continue
            personal |= words
            score.planted[label.kind] += 1
            if _carriers(utterance, label) <= taken:
                score.found[label.kind] += 1
                score.named[label.kind] += any(
                    one.kind == label.kind and one.first <= label.last and one.last >= label.first for one in findings
                )
            else:
                score.misses[label.kind].append(_shown(utterance, findings))
        for one in findings:
            is_right = not personal.isdisjoint(range(one.first, one.last + 1))
            score.findings[one.kind] += 1
            score.right[one.kind] += is_right
            if not is_right:
                score.misses[f"wrong {one.kind}"].append(_shown(utterance, findings))
        score.words += len(taken)
        score.wrong_words += len(taken - personal)
    return score


def _carriers(utterance: Utterance, label: Label) -> set[int]:
    """The words of a value that tell something of it; what is said between its digits does not."""
    whole = range(label.first, label.last + 1)
    if label.kind not in DIGIT_KINDS:
        return {at for at in whole if any(char.isalnum() for char in utterance.words[at].replace("the", ""))}
    return {at for at in whole if _tells(utterance.words[at])}


def _tells(word: str) -> bool:
    bare = word.strip(".,?!").lower()
    is_code = len(bare) == 1 or bare in _SPELLED or (word.isupper() and bare.isalpha())
    return bare in _NUMBER_WORDS or is_code or any(char.isdigit() for char in bare)


def _shown(utterance: Utterance, findings: Sequence[Finding]) -> str:
    words = list(utterance.words)
    for one in findings:
        words[one.first] = f"<{one.kind} {words[one.first]}"
        words[one.last] += ">"
    return " ".join(words)


def our_finder(names: Any = None) -> Finder:
    """Ours, with names by their cues, or by a model, too."""
    return lambda words: find(words, plain(words), names)


def presidio_finder(*, reads_numbers: bool) -> Finder:
    """Presidio with its recognizers for India and for all countries, and spaCy's small model of English.

    Args:
        reads_numbers: give it number words as digits, as it advises to normalize first.
    """
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry, predefined_recognizers
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    from drivetrain.calls.pii.names import MODEL
    from drivetrain.calls.pii.reading import Shape, read

    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
    configuration = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": MODEL}]}
    engine = NlpEngineProvider(nlp_configuration=configuration).create_engine()
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    for name in ("Pan", "Aadhaar", "VehicleRegistration", "Passport", "Voter", "Gstin"):
        registry.add_recognizer(getattr(predefined_recognizers, f"In{name}Recognizer")())
    entities = {
        "PHONE_NUMBER": Kind.PHONE, "CREDIT_CARD": Kind.CARD, "IN_AADHAAR": Kind.AADHAAR, "IN_PAN": Kind.PAN,
        "IN_GSTIN": Kind.GSTIN, "IN_PASSPORT": Kind.PASSPORT, "IN_VOTER": Kind.VOTER_ID, "EMAIL_ADDRESS": Kind.EMAIL,
        "IN_VEHICLE_REGISTRATION": Kind.PLATE, "PERSON": Kind.PERSON, "URL": Kind.URL, "LOCATION": Kind.ADDRESS,
        "DATE_TIME": Kind.BIRTH_DATE, "US_BANK_NUMBER": Kind.ACCOUNT,
    }  # fmt: skip
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
    asked = sorted(set(entities) & set(analyzer.get_supported_entities("en")) - {"DATE_TIME"})

    def finder(words: Sequence[str]) -> list[Finding]:
        texts, spans = list(words), [(at, at) for at in range(len(words))]
        if reads_numbers:
            texts, spans = [], []
            for piece in read(plain(words), words):
                is_number = piece.shape is Shape.DIGITS
                if is_number and texts and texts[-1].isdigit() and spans[-1][1] == piece.first - 1:
                    texts[-1] += piece.text
                    spans[-1] = (spans[-1][0], piece.last)
                else:
                    texts.append(piece.text if is_number else " ".join(words[piece.first : piece.last + 1]))
                    spans.append((piece.first, piece.last))
        starts, at = [], 0
        for text in texts:
            starts.append(at)
            at += len(text) + 1
        results = analyzer.analyze(" ".join(texts), language="en", entities=asked)
        found = []
        for result in results:
            inside = [
                i for i, start in enumerate(starts) if start < result.end and start + len(texts[i]) > result.start
            ]
            if inside:
                first, last = spans[inside[0]][0], spans[inside[-1]][1]
                found.append(Finding(entities[result.entity_type], result.score, first, last))
        return found

    return finder


def _tell(name: str, score: Score) -> None:
    typer.echo(f"\n{name}: {score.planted.total():,} values, {score.figures.total():,} figures, {score.seconds:.1f} s")
    typer.echo(f"{'kind':<12}{'planted':>8}{'recall':>8}{'kind right':>11}{'found':>8}{'precision':>10}")
    for kind in Kind:
        planted, findings = score.planted[kind], score.findings[kind]
        if not planted and not findings:
            continue
        recall = f"{score.found[kind] / planted:.3f}" if planted else "-"
        named = f"{score.named[kind] / score.found[kind]:.3f}" if score.found[kind] else "-"
        precision = f"{score.right[kind] / findings:.3f}" if findings else "-"
        typer.echo(f"{kind:<12}{planted:>8}{recall:>8}{named:>11}{findings:>8}{precision:>10}")
    lost = {kind: f"{score.kept[kind] / count:.3f}" for kind, count in sorted(score.figures.items())}
    typer.echo("figures left alone: " + ", ".join(f"{kind} {share}" for kind, share in lost.items()))
    typer.echo(
        f"digits-type recall {score.recall(DIGIT_KINDS):.4f}, precision "
        f"{score.precision(DIGIT_KINDS | {'number'}):.4f}; all: recall {score.recall():.4f}, precision "
        f"{score.precision():.4f}; figures left alone {score.survival():.4f}; words taken that are nobody's "
        f"{score.wrong_words / max(score.words, 1):.4f}"
    )


def main(
    each: int = typer.Option(60, help="How often a carrier is filled."),
    seed: int = typer.Option(SEED),
    quick: bool = typer.Option(default=False, help="Each carrier three times."),
    peers: bool = typer.Option(default=False, help="Presidio and spaCy's names, too: they have to be installed."),
    misses: int = typer.Option(0, help="Show so many of each kind of mistake in the tuned set."),
    write: bool = typer.Option(default=False, help="Write benchmarks/results/calls-pii.json."),
) -> None:
    """Measure, print, and write the result if asked to."""
    each = 3 if quick else each
    sets = {
        "tuned": draw_set(TUNED, each=each, ways=Ways.TUNED, seed=seed),
        "second": draw_set(SECOND, each=each, ways=Ways.SECOND, seed=seed),
        "third": draw_set(THIRD, each=each, ways=Ways.THIRD, seed=seed),
        "fourth": draw_set(FOURTH, each=each, ways=Ways.FOURTH, seed=seed),
        "drawn": draw_set((*TUNED, *SECOND, *THIRD, *FOURTH), each=each, ways=Ways.DRAWN, seed=seed),
    }
    finders: dict[str, Finder] = {"ours": our_finder()}
    if peers:
        from drivetrain.calls.pii.names import spacy_names

        finders["ours and spaCy's names"] = our_finder(spacy_names())
        finders["presidio"] = presidio_finder(reads_numbers=False)
        finders["presidio, numbers read"] = presidio_finder(reads_numbers=True)
    report = Report(
        "calls-pii",
        {name: f"{len(utterances):,} utterances, seed {seed}" for name, utterances in sets.items()},
    )
    for name, finder in finders.items():
        for set_name, utterances in sets.items():
            score = measure(utterances, finder)
            _tell(f"{name}, {set_name}", score)
            _report(report, name, set_name, score)
            if name == "ours" and set_name == "tuned":
                for kind, shown in sorted(score.misses.items()):
                    for one in shown[:misses]:
                        typer.echo(f"  {kind}: {one}")
    report.show(write=write and not quick)


def _report(report: Report, name: str, set_name: str, score: Score) -> None:
    figures = {
        "digits_recall": score.recall(DIGIT_KINDS),
        "digits_precision": score.precision(DIGIT_KINDS | {"number"}),
        "recall": score.recall(),
        "precision": score.precision(),
        "figures_left_alone": score.survival(),
    }
    at = set_name.replace(" ", "_")
    metrics = {f"{at}.{metric}": spread([value], "share") for metric, value in figures.items()}
    for kind in sorted(score.planted):
        metrics[f"{at}.{kind}.recall"] = spread([score.found[kind] / score.planted[kind]], "share")
    if name != "ours":
        peer = report.peers.setdefault(name, {"version": "see the lock", "metrics": {}})
        peer["metrics"] |= metrics
        return
    report.metrics |= metrics
    report.targets.append(Target(f"{set_name}: recall of digits", ">=", 0.98, round(figures["digits_recall"], 4)))


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
