"""Phoneme names of two synthesisers in terms of the 15 visemes of Oculus, the classes of the voice network."""

VISEMES = ["sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U"]

# IPA, first match wins: longer spellings first. A diphthong is cut in two, see `parts`.
_IPA = {
    "tʃ": "CH", "dʒ": "CH",
    "p": "PP", "b": "PP", "m": "PP", "f": "FF", "v": "FF", "θ": "TH", "ð": "TH",
    "t": "DD", "d": "DD", "ɾ": "DD", "ʔ": "DD", "k": "kk", "ɡ": "kk", "g": "kk", "ŋ": "kk", "x": "kk", "ç": "kk",
    "ʃ": "CH", "ʒ": "CH", "s": "SS", "z": "SS", "n": "nn", "ɲ": "nn", "l": "nn", "ɫ": "nn", "ɹ": "RR", "r": "RR",
    "ʁ": "kk", "w": "U", "ʍ": "U", "j": "I", "ɑ": "aa", "a": "aa", "ɐ": "aa", "ʌ": "aa", "æ": "aa",
    "ɛ": "E", "e": "E", "ə": "E", "ɜ": "RR", "ɚ": "RR", "ɪ": "I", "i": "I", "ᵻ": "I",
    "ɔ": "O", "o": "O", "ɒ": "O", "ʊ": "U", "u": "U", "y": "U", "ø": "O", "œ": "O",
}  # fmt: skip

# Radio phones of flite's voices.
_FLITE = {
    "pau": "sil", "p": "PP", "b": "PP", "m": "PP", "f": "FF", "v": "FF", "th": "TH", "dh": "TH", "t": "DD", "d": "DD",
    "k": "kk", "g": "kk", "ng": "kk", "ch": "CH", "jh": "CH", "sh": "CH", "zh": "CH", "s": "SS", "z": "SS", "n": "nn",
    "l": "nn", "r": "RR", "er": "RR", "w": "U", "y": "I", "aa": "aa", "ae": "aa", "ah": "aa", "ay": "aa I",
    "aw": "aa U", "ax": "E", "eh": "E", "ey": "E I", "ih": "I", "iy": "I", "ao": "O", "ow": "O U", "oy": "O I",
    "uh": "U", "uw": "U",
}  # fmt: skip

OPEN = "h"
"""Marks a sound without a mouth of its own: h takes the next vowel's."""


def parts_of_ipa(name: str) -> list[str]:
    """Visemes of one IPA phoneme in order: two for a diphthong, none for silence. `OPEN` for h."""
    found = []
    rest = name.replace("ˈ", "").replace("ˌ", "")
    while rest:
        if rest[:2] in _IPA:
            found.append(_IPA[rest[:2]])
            rest = rest[2:]
            continue
        if rest[0] in "hɦ":
            found.append(OPEN)
        elif rest[0] in _IPA:
            found.append(_IPA[rest[0]])
        rest = rest[1:]
    # Of a long or doubled spelling the first and the last count.
    return found[:1] + (found[-1:] if len(found) > 1 and found[-1] != found[0] else [])


def parts_of_flite(name: str) -> list[str]:
    """The same for flite's phones."""
    if name == "hh":
        return [OPEN]
    viseme = _FLITE[name]
    return [] if viseme == "sil" else viseme.split()
