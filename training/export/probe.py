"""Write into models.json a few outputs of each graph for known inputs, with which the browser checks a backend before
it trusts it.

    python -m training.export.probe --config nano-128

The k-th input is drawn from seed k (sample_input.py, src/runtime/models/probe.ts)."""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime

from .sample_input import lcg_values

POSITIONS = 24  # per output; a wrong convolution shows in nearly every value behind it


def graph_probe(root: Path, entry: dict) -> dict:
    """Flat indices and values, by output, of one graph of the manifest, as ONNX Runtime computes them on the CPU."""
    inputs = {
        key: lcg_values(k, int(np.prod(shape))).reshape(shape)
        for k, (key, shape) in enumerate(entry["inputs"].items(), 1)
    }
    session = onnxruntime.InferenceSession(str(root / entry["file"]), providers=["CPUExecutionProvider"])
    probe = {}
    for key, value in zip(entry["outputs"], session.run(list(entry["outputs"]), inputs)):
        index = (np.arange(POSITIONS) + 0.5) / POSITIONS * value.size  # inside: borders are often constant
        index = index.astype(int)
        probe[key] = {"index": index.tolist(), "value": [float(f"{v:.6g}") for v in value.flat[index]]}
    return probe


def add_probes(root: Path, manifest: dict, name: str) -> None:
    """Set `probe` of every graph of a model in a manifest."""
    for entry in manifest["models"][name]["graphs"].values():
        entry["probe"] = graph_probe(root, entry)


def main() -> None:
    from .export_onnx import ASSETS, manifest_text

    parser = argparse.ArgumentParser(description="Write the probes of one model into models.json.")
    parser.add_argument("--config", default="nano-128")
    name = parser.parse_args().config
    path = ASSETS / "models.json"
    manifest = json.loads(path.read_text())
    add_probes(ASSETS, manifest, name)
    path.write_text(manifest_text(manifest))


if __name__ == "__main__":
    main()
