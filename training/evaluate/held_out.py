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

from ..headmodel.model import HeadModel
from ..models.avatar import CHANNELS, Avatar, ModelConfig
from ..models.base_maps import head_texels
from ..samples import CACHE, in_mean_tone, read_sample
from ..synth.raster import render_maps

ROOT = Path(__file__).parents[2]
Sample = dict[str, np.ndarray]


def psnr(picture: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """Masked PSNR in dB of pictures [3, s, s] in 0..1; mask [s, s]."""
    error = ((picture.clip(0, 1) - truth) ** 2 * mask).sum() / (3 * mask.sum())
    return float(-10 * np.log10(max(error, 1e-10)))


def yaw(rotation: np.ndarray) -> float:
    """Degrees that a camera rotation [3, 3] turns the head away from the camera about its vertical."""
    return float(np.degrees(np.arctan2(rotation[0, 2], rotation[2, 2])))


def halve(picture: np.ndarray) -> np.ndarray:
    """[..., s, s] -> [..., s / 2, s / 2] by 2x2 means."""
    h, w = picture.shape[-2:]
    return picture.reshape(*picture.shape[:-2], h // 2, 2, w // 2, 2).mean((-3, -1))


def means(rows: list[dict[str, float]]) -> dict[str, float]:
    """Mean of every score over the rows; empty where there are none."""
    return {key: float(np.mean([row[key] for row in rows])) for key in (rows[0] if rows else ())}


def double(maps: np.ndarray) -> np.ndarray:
    """[..., s, s] -> [..., 2 s, 2 s], nearest."""
    return maps.repeat(2, -2).repeat(2, -1)


class HeldOut:
    """A fixed set of held-out samples and the scores of a model on them."""

    def __init__(self, folder: Path, identities: int):
        files = sorted(folder.glob("*.npz"))[:identities]
        if not files:
            raise FileNotFoundError(f"{folder} is empty: run `python -m training.samples` first")
        self.samples = [read_sample(f) for f in files]
        self.head = HeadModel.load()

    def _render(self, sample: Sample, static: np.ndarray, delta: np.ndarray, k: int) -> np.ndarray:
        camera = (sample["cameras_R"][k], sample["cameras_t"][k], float(sample["cameras_f"][k]))
        return render_maps(
            self.head, static, delta, sample["expressions"][k], sample["poses"][k], *camera, sample["targets"].shape[-1]
        )

    @torch.no_grad()
    def predict(
        self, avatar: Avatar, sample: Sample, photos: int, anchored: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Static map [14, H, W], delta maps [K, 14, H, W], photo coordinates [n, 3, a, a] of a model in evaluation
        mode."""
        tensor = lambda x: torch.from_numpy(x)[None]
        anchors, prior = tensor(sample["anchors_in"][:photos]), tensor(sample["prior_in"])
        if not anchored:
            anchors, prior = torch.zeros_like(anchors), torch.zeros_like(prior)
        r = avatar(tensor(sample["photos"][:photos]), anchors, prior)
        maps = torch.from_numpy(sample["position_maps"])
        delta = avatar.drive(r.identity_features.expand(len(maps), -1, -1, -1), maps)
        return r.static_map[0].numpy(), delta.numpy(), r.photo_coordinates[0].numpy()

    def score(
        self,
        sample: Sample,
        static: np.ndarray,
        deltas: np.ndarray,
        coordinates: np.ndarray | None,
        max_yaw: float = 180,
    ) -> dict[str, float]:
        views = []
        for k, delta in enumerate(deltas):
            if abs(yaw(sample["cameras_R"][k])) > max_yaw:
                continue
            picture, truth = self._render(sample, static, delta, k), sample["targets"][k]
            mask = (sample["target_masks"][k] > 0.5).astype(np.float32)
            views.append((psnr(picture, truth, mask), psnr(halve(picture), halve(truth), halve(mask))))
        valid = sample["valid"]
        true = sample["static"]
        scores = {
            "novel_view_psnr": float(np.mean([v[0] for v in views])),
            "novel_view_psnr_128": float(np.mean([v[1] for v in views])),
            "uv_color_psnr": psnr(static[4:7], true[4:7], valid),
            "position_mm": float((np.linalg.norm(static[:3] - true[:3], axis=0) * valid).sum() / valid.sum() * 1000),
        }
        if coordinates is not None:
            given = sample["anchors_true"][: len(coordinates)]
            distance = np.linalg.norm(coordinates[:, :2] - given[:, :2], axis=1) * sample["photos"].shape[-1]
            scores["xy_px"] = float((distance * given[:, 2]).sum() / given[:, 2].sum())
        return scores

    def evaluate(
        self, avatar: Avatar, photos: int = 1, anchored: bool = True, with_fit_only: bool = False, max_yaw: float = 180
    ) -> dict[str, float]:
        """Means over the held-out identities. `with_fit_only` leaves out those whose landmark fit is absent by design;
        `max_yaw` in degrees leaves out first photos and new views that see the head from farther round. Empty where no
        identity is left."""
        avatar.eval()
        samples = [s for s in self.samples if s["prior_in"][3].any() or not with_fit_only]
        within = lambda rotations: np.array([abs(yaw(r)) <= max_yaw for r in rotations])
        samples = [s for s in samples if within(s["photo_cameras_R"][:1]).all() and within(s["cameras_R"]).any()]
        pick = np.arange(photos)
        rows = [
            self.score(in_mean_tone(s, pick), *self.predict(avatar, s, photos, anchored), max_yaw=max_yaw)
            for s in samples
        ]
        return means(rows)

    def driver(self, avatar: Avatar) -> dict[str, float]:
        """L1 error of the predicted deltas over the error of predicting none, per group of texels (1 = learned
        nothing)."""
        _, table = head_texels(avatar.config.position_map_size)
        names, flat = self.head.regions, table.texel
        groups = {"lids": ("lids",), "lips": ("lips",), "dynamic": tuple(self.head.meta["dynamicRegions"])}
        chosen = {
            name: flat[np.isin(table.region, [names.index(r) for r in regions])] for name, regions in groups.items()
        }
        parts = [(name, part) for name in groups for part in ("position", "color", "log_scale")]
        wrong, still = dict.fromkeys(parts, 0.0), dict.fromkeys(parts, 0.0)
        for sample in self.samples:
            predicted = halve(self.predict(avatar, sample, 1, True)[1])
            for guess, true in zip(predicted, sample["deltas"]):
                for name, part in parts:
                    g, t = (x[CHANNELS[part]].reshape(3, -1)[:, chosen[name]] for x in (guess, true))
                    wrong[name, part] += float(np.abs(g - t).sum())
                    still[name, part] += float(np.abs(t).sum())
        return {f"{name}_{part}_delta_error": wrong[name, part] / still[name, part] for name, part in parts}

    def oracle(self) -> dict[str, float]:
        """The true maps, splatted: what the atlas and flat Gaussians can give at most."""
        return means([self.score(s, s["static"], double(s["deltas"]), None) for s in self.samples])

    def floor(self) -> dict[str, float]:
        values = []
        for s in self.samples:
            photo, shown = s["photos"][0], np.abs(s["photos"][0] - 0.5).max(0) > 0.03
            color = photo[:, shown].mean(1)[:, None, None]
            for truth, mask in zip(s["targets"], s["target_masks"]):
                values.append(psnr(np.broadcast_to(color, truth.shape), truth, (mask > 0.5).astype(np.float32)))
        return {"novel_view_psnr": float(np.mean(values))}

    def table(self, avatar: Avatar) -> dict[str, dict[str, float]]:
        """All rows of the results file."""
        return {
            "one_photo": self.evaluate(avatar),
            "one_photo_within_60_degrees": self.evaluate(avatar, max_yaw=60),
            "one_photo_with_fit": self.evaluate(avatar, with_fit_only=True),
            "one_photo_without_fit": self.evaluate(avatar, anchored=False),
            "four_photos": self.evaluate(avatar, photos=4),
            "driver": self.driver(avatar),
            "oracle": self.oracle(),
            "floor": self.floor(),
        }


def contact_sheet(held_out: HeldOut, avatar: Avatar, path: Path, rows: int = 6) -> None:
    """Input photo · true new view · ours · oracle, and the true and predicted UV colors, one identity per row."""
    from PIL import Image

    avatar.eval()
    pictures = []
    for s in held_out.samples[:rows]:
        static, deltas, _ = held_out.predict(avatar, s, 1, True)
        oracle = held_out._render(s, s["static"], double(s["deltas"][0]), 0)
        row = [
            s["photos"][0],
            s["targets"][0],
            held_out._render(s, static, deltas[0], 0),
            oracle,
            s["static"][4:7],
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
    from ..export.load_weights import load_released

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
