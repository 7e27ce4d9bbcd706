"""How each VALID person differs from the average in making an expression, in ARKit terms, on the open head's skin."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..headmodel.model import HeadModel
from .fit import Fit, Skin, transfer

TRUSTED = ("good", "approx")
# the lids' path follows from each person's own opening (synth/people.py)
MEASURED_LIDS = ("eyeBlinkLeft", "eyeBlinkRight")


def personal_expressions(root: Path, model: HeadModel, skin: Skin, fitted: Fit) -> np.ndarray:
    """Displacements [P,E,V,3] f16, meters: each person's mapped VALID morphs minus their mean over all people; 0 where
    VALID has none."""
    table = json.loads((root / "valid" / "arkit_map.json").read_text())["map"]
    data = np.load(root / "valid" / "valid_head.npz")
    morphs = [str(n) for n in data["face_morph_names"]]
    residual, scale = data["face_morph_residual_q"], float(data["face_morph_residual_scale"])
    people = residual.shape[2]
    out = np.zeros((people, len(model.expressions), len(model.template), 3), np.float16)
    for index, name in enumerate(model.expressions):
        entry = table.get(name)
        if entry is None or entry["quality"] not in TRUSTED or not entry["face"]:
            continue
        # [3,P,N]
        own = sum(weight * residual[morphs.index(m)].astype(np.float32) for m, weight in entry["face"]) * scale
        own = own.transpose(1, 2, 0)
        own -= own.mean(0)  # rounding leaves a little
        field = transfer(fitted, own)
        if name in MEASURED_LIDS:
            lids = np.zeros(len(model.template), bool)
            lids[model.faces[model.face_region == model.regions.index("lids")]] = True
            field[:, lids[skin.index]] = 0
        out[:, index, skin.index] = field
    return out
