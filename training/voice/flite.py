"""Speech with phone times from flite, whose voices come from recordings of people. Debian: `apt-get install flite`."""

import re
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

from .espeak import Phone, Utterance


def say(text: str, voice: str = "slt", stretch: float = 1.0, mean_hz: float | None = None) -> Utterance:
    """Speaks `text` with one of kal, kal16, awb, rms, slt. Raises CalledProcessError where flite fails."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "-t", text, "-psdur", "-o", str(target)]
        command += ["--setf", f"duration_stretch={stretch}"]
        if mean_hz is not None:
            command += ["--setf", f"int_f0_target_mean={mean_hz}"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        with wave.open(str(target)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
    phones, start = [], 0.0
    for name, end in re.findall(r"(\S+):([\d.]+)", listed):
        phones.append(Phone(name, start, float(end)))
        start = float(end)
    return Utterance(samples, rate, phones)
