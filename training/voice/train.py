"""Trains the voice network and writes it as TypeScript.

`python -m training.voice.train --cache FOLDER` speaks the corpus once (about half an hour of speech), trains for a few
minutes and writes src/runtime/voice/voiceNetwork.ts. Needs espeak-ng and flite.

The network that ships was made on 30 November 2026 in 1,700 steps, before voices were warped and tilted here and those
from recordings counted thrice. What that is worth on recorded voices was not measured yet.
"""

import argparse
import base64
import pickle
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .corpus import LEARNING_RECORDED, frame_labels, speak_all
from .features import BANDS, levels, loudness_db, mel_frames, normalize
from .phonemes import VISEMES

OFFSETS = [-7, -5, -3, -2, -1, 0, 1, 2, 3, 5, 7]
"""Frames that the network sees, from the one that is judged."""
LIVE_AHEAD = 2
"""Frames of the future that a live voice waits for; later ones repeat the last."""
HIDDEN = 56
TARGET = Path(__file__).parents[2] / "src" / "runtime" / "voice" / "voiceNetwork.ts"


def noise(random: np.random.Generator, length: int) -> np.ndarray:
    """Noise of a random color, root mean square 1: from white to brown, sometimes with hum."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    tilt = random.uniform(0, 1)
    spectrum *= np.maximum(1, np.arange(len(spectrum))) ** -tilt
    sound = np.fft.irfft(spectrum, length)
    return sound / (np.sqrt((sound**2).mean()) + 1e-9)


def spoil(samples: np.ndarray, rate: int, random: np.random.Generator) -> tuple[np.ndarray, int]:
    """Another microphone, another room: gain, tone, echo, noise, silence around. And where the speech begins now."""
    sound = np.concatenate([np.zeros(int(random.uniform(0.1, 0.6) * rate)), samples, np.zeros(int(0.3 * rate))])
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(len(sound), 1 / rate)
    # A smooth random curve of +-8 dB over log frequency, on a tilt of +-9 dB: microphones, and darker throats.
    knots = np.geomspace(80, 8000, 7)
    decibels = random.uniform(-8, 8, len(knots)) + random.uniform(-9, 9) * np.linspace(-1, 1, len(knots))
    curve = np.interp(np.log(np.maximum(hz, 1)), np.log(knots), decibels)
    sound = np.fft.irfft(spectrum * 10 ** (curve / 20), len(sound))
    if random.random() < 0.5:
        tail = random.standard_normal(int(0.25 * rate)) * np.exp(-np.arange(int(0.25 * rate)) / (0.06 * rate))
        tail *= random.uniform(0.05, 0.25) / np.sqrt((tail**2).sum())
        tail[0] = 1
        size = len(sound) + len(tail)
        sound = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)[: len(sound)]
    sound = sound / (np.abs(sound).max() + 1e-9) * 10 ** (random.uniform(-30, -1) / 20)
    snr_db = random.uniform(12, 55)
    power = np.sqrt((sound**2).mean())
    noisy = sound + noise(random, len(sound)) * power * 10 ** (-snr_db / 20)
    return noisy, len(sound) - len(samples) - int(0.3 * rate)


def examples(spoken, random: np.random.Generator, clean: bool = False):
    """Lists of ([frames, BANDS] features, [frames] labels), one per utterance."""
    found = []
    for _, utterance, spans in spoken:
        rate, samples, shift = utterance.rate, utterance.samples, 0
        if not clean:
            samples, shift = spoil(samples, rate, random)
            # Played faster or slower: other throats.
            warp = round(random.uniform(0.87, 1.15), 2)
            rate *= warp
            spans = [(name, start / warp, end / warp) for name, start, end in spans]
        frames = mel_frames(samples.astype(np.float32), rate)
        moved = [(name, start + shift / rate, end + shift / rate) for name, start, end in spans]
        start_db = random.uniform(-40, -15)
        features = normalize(frames, levels(loudness_db(frames), start_db))
        found.append((features, frame_labels(moved, len(frames))))
    if not clean:
        for _ in range(len(spoken) // 20):
            length = 3 * 16000
            sound = noise(random, length) * 10 ** (random.uniform(-75, -35) / 20)
            frames = mel_frames(sound.astype(np.float32), 16000)
            features = normalize(frames, levels(loudness_db(frames), random.uniform(-55, -20)))
            found.append((features, np.zeros(len(frames), np.int64)))
    return found


def with_context(features: np.ndarray, ahead: int) -> np.ndarray:
    """[frames, BANDS] to [frames, offsets * BANDS]; frames beyond either end and beyond `ahead` repeat the last."""
    index = np.arange(len(features))[:, None] + np.minimum(OFFSETS, ahead)
    return features[np.clip(index, 0, len(features) - 1)].reshape(len(features), -1)


class VoiceNetwork(nn.Module):
    """[n, offsets * BANDS] to [n, visemes] logits."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(len(OFFSETS) * BANDS, HIDDEN)
        self.out = nn.Linear(HIDDEN, len(VISEMES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(self.hidden(x)))


def quantize(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[rows, columns] to int8 and [rows] scales."""
    scale = np.abs(weight).max(axis=1) / 127 + 1e-12
    return np.round(weight / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def write(network: VoiceNetwork) -> None:
    """Both layers: int8 rows, then float32 scales and biases; base64."""
    data = b""
    for layer in (network.hidden, network.out):
        rows, scale = quantize(layer.weight.detach().numpy())
        bias = layer.bias.detach().numpy().astype(np.float32)
        data += rows.tobytes() + scale.tobytes() + bias.tobytes()
    text = base64.b64encode(data).decode()
    lines = "\n".join(f'    "{text[at : at + 108]}" +' for at in range(0, len(text), 108))[:-2]
    TARGET.write_text(
        "/** Generated by `python -m training.voice.train`: the network that hears visemes. Do not edit. */\n"
        "\n"
        "/** Frames that it sees, from the one that is judged. */\n"
        f"export const ContextOffsets: readonly number[] = {OFFSETS};\n"
        "/** Units of the hidden layer. */\n"
        f"export const HiddenCount = {HIDDEN};\n"
        "/** Per layer: int8 weights [rows, columns], float32 scales [rows] and biases [rows]; base64. */\n"
        f"export const NetworkBase64 =\n{lines};\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="folder that keeps the spoken corpus")
    parser.add_argument("--rounds", type=int, default=2, help="times that all speech is spoiled anew")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)  # a second one only waits on a machine that others use
    random = np.random.default_rng(1)
    corpus = {}
    for name, judging, each, seed in (("learn", False, 32, 1000), ("judge", True, 10, 5000)):
        file = options.cache / f"{name}.pickle"
        if not file.exists():
            file.write_bytes(pickle.dumps(list(speak_all(judging, each, seed))))
        corpus[name] = pickle.loads(file.read_bytes())

    # Voices that come from recordings are few and count more.
    recorded = [one for one in corpus["learn"] if one[0] in {voice for voice, *_ in LEARNING_RECORDED}]
    spoken = options.rounds * (corpus["learn"] + 2 * recorded)
    learn = examples(spoken, random)
    features = np.concatenate([np.concatenate([with_context(f, LIVE_AHEAD), with_context(f, 99)]) for f, _ in learn])
    labels = np.concatenate([np.concatenate([label, label]) for _, label in learn])
    x, y = torch.from_numpy(features.astype(np.float16)), torch.from_numpy(labels)
    share = np.bincount(labels, minlength=len(VISEMES)) / len(labels)
    weights = torch.from_numpy((share.mean() / share) ** 0.5).float()
    network = VoiceNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    batch = 2048
    steps = options.epochs * len(x) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps + 1)
    print(f"{len(x)} frames, {steps} steps", flush=True)
    for step in range(steps):
        pick = torch.randint(len(x), (batch,))
        loss = nn.functional.cross_entropy(network(x[pick].float()), y[pick], weight=weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 0:
            print(step, float(loss.detach()), flush=True)
    for clean in (True, False):
        for ahead in (LIVE_AHEAD, 99):
            report(network, examples(corpus["judge"], np.random.default_rng(2), clean), ahead, corpus["judge"], clean)
    torch.save(network.state_dict(), options.cache / "network.pt")
    if options.write:
        write(network)


def report(network: VoiceNetwork, judged, ahead: int, spoken, clean: bool) -> None:
    """Frames that are right, of all and per viseme, for synthetic and recorded voices."""
    for name, recorded in (("espeak", False), ("recorded", True)):
        pairs = [pair for pair, (voice, *_) in zip(judged, spoken) if (voice == "rms") == recorded]
        y = np.concatenate([label for _, label in pairs])
        with torch.no_grad():
            logits = network(torch.from_numpy(np.concatenate([with_context(f, ahead) for f, _ in pairs])))
        guess = logits.argmax(1).numpy()
        each = " ".join(f"{v} {(guess[y == i] == i).mean():.2f}" for i, v in enumerate(VISEMES) if (y == i).any())
        print(f"{name} {'clean' if clean else 'spoiled'} ahead {ahead}: {(guess == y).mean():.3f}; {each}", flush=True)


if __name__ == "__main__":
    main()
