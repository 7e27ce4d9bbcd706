"""The targets in dB on every held-out draw, not only on those that the nets look at: the mouth's gain over 36 draws is
known within 0.3 dB.

A draw is one sample file: a person with hair, light, camera and two expressions; its views count as one."""

from collections.abc import Iterator
from pathlib import Path

from ..models.landmarks import Landmarks
from ..samples import read_sample
from .captures import sample_capture
from .frames import Frame, Truth, head_values
from .paired import ByPerson, Table
from .puppets import Puppeteer
from .studies import ORACLE, ORACLE_STILL, PERFECT, SKINNED, photo_row

MANY = 4  # photos


def frames(model: Puppeteer, landmarks: Landmarks, folder: Path) -> Iterator[Frame]:
    """Two views of every draw from one photo and from four, and by skinning alone, with true deltas and from true maps:
    `head_values`."""
    for file in sorted(folder.glob("*.npz")):
        sample = read_sample(file)
        for count in (1, MANY) if len(sample["photos"]) >= MANY else (1,):
            capture = sample_capture(sample, file.stem, count)
            puppet = model.of(capture, count)
            for shot in capture.shots:
                truth = Truth.of(landmarks, capture, shot)
                rows = {photo_row(count): model.draw(puppet, shot)}
                if count == 1:
                    rows[SKINNED] = model.draw(puppet, shot, driven=False)
                    rows[PERFECT] = model.splat(puppet.static, model.true_delta(capture, shot), shot)
                    rows[ORACLE] = model.oracle(capture, shot)
                    rows[ORACLE_STILL] = model.splat(capture.static, None, shot)
                for row, picture in rows.items():
                    frame = truth.frame("draws", row, file.stem, picture)
                    frame.values |= head_values(frame)
                    yield frame


def measure(model: Puppeteer, landmarks: Landmarks, folder: Path) -> dict[str, Table]:
    """Means over draws of every row, and the differences that the targets are about, draw by draw."""
    by_draw = ByPerson(frames(model, landmarks, folder), ("psnr_masked", "mouth_psnr"))
    over_skinning = by_draw.over(SKINNED, (photo_row(1), PERFECT)) | by_draw.over(ORACLE_STILL, (ORACLE,))
    return {
        "rows": by_draw.rows(),
        "over skinning alone": over_skinning,
        "over 1 photo": by_draw.over(photo_row(1), (photo_row(MANY),)),
    }
