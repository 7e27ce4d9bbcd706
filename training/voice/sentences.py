"""Sentences of our own, made from word lists. Words for learning and words for judging are apart."""

import numpy as np

NOUNS = """baby boat boom map mop pepper poppy paper bubble rabbit cabin robin member summer hammer farm film foam fox
fever fan photo coffee leaf wolf knife river valley oven glove cave movie vowel voice vine village water wood wave
window wheel queen quiz sweater twin moon spoon food fruit school shoe juice tooth blue room stone road coat home goat
phone nose rose bone door horse storm ball law sauce dog song father mother brother thumb thief path bath moth cloth
weather feather tongue table tiger dinner ladder city kitten letter button lady needle candle color school car garden
king cake kick cookie book desk lake sugar sheep ship shell ocean dish chair cheese church teacher kitchen jacket job
jungle badge bridge garage vision pleasure sun sister glass rice zoo lazy music nose rain rope rocket carrot mirror
railway arrow lemon lamp yellow lily hill apple cat hand fan lantern bell egg pen head bread seed tree green week field
fish bit ring king wing luck cup bus money onion year yard yogurt house hat hotel towel cloud mouse boy toy coin oil
light night pie sky time name day train plate bird nurse girl world work pear hair square ear beer deer""".split()

VERBS = """buys brings builds moves makes meets mops paints pulls pushes puts beeps bumps finds feels fills follows
forgets fixes loves leaves saves solves gives drives waves wants watches washes whispers wins opens owns holds throws
shows blows chooses cools proves thinks thanks breathes bathes takes tells teaches turns dreams drops digs keeps kicks
calls carries gets goes sings sees sews sells zips shines shakes shops chews chases jumps joins judges runs reads rides
rolls raises likes looks leads lets needs knows notes hears helps hides heats hurries yells yawns""".split()

ADJECTIVES = """big bold bumpy brave pink plump pale proper muddy modern middle famous funny fluffy fine fifth very
vivid velvet heavy warm wet wild wise white old open slow low round loud proud cool true new thin thick third other
tiny tall tender dusty dear deep cold keen quick kind great green good sweet soft sandy silly sharp shy cheap
rich huge gentle giant red rough rare right little light long lovely nice noisy narrow near happy hungry hot young
yellow early easy even empty angry ancient orange awful""".split()

LINKS = """above below before beside beyond behind by from for of off over on under into onto through with without
within near along across around after and but or while because if when""".split()

STARTS = """the a my your our his her their this that every some no one two three four five six seven eight nine ten
maybe please why how who where oh well so now then hello yes""".split()


def _split(words: list[str], judging: bool) -> list[str]:
    """Every fourth word, by its letters, is for judging."""
    return [word for word in words if (sum(map(ord, word)) % 4 == 0) == judging]


def make_sentences(count: int, seed: int, judging: bool) -> list[str]:
    """`count` sentences of seven to nine words; the same seed gives the same sentences."""
    random = np.random.default_rng(seed)
    nouns, verbs, adjectives = (_split(words, judging) for words in (NOUNS, VERBS, ADJECTIVES))

    def pick(words: list[str]) -> str:
        return words[random.integers(len(words))]

    sentences = []
    for _ in range(count):
        words = [pick(STARTS), pick(adjectives), pick(nouns), pick(verbs), pick(LINKS), pick(STARTS), pick(nouns)]
        if random.random() < 0.5:
            words[2:2] = [pick(adjectives)]
        if random.random() < 0.5:
            words += [pick(LINKS), pick(nouns)]
        mark = random.random()
        if mark < 0.3:
            middle = len(words) // 2
            words[middle] += ","
        sentences.append(" ".join(words).capitalize() + ("?" if mark > 0.85 else "."))
    return sentences
