"""Speech with phoneme times from the espeak-ng library, the truth of the voice network and of its tests.

espeak-ng is a tool (GPL); only what it says is used. Debian: `apt-get install espeak-ng libespeak-ng1`.
"""

import ctypes
from dataclasses import dataclass
from functools import cache

import numpy as np

RETRIEVAL = 1  # samples go to the callback, none to a device
PHONEME_EVENTS, PHONEME_IPA = 1, 2
EVENT_END, EVENT_PHONEME = 0, 7
UTF8 = 1
RATE, RANGE = 1, 4  # parameters of espeak_SetParameter; pitch is 3
PITCH = 3


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Phone:
    """One phoneme, IPA or the synthesiser's own name; times in seconds."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Utterance:
    """Mono samples, -1 to 1, and who says what when."""

    samples: np.ndarray  # [n] float32
    rate: int
    phones: list[Phone]


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    library = ctypes.CDLL("libespeak-ng.so.1")
    rate = library.espeak_Initialize(RETRIEVAL, 0, None, PHONEME_EVENTS | PHONEME_IPA)
    if rate < 0:
        raise RuntimeError("espeak-ng does not start; is espeak-ng-data installed?")
    return library, rate


def say(text: str, voice: str = "en-us", words_per_minute: int = 165, pitch: int = 50) -> Utterance:
    """Speaks `text`. `voice` is a language, with a variant behind a plus: `en-us+f3`.

    Raises RuntimeError for a voice that espeak-ng does not have.
    """
    library, rate = _library()
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise RuntimeError(f"espeak-ng has no voice {voice}.")
    library.espeak_SetParameter(RATE, words_per_minute, 0)
    library.espeak_SetParameter(PITCH, pitch, 0)
    chunks: list[np.ndarray] = []
    starts: list[tuple[float, str]] = []

    def take(samples, count, events):
        index = 0
        while events[index].type != EVENT_END:
            if events[index].type == EVENT_PHONEME:
                starts.append((events[index].audio_position / 1000, events[index].id.decode("utf-8", "ignore")))
            index += 1
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).astype(np.float32) / 32768)
        return 0

    callback = _Callback(take)
    library.espeak_SetSynthCallback(callback)
    data = text.encode()
    library.espeak_Synth(data, len(data) + 1, 0, 1, 0, UTF8, None, None)
    library.espeak_Synchronize()
    samples = np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
    ends = [start for start, _ in starts[1:]] + [len(samples) / rate]
    phones = [Phone(name, start, end) for (start, name), end in zip(starts, ends, strict=True) if end > start]
    return Utterance(samples, rate, phones)
