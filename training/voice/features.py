"""Sound to log-mel frames: what the voice network sees. Twin: src/runtime/voice/melFrames.ts."""

from functools import cache

import numpy as np

BANDS = 24
LOW_HZ, HIGH_HZ = 100.0, 7400.0
WINDOW_S, HOP_S = 0.025, 0.01
SILENCE = 1e-9
"""Added to band power, about -90 dB of full scale."""


def _mel(hz):
    return 2595 * np.log10(1 + np.asarray(hz) / 700)


@cache
def _plan(rate: int):
    length = round(WINDOW_S * rate)
    size = 1 << (length - 1).bit_length()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(length) + 0.5) / length)
    edges = 700 * (10 ** (np.linspace(_mel(LOW_HZ), _mel(HIGH_HZ), BANDS + 2) / 2595) - 1)
    hz = np.arange(size // 2 + 1) * rate / size
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    filters = np.maximum(0, np.minimum((hz - left) / (middle - left), (right - hz) / (right - middle)))
    # Mean power of a band where the file has it; a full-scale sine has about 1 in its band.
    filters = filters * 2 / (window.sum() ** 2)
    return length, size, window, filters


def mel_frames(samples: np.ndarray, rate: int) -> np.ndarray:
    """[n] samples to [frames, BANDS] log10 power. Frame i is centred at `frame_time(i)`; only whole windows count."""
    length, size, window, filters = _plan(rate)
    count = max(0, 1 + int((len(samples) - length) / (HOP_S * rate)))
    starts = np.floor(np.arange(count) * HOP_S * rate + 1e-6).astype(int)
    frames = samples[starts[:, None] + np.arange(length)] * window
    power = np.abs(np.fft.rfft(frames, size, axis=1)) ** 2
    return np.log10(power @ filters.T + SILENCE).astype(np.float32)


def frame_time(index):
    """Seconds of a frame's centre."""
    return np.asarray(index) * HOP_S + WINDOW_S / 2


# The loudness of the speaker, a peak that sinks, makes frames independent of the microphone's gain.
START_LEVEL_DB, LOWEST_LEVEL_DB, SINKS_DB = -30.0, -55.0, 0.06
MIDDLE_DB, SPREAD_DB, CLIP = 25.0, 20.0, 2.0


def loudness_db(frames: np.ndarray) -> np.ndarray:
    """[frames] power of all bands in dB of [frames, BANDS] log10 power."""
    return (10 * np.log10((10.0**frames).sum(axis=1))).astype(np.float32)


def levels(loudness: np.ndarray, start_db: float = START_LEVEL_DB) -> np.ndarray:
    """[frames] level of the speaker in dB at each frame, from what was heard until then."""
    level, result = start_db, np.empty_like(loudness)
    for index, value in enumerate(loudness):
        level = max(LOWEST_LEVEL_DB, float(value), level - SINKS_DB)
        result[index] = level
    return result


def normalize(frames: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Band power relative to the speaker's level, about -2..2."""
    return np.clip((10 * frames - level[:, None] + MIDDLE_DB) / SPREAD_DB, -CLIP, CLIP).astype(np.float32)
