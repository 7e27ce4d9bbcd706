"""What the evaluation of refinement keeps of each person, and its sheet."""

import numpy as np
import pytest

from training.evaluate.refined import Kept, rows_of
from training.evaluate.sheet import BAND, HEADINGS, assemble
from training.refine.portraits import Portrait, pack, unpack


def test_results_of_a_person_are_kept_and_told_apart_by_model(tmp_path):
    kept = Kept(tmp_path, "one-1")
    assert kept.read("ann") is None
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    kept.write("ann", {"refined/seam": 1.25, "photo": picture})
    kept.write("bob", {"refined/seam": 0.75, "1 photo/seam": 2.0})
    again = Kept(tmp_path, "one-1")
    people = [again.read(name) for name in ("ann", "bob")]
    assert np.array_equal(people[0]["photo"], picture)
    assert rows_of(people) == {"refined": {"seam": [1.25, 0.75]}, "1 photo": {"seam": [2.0]}}
    assert Kept(tmp_path, "two-1").read("ann") is None
    assert not list(tmp_path.glob("**/*.part.npz")), "nothing unfinished stays"


def test_a_portrait_that_was_kept_is_the_portrait():
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (3, 8, 8)).astype(np.float32) / 255
    inside = (rng.random((8, 8)) > 0.3).astype(np.float32)
    fit = {"rotation": rng.random((3, 3)), "focal": np.array([2.5])}
    given = Portrait(
        "ann", image, inside, rng.random((4, 4)).astype(np.float32), rng.random((478, 2)).astype(np.float32), fit
    )
    back = unpack("ann", pack(given))
    assert back.name == "ann" and np.abs(back.image - image).max() < 1e-6
    assert all(np.array_equal(getattr(back, name), getattr(given, name)) for name in ("inside", "mask", "landmarks"))
    assert back.fit.keys() == fit.keys() and all(np.array_equal(back.fit[name], fit[name]) for name in fit)


@pytest.mark.parametrize(("count", "columns", "size"), [(1, 2, (320, 34)), (5, 2, (320, 74)), (4, 1, (160, 94))])
def test_a_sheet_has_every_row_once(count, columns, size):
    rows = [np.full((20, 20 * len(HEADINGS), 3), 50 + index, np.uint8) for index in range(count)]
    sheet = np.asarray(assemble(rows, columns))
    assert sheet.shape[1::-1] == size
    shown = [int((sheet[BAND:] == 50 + index).all(2).sum()) for index in range(count)]
    assert shown == [20 * 20 * len(HEADINGS)] * count
