"""Calls by hand: who said what, and the figures of a conversation: docs/CALLS.md."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from drivetrain.calls.audio import CallAudio
from drivetrain.calls.figures import call_figures
from drivetrain.calls.redacted import redact_call
from drivetrain.calls.transcript import transcribe as transcribed
from drivetrain.errors import FatalError
from drivetrain_triton import TritonClient
from hooks.triton_recognizer import TritonRecognizer
from hooks.whisper import WhisperRecognizer

if TYPE_CHECKING:
    from drivetrain.calls.figures import CallFigures
    from drivetrain.calls.recognition import Recognizer
    from drivetrain.calls.transcript import Transcript

app = typer.Typer(no_args_is_help=True, help=__doc__)

_FILE = typer.Argument(..., help="An audio file: wav, mp3, ogg, m4a; two channels: the agent, then the customer.")
MODEL = typer.Option(
    None, "--model", envvar="DRIVETRAIN_WHISPER_MODEL", help="A folder with a Whisper model of CTranslate2's form."
)
TRITON = typer.Option("", "--triton", help="Instead: a server that has the model whisper, as grpc://triton:8001.")
LANGUAGE = typer.Option("", "--language", help="Two letters, as en; it is found out otherwise.")
THREADS = typer.Option(0, "--threads", min=0, help="Of the processor; 0: as many as there are.")
AS_JSON = typer.Option(False, "--json", help="Print JSON for programs, every word with its times.")
REDACT = typer.Option(False, "--redact", help="Take out what tells who somebody is: numbers, addresses, names.")
_TRITON_SECONDS = 600.0  # for five minutes of a call, on a slow machine


@app.callback()
def calls() -> None:
    """Keep the group a group while it has one command."""


@app.command()
def transcribe(
    file: Path = _FILE,
    model: Path | None = MODEL,
    triton: str = TRITON,
    language: str = LANGUAGE,
    threads: int = THREADS,
    redact: bool = REDACT,
    as_json: bool = AS_JSON,
) -> None:
    """Write down who said what and when, and measure the conversation."""
    if (model is None) == (not triton):
        raise FatalError("give either --model, a folder, or --triton, a server")
    if not file.is_file():
        raise FatalError(f"{file}: there is no such file")
    audio = CallAudio(file, file.name)
    if model is not None:
        found = _heard(audio, WhisperRecognizer(model, threads=threads), language)
    else:
        with TritonClient(triton, timeout_seconds=_TRITON_SECONDS) as client:
            found = _heard(audio, TritonRecognizer(client), language)
    if redact:
        found = replace(found, turns=redact_call(found.turns).turns)
    figures = call_figures(found.turns, found.seconds, rms={one.speaker: one.rms for one in found.channels})
    if as_json:
        typer.echo(json.dumps({"transcript": asdict(found), "figures": asdict(figures)}, ensure_ascii=False, indent=1))
    else:
        _show(found, figures)


def _heard(audio: CallAudio, recognizer: Recognizer, language: str) -> Transcript:
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("hearing", total=audio.format.seconds)
        return transcribed(
            audio, recognizer, language=language, told=lambda seconds: progress.update(task, completed=seconds)
        )


def _show(found: Transcript, figures: CallFigures) -> None:
    console = Console()
    for turn in found.turns:
        minutes, seconds = divmod(int(turn.start_seconds), 60)
        console.print(f"{minutes:02}:{seconds:02} {turn.speaker}: {turn.text}", markup=False, highlight=False)
    table = Table("", "talk", "turns", "words a minute", "interruptions", "longest monologue", box=None)
    for speaker in [channel.speaker for channel in found.channels]:
        one = figures.speakers.get(speaker)
        if one is None:  # nobody spoke
            continue
        pace = "-" if one.words_per_minute is None else f"{one.words_per_minute:.0f}"
        monologue = f"{one.longest_monologue_seconds:.0f} s"
        table.add_row(speaker, f"{one.talk_ratio:.0%}", str(one.turns), pace, str(one.interruptions), monologue)
    console.print()
    console.print(table)
    dropped = ", ".join(f"{reason} {count}" for reason, count in found.dropped.items()) or "nothing"
    console.print(
        f"{found.seconds:.0f} s, {figures.silence_seconds:.0f} s of silence; {found.recognizer}; left out: {dropped}",
        markup=False,
        highlight=False,
    )
