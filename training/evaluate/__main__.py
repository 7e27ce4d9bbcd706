"""Evaluate a model: one command, every metric, JSON and a page with pictures.

    python -m training.evaluate --install        # once: MediaPipe and the recognition nets, under training/cache
    python -m training.evaluate                  # the committed weights
    python -m training.evaluate --checkpoint training/runs/nano-128/last.pt --quick

Writes training/results/evaluation.json, and under training/runs/evaluation (not committed) report.html and frames.json,
the values of every frame. Held-out sets are the folders `held-out*` of the sample cache, and `held-out-people` beside
it: `python -m training.samples` and `python -m training.synth.held_out_people` make them."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from ..headmodel.model import HeadModel
from ..losses.perceptual import PerceptualDistance
from ..models.avatar import Avatar, ModelConfig
from ..models.landmarks import Landmarks
from ..samples import CACHE
from ..synth.generator import Generator
from ..synth.skins import default_data_root
from . import draws, metrics, real_photos, report, results, studies
from .captures import read_set, sitters
from .frames import Frame, measure, table
from .held_out import HeldOut
from .observers import Observers
from .puppets import Puppeteer
from .studies import Plan

ROOT = Path(__file__).parents[2]


def load_model(config: str, checkpoint: Path | None) -> tuple[Avatar, int]:
    """A model in evaluation mode with its training step: a checkpoint, or the committed weights."""
    from ..export.load_weights import load_released

    avatar = Avatar(ModelConfig.load(config)).eval()
    if checkpoint:
        state = torch.load(checkpoint, weights_only=True)
        avatar.load_state_dict(state["model"])
        return avatar, state["step"]
    load_released(avatar, ROOT / "assets/models" / config)
    return avatar, json.loads((ROOT / "assets/models/models.json").read_text())["models"][config]["step"]


def photo_files(count: int) -> list[Path]:
    """Evenly chosen photos of shared/data/photos; none without the folder."""
    root = default_data_root()
    files = sorted((root / "photos").glob("*.jpg")) if root else []
    return (
        [files[i] for i in np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int)] if files else []
    )


def columns(frames: list[Frame]) -> dict[str, list[np.ndarray]]:
    """Pictures for the report: what was wanted and every row, one view of a person below the other."""
    views: dict[tuple, dict[str, np.ndarray]] = {}
    counts: dict[tuple, int] = {}
    for f in frames:
        drawn = (f.row, f.subject, f.condition)
        counts[drawn] = counts.get(drawn, -1) + 1
        view = views.setdefault((f.subject, f.condition, counts[drawn]), {})
        if f.truth is None:
            view |= {"photo": f.person, "driver": f.motion}
        view.setdefault("truth", f.shown if f.truth is None else f.truth)
        if f.row != studies.SELF:
            view[f.row] = f.picture
    titles = max(views.values(), key=len)
    whole = [view for view in views.values() if view.keys() == titles.keys()]
    chosen = whole[:: -(-len(whole) // report.PICTURES)]
    return {title: [view[title] for view in chosen] for title in titles}


def evaluate(
    avatar: Avatar, step: int, cache: Path, plan: Plan, observers: Observers, head: HeadModel | None = None
) -> tuple[dict, dict, list]:
    """Results (see results.py), pictures by study, and one entry per frame."""
    head = head or HeadModel.load()
    model, landmarks = Puppeteer(avatar, head), Landmarks(head)
    missing = dict(observers.missing)
    try:
        net = PerceptualDistance()
    except RuntimeError as error:
        net, missing["perceptual"] = None, str(error)
    folders = [f for f in (*sorted(cache.glob("held-out*")), cache.parent / "held-out-people") if any(f.glob("*.npz"))]
    folders = sorted({f.name: f for f in folders}.values())  # of two with one name the last
    if not folders:
        raise FileNotFoundError(f"{cache} has no held-out samples: run `python -m training.samples` first")
    sets = {folder.name: read_set(folder, plan.identities) for folder in folders}
    generator = Generator(head)
    seated = sitters(generator, plan.sitters)
    out: dict = {
        "format": 1,
        "model": {
            "config": avatar.config.name,
            "step": step,
            "parameters": sum(p.numel() for p in avatar.parameters()),
        },
        "nets": observers.names | ({} if net is None else {"perceptual": net.name}),
        "missing": missing,
        "sitters": [sitter.name for sitter in seated],
        "sets": {name: len(samples) for name, samples in sets.items()},
        "notes": results.NOTES,
        "studies": {},
    }
    pictures, each = {}, []
    jobs = [studies.self_reenactment(model, landmarks, samples, name) for name, samples in sets.items()]
    jobs += [
        studies.cross_reenactment(model, landmarks, seated),
        studies.yaw_sweep(model, landmarks, seated, plan.sweep_yaws),
    ]
    jobs += [studies.robustness(model, landmarks, seated, plan)]
    start = time.monotonic()
    for job in jobs:
        frames = list(job)
        measure(frames, observers, net)
        for study in dict.fromkeys(f.study for f in frames):
            part = [f for f in frames if f.study == study]
            out["studies"][study] = table(part)
            pictures[study] = columns(part)
            each += [
                {"study": study, "row": f.row, "subject": f.subject, "condition": f.condition, **f.values} for f in part
            ]
            print(f"{time.monotonic() - start:6.0f} s  {study}: {len(part)} frames", flush=True)
    out["draws"] = {}
    for folder in folders:
        out["draws"][folder.name] = draws.measure(model, landmarks, folder)
        print(f"{time.monotonic() - start:6.0f} s  all draws of {folder.name}", flush=True)
    rows = studies.temporal(model, seated[: plan.clips], plan.clip_frames)
    out["temporal"] = {row: {name: metrics.summary(v) for name, v in values.items()} for row, values in rows.items()}
    out["permutation"] = studies.permutation(model, next(iter(sets.values()))[: plan.permuted])
    out["driver"] = HeldOut(folders[0], plan.identities).driver(avatar)
    print(f"{time.monotonic() - start:6.0f} s  temporal, permutation, driver", flush=True)
    files = photo_files(plan.real_photos)
    if files and not missing.keys() & {"tracker", "fit"}:
        out["real_photos"], pictures["real_photos"] = real_photos.check(model, landmarks, observers, files)
        print(f"{time.monotonic() - start:6.0f} s  real photos: {len(files)}", flush=True)
    elif not files:
        missing["real_photos"] = "shared/data/photos is not at hand"
    out["training"] = results.state_rows((ROOT / "training/STATE.md").read_text())
    ablations = ROOT / "training/results/ablations.json"
    if ablations.exists():
        out["ablations"] = json.loads(ablations.read_text())
    out["targets"] = results.targets(out)
    return out, pictures, each


def main() -> None:
    parser = argparse.ArgumentParser(description="Evaluate a model with every metric.")
    parser.add_argument("--install", action="store_true", help="set up the nets that measure, then stop")
    parser.add_argument("--config", help="default: the default of assets/models/models.json")
    parser.add_argument("--checkpoint", type=Path, help="a .pt of training/runs; the committed weights without it")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument(
        "--quick", action="store_true", help="two people per study: shows that everything runs, not how good it is"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "training/results/evaluation.json")
    parser.add_argument("--report", type=Path, default=ROOT / "training/runs/evaluation")
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    if a.install:
        Observers.install()
        return
    torch.set_num_threads(a.threads)
    config = a.config or json.loads((ROOT / "assets/models/models.json").read_text())["default"]
    avatar, step = load_model(config, a.checkpoint)
    out, pictures, each = evaluate(avatar, step, a.cache, Plan.quick() if a.quick else Plan(), Observers())
    results.write(out, a.out)
    a.report.mkdir(parents=True, exist_ok=True)
    (a.report / "report.html").write_text(report.page(out, pictures))
    (a.report / "frames.json").write_text(json.dumps(each))
    for target in out["targets"]:
        value = "not measured" if target["value"] is None else f"{target['value']:.4g} {target['unit']}"
        value += f" ± {target['ci95']:.2g}" if target.get("ci95") is not None else ""
        value += f", true maps {target['truth']:.4g}" if target.get("truth") is not None else ""
        print(f"{target['name']:75}{value:42} wanted {target['cpu']:g} / {target['gpu']:g}")


if __name__ == "__main__":
    main()
