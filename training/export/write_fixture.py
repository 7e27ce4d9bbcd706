"""Write tests/fixtures/nano-128.json: outputs of the committed graphs at sampled positions, so that TypeScript can
check its own backend.

    python -m training.export.write_fixture

Inputs are not stored: both languages make them with the generator in sample_input.py (its formula is in the file)."""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime

from .export_onnx import ASSETS, ROOT
from .sample_input import FORMULA, lcg_values

POSITIONS = 200  # per output


def fixture(root: Path, name: str) -> dict:
    """Per graph: the seed and shape of each input; per output its shape, mean, and values at evenly spread flat
    indices."""
    manifest = json.loads((root / "models.json").read_text())["models"][name]
    graphs = {}
    for graph, entry in manifest["graphs"].items():
        seeds = {key: seed for seed, key in enumerate(entry["inputs"], 1)}
        inputs = {
            key: lcg_values(seeds[key], int(np.prod(shape))).reshape(shape) for key, shape in entry["inputs"].items()
        }
        session = onnxruntime.InferenceSession(str(root / entry["file"]), providers=["CPUExecutionProvider"])
        outputs = {}
        for key, value in zip(entry["outputs"], session.run(list(entry["outputs"]), inputs)):
            index = np.linspace(0, value.size - 1, POSITIONS).round().astype(int)
            outputs[key] = {
                "shape": list(value.shape),
                "mean": float(value.mean(dtype=np.float64)),
                "index": index.tolist(),
                "value": [float(f"{v:.7g}") for v in value.flat[index]],
            }
        graphs[graph] = {
            "sha256": entry["sha256"],
            "dataSha256": entry["data"]["sha256"],
            "seeds": seeds,
            "outputs": outputs,
        }
    return {"model": name, "inputs": FORMULA, "tolerance": 1e-3, "graphs": graphs}


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the fixture that the TypeScript tests read.")
    parser.add_argument("--config", default="nano-128")
    a = parser.parse_args()
    path = ROOT / "tests/fixtures" / f"{a.config}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fixture(ASSETS, a.config), separators=(",", ":")) + "\n")
    print(f"{path.relative_to(ROOT)} {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
