"""Quality on identities that training never saw: a new view with a new expression, splatted and compared inside the
head's mask.

    python -m training.evaluate.held_out --checkpoint training/runs/nano-128/last.pt   # results/nano-128.json

Rows: one photo with the landmark fit's anchors and prior · the same where photo and new view are within 60 degrees of
the front · one photo without fit · four photos · `oracle`, the ground-truth maps splatted
(the most that Gaussians of this atlas can give) · `floor`, the mean color of the photo's head everywhere on the
target's mask · `driver`, its error relative to a delta of zero."""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..export.load_weights import load_released
from ..held_out import HeldOut, double
from ..models.avatar import Avatar
from ..models.config import ModelConfig
from ..samples import CACHE

ROOT = Path(__file__).parents[2]


def contact_sheet(held_out: HeldOut, avatar: Avatar, path: Path, rows: int = 6) -> None:
    """Input photo · true new view · ours · oracle, and the true and predicted UV colors, one identity per row."""
    avatar.eval()
    pictures = []
    for s in held_out.samples[:rows]:
        static, deltas, _ = held_out.predict(avatar, s, 1, True)
        oracle = held_out._render(s, s.static, double(s.deltas[0]), 0)
        row = [
            s.photos[0],
            s.targets[0],
            held_out._render(s, static, deltas[0], 0),
            oracle,
            s.static[4:7],
            static[4:7],
        ]
        pictures.append(np.concatenate(row, axis=2))
    sheet = np.concatenate(pictures, axis=1).clip(0, 1).transpose(1, 2, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((sheet * 255).round().astype(np.uint8)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Score a model on held-out identities.")
    parser.add_argument("--config", default="nano-128")
    parser.add_argument("--checkpoint", type=Path, help="a .pt of training/runs; the committed weights without it")
    parser.add_argument("--identities", type=int, default=32)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--out", type=Path, help="results file; training/results/<config>.json without it")
    parser.add_argument("--sheet", type=Path, help="also write a contact sheet here")
    a = parser.parse_args()
    avatar = Avatar(ModelConfig.load(a.config)).eval()
    if a.checkpoint:
        state = torch.load(a.checkpoint, weights_only=True)
        avatar.load_state_dict(state["model"])
        step = state["step"]
    else:
        load_released(avatar, ROOT / "assets/models" / a.config, may_lack=True)
        step = json.loads((ROOT / "assets/models/models.json").read_text())["models"][a.config]["step"]
    held_out = HeldOut(a.cache / "held-out", a.identities)
    results = {"config": a.config, "step": step, "identities": len(held_out.samples), "rows": held_out.table(avatar)}
    out = a.out or ROOT / "training/results" / f"{a.config}.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=4) + "\n")
    for name, row in results["rows"].items():
        print(f"{name:24}" + "  ".join(f"{k} {v:.2f}" for k, v in row.items()))
    if a.sheet:
        contact_sheet(held_out, avatar, a.sheet)


if __name__ == "__main__":
    main()
