"""The classes, in the order of the network's output, and the sizes of its pictures."""

HAIR, FACE, BODY, CLOTHES, BACKGROUND = range(5)
NAMES = ("hair", "faceSkin", "bodySkin", "clothes", "background")
UNKNOWN = 255  # a pixel whose class nobody knows
INPUT = 320  # pixels of the network's picture
STORED = 320  # pixels of stored samples
COLORS = ((200, 60, 160), (240, 190, 150), (220, 130, 80), (70, 110, 220), (40, 40, 40))  # for pictures of class maps
