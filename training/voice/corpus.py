"""Utterances with visemes for every frame, from two synthesisers and many voices."""

import numpy as np

from . import espeak, flite
from .espeak import Utterance
from .features import HOP_S, WINDOW_S
from .phonemes import OPEN, VISEMES, parts_of_flite, parts_of_ipa
from .sentences import make_sentences

LEARNING_VOICES = [
    "en-us", "en-us+f1", "en-us+f2", "en-us+f4", "en-us+m1", "en-us+m3", "en-us+m7", "en-us+Andrea", "en-us+Mike",
    "en-us+steph", "en-us+john", "en-us-nyc+f2", "en", "en+f1", "en+f4", "en+m4", "en+m6", "en+linda", "en+edward",
    "en-gb-scotland", "en-gb-scotland+f2", "en-gb-x-rp+m1", "en-029", "en-029+f4",
]  # fmt: skip
JUDGING_VOICES = ["en-us+f3", "en-us+m2", "en+f5", "en+m5", "en-us+Annie"]
LEARNING_RECORDED = [
    ("slt", 1.0, None),
    ("slt", 0.85, 210.0),
    ("awb", 1.0, None),
    ("awb", 0.9, 150.0),
    ("kal16", 1.0, 90.0),
    ("slt", 1.15, 150.0),
]
"""Voice, stretch and mean pitch in Hz."""
JUDGING_RECORDED = [("rms", 1.0, None)]


def visemes_of(utterance: Utterance, recorded: bool) -> list[tuple[str, float, float]]:
    """Viseme, start and end in seconds, in order and without gaps."""
    spans: list[tuple[str, float, float]] = []
    for phone in utterance.phones:
        parts = (parts_of_flite if recorded else parts_of_ipa)(phone.name) or ["sil"]
        length = (phone.end_s - phone.start_s) / len(parts)
        for index, part in enumerate(parts):
            spans.append((part, phone.start_s + index * length, phone.start_s + (index + 1) * length))
    for index in range(len(spans) - 1, -1, -1):
        if spans[index][0] == OPEN:
            follows = spans[index + 1][0] if index + 1 < len(spans) else "sil"
            spans[index] = ("E" if follows == "sil" else follows, *spans[index][1:])
    return spans


def frame_labels(spans: list[tuple[str, float, float]], frames: int) -> np.ndarray:
    """[frames] index of the viseme at each frame's centre."""
    labels = np.zeros(frames, np.int64)
    times = np.arange(frames) * HOP_S + WINDOW_S / 2
    for viseme, start, end in spans:
        labels[(times >= start) & (times < end)] = VISEMES.index(viseme)
    return labels


def speak_all(judging: bool, sentences_each: int, seed: int):
    """Yields (voice, utterance, spans)."""
    voices = JUDGING_VOICES if judging else LEARNING_VOICES
    for index, voice in enumerate(voices):
        random = np.random.default_rng(seed + index)
        for text in make_sentences(sentences_each, seed + index, judging):
            spoken = espeak.say(text, voice, int(random.integers(130, 195)), int(random.integers(35, 65)))
            yield voice, spoken, visemes_of(spoken, False)
    for index, (voice, stretch, mean_hz) in enumerate(JUDGING_RECORDED if judging else LEARNING_RECORDED):
        for text in make_sentences(sentences_each, seed + 100 + index, judging):
            spoken = flite.say(text, voice, stretch, mean_hz)
            yield voice, spoken, visemes_of(spoken, True)
