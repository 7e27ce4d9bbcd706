"""The voice network's corpus and frames, without the synthesisers."""

import json
import wave
from pathlib import Path

import numpy as np

from training.voice import sentences
from training.voice.corpus import frame_labels, visemes_of
from training.voice.espeak import Phone, Utterance
from training.voice.features import levels, loudness_db, mel_frames, normalize
from training.voice.phonemes import VISEMES, parts_of_flite, parts_of_ipa
from training.voice.sentences import make_sentences
from training.voice.train import OFFSETS, quantize, with_context

FIXTURE = Path(__file__).parents[2] / "tests" / "fixtures" / "voice"


def test_frames_are_those_of_the_fixture_that_the_browser_compares_with():
    with wave.open(str(FIXTURE / "000.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        frames = mel_frames(samples, file.getframerate())
    normal = normalize(frames, levels(loudness_db(frames)))
    for at, (bands, normalized) in json.loads((FIXTURE / "frames.json").read_text()).items():
        np.testing.assert_allclose(frames[int(at)], bands, atol=1e-3)
        np.testing.assert_allclose(normal[int(at)], normalized, atol=1e-3)


def test_phonemes_of_both_synthesisers_become_visemes():
    assert [parts_of_ipa(name) for name in ("p", "tʃ", "aɪ", "oʊ", "uː", "h", "")] == [
        ["PP"], ["CH"], ["aa", "I"], ["O", "U"], ["U"], ["h"], [],
    ]  # fmt: skip
    assert [parts_of_flite(name) for name in ("pau", "m", "ow", "hh")] == [[], ["PP"], ["O", "U"], ["h"]]


def test_frames_have_the_viseme_of_their_middle_and_h_that_of_its_vowel():
    phones = [Phone("h", 0, 0.1), Phone("iː", 0.1, 0.3), Phone("", 0.3, 0.4)]
    spans = visemes_of(Utterance(np.zeros(6400, np.float32), 16000, phones), recorded=False)
    assert [name for name, *_ in spans] == ["I", "I", "sil"]
    labels = frame_labels(spans, 37)
    assert [VISEMES[label] for label in labels[[0, 28, 29, 36]]] == ["I", "I", "sil", "sil"]


def test_words_for_judging_are_not_learned_from():
    learned, judged = (
        {word.strip(".,?").lower() for line in make_sentences(300, 1, judging) for word in line.split()[1:-1]}
        for judging in (False, True)
    )
    content = set(sentences.NOUNS + sentences.VERBS + sentences.ADJECTIVES) - set(sentences.LINKS + sentences.STARTS)
    assert learned & judged & content == set()
    assert make_sentences(3, 7, True) == make_sentences(3, 7, True)


def test_context_beyond_what_is_known_repeats_the_last_frame():
    features = np.arange(20, dtype=np.float32)[:, None] * np.ones(24, np.float32)
    live = with_context(features, 2).reshape(20, len(OFFSETS), 24)[:, :, 0]
    assert live[10].tolist() == [3, 5, 7, 8, 9, 10, 11, 12, 12, 12, 12]
    assert live[0, :6].tolist() == [0] * 6
    assert live[19, -1] == 19


def test_weights_survive_eight_bits():
    weight = np.random.default_rng(0).standard_normal((5, 40)).astype(np.float32)
    rows, scale = quantize(weight)
    assert np.abs(rows * scale[:, None] - weight).max() <= scale.max() / 2 + 1e-6
