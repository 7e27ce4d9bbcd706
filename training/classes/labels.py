"""Labels of the portraits in shared/data/photos: `python -m training.classes.labels` asks the teacher once and writes
training/cache/classes/portraits (git-ignored, as everything made of those pictures). The network that ships was trained
with labels whose matte was MediaPipe's selfie segmentation alone (`matte` of assets/models/face); a new run takes the
page's."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from ..evaluate.observers import Observers
from ..refine.portraits import prepare
from ..synth.skins import default_data_root
from .dataset import Portrait
from .portraits import TEACHER_SIZE, Labelled, Teacher, classes_of
from .samples import FOLDER
from .vocabulary import UNKNOWN

MOST_UNKNOWN = 0.4  # of a portrait's pixels
PORTRAITS, SOLVED = FOLDER / "portraits", FOLDER / "solved"


def load_labels() -> list[Labelled]:
    """All labelled portraits, in the order of their numbers."""
    out = []
    for path in sorted(PORTRAITS.glob("*.npz")):
        data = np.load(path)
        size = len(data["image"])
        mask = np.asarray(
            Image.fromarray(data["mask"].astype(np.float32)).resize((size, size), Image.Resampling.BILINEAR)
        )
        label = classes_of(data["agreed"], data["landmarks"], mask)
        out.append(Labelled(path.stem, data["image"], data["inside"], label, mask, data["agreed"]))
    return out


def load_portraits(wanted: Callable[[str], bool]) -> list[Portrait]:
    """What training needs of the portraits whose names are `wanted`; made once, as solving mattes takes a second each.
    Those of which much is unknown are left out: teacher and matte take their background for skin, and a network learns
    that by heart."""
    out, names = [], [p.stem for p in sorted(PORTRAITS.glob("*.npz")) if wanted(p.stem)]
    SOLVED.mkdir(parents=True, exist_ok=True)
    missing = {name for name in names if not (SOLVED / f"{name}.npz").exists()}
    for labelled in load_labels() if missing else []:
        if labelled.name in missing:
            np.savez(SOLVED / f"{labelled.name}.npz", **vars(Portrait.of(labelled)))
    for name in names:
        data = np.load(SOLVED / f"{name}.npz")
        out.append(Portrait(**{key: data[key] for key in data.files}))
    return [p for p in out if (p.label == UNKNOWN)[p.inside].mean() < MOST_UNKNOWN]


def main() -> None:
    root = default_data_root()
    observers = Observers()
    if root is None or observers.missing.keys() & {"tracker"}:
        raise SystemExit(f"the portraits need shared/data and the face tracker: {observers.missing}")
    teacher = Teacher(root)
    PORTRAITS.mkdir(parents=True, exist_ok=True)
    for portrait in prepare(sorted((root / "photos").glob("*.jpg")), observers, 64):
        picture = Image.fromarray((255 * portrait.image.transpose(1, 2, 0) + 0.5).astype(np.uint8))
        image = np.asarray(picture.resize((TEACHER_SIZE, TEACHER_SIZE), Image.Resampling.BOX))
        inside = (
            np.asarray(Image.fromarray(portrait.inside).resize((TEACHER_SIZE, TEACHER_SIZE), Image.Resampling.BOX))
            > 0.99
        )
        np.savez_compressed(
            PORTRAITS / f"{portrait.name}.npz",
            image=image,
            inside=inside,
            agreed=teacher.agreed(image),
            mask=portrait.mask.astype(np.float16),
            landmarks=portrait.landmarks,
        )


if __name__ == "__main__":
    main()
