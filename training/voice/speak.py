"""Writes spoken sentences with their phoneme times, for scripts/measureVoice.mjs and the tests.

`python -m training.voice.speak FOLDER` writes the voices and words that the network has not learned from; `--fixture`
writes the few short clips of tests/fixtures/voice.
"""

import argparse
import json
import wave
from pathlib import Path

import numpy as np

from . import espeak
from .corpus import speak_all, visemes_of
from .espeak import Utterance
from .features import levels, loudness_db, mel_frames, normalize

FIXTURE = Path(__file__).parents[2] / "tests" / "fixtures" / "voice"
FIXTURE_SAYS = [
    ("en-us+f3", "My brave mother wove a famous blue boat."),
    ("en+m5", "Five people move above the warm pool."),
]
LEAD_S = 0.5
"""Silence before each sentence, so that the onset is heard."""


def _write(folder: Path, name: str, voice: str, utterance: Utterance, spans) -> dict:
    lead = np.zeros(int(LEAD_S * utterance.rate), np.float32)
    samples = np.concatenate([lead, utterance.samples, lead])
    with wave.open(str(folder / f"{name}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(utterance.rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    shift = len(lead) / utterance.rate
    visemes = [[viseme, round(start + shift, 4), round(end + shift, 4)] for viseme, start, end in spans]
    return {"file": f"{name}.wav", "voice": voice, "visemes": visemes}


def write_frames(folder: Path) -> None:
    """What the twin in TypeScript has to compute: every 20th frame of the first clip, before and after its level."""
    with wave.open(str(folder / "000.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        frames = mel_frames(samples, file.getframerate())
    normal = normalize(frames, levels(loudness_db(frames)))
    rows = {str(at): [frames[at].round(4).tolist(), normal[at].round(4).tolist()] for at in range(0, len(frames), 20)}
    (folder / "frames.json").write_text(json.dumps(rows) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FIXTURE)
    parser.add_argument("--fixture", action="store_true")
    parser.add_argument("--sentences", type=int, default=8, help="per voice")
    parser.add_argument(
        "--seed", type=int, default=31000, help="of the sentences; constants were tuned on those of 9000"
    )
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.fixture:
        spoken = [(voice, heard := espeak.say(text, voice), visemes_of(heard, False)) for voice, text in FIXTURE_SAYS]
    else:
        spoken = list(speak_all(True, options.sentences, options.seed))
    listed = [_write(options.folder, f"{index:03d}", *one) for index, one in enumerate(spoken)]
    if options.fixture:
        write_frames(options.folder)
    (options.folder / "speech.json").write_text(json.dumps(listed) + "\n")


if __name__ == "__main__":
    main()
