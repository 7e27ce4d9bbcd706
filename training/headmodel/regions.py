"""Groups of the head model's regions that losses and tables speak of."""

DELTA_REGIONS = {
    "lids": ("lids",),
    "lips": ("lips",),
    "mouth": ("mouthInterior", "teethUpper", "teethLower", "tongue"),
    "eyes": ("eyeLeft", "eyeRight"),
    "face": ("face", "scalp", "neck", "ears"),
}
MOUTH = DELTA_REGIONS["lips"] + DELTA_REGIONS["mouth"]
