"""Write tests/fixtures/drivers.json: small driver networks of both kinds as the exporter writes them, and what ONNX
Runtime makes of them.

    python -m training.export.write_driver_fixture

The browser's own shaders are checked against it. Inputs are drawn as in probe.py."""

import base64
import json
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from ..models.blocks import fold_batch_norm, upsample
from ..models.driver import DriverConfig, build_driver
from .export_onnx import ROOT, trace, write_part
from .graphs import GraphSpec
from .probe import graph_probe

SIZE = 16  # of the position map
CONFIGS = {
    "light": DriverConfig(kind="light", identity_channels=6, widths=(8, 12, 20)),
    # 6 + 3 channels: pad_channels.py has work
    "plain": DriverConfig(kind="plain", identity_channels=6, widths=(6, 8, 12)),
}


class DriverGraph(nn.Module):
    """As `graphs.DriverGraph`, without the rest of an avatar: [1, C, h, w], [1, 3, P, P] -> [1, 14, H, W]."""

    def __init__(self, config: DriverConfig, scale: int):
        super().__init__()
        self.driver = build_driver(config, SIZE)
        self.scale = scale
        self.register_buffer("delta_unit", torch.rand(14, 1, 1) + 0.5)

    def forward(self, identity_features: Tensor, position_map: Tensor) -> Tensor:
        return upsample(self.driver(identity_features, position_map) * self.delta_unit, self.scale)


def fixture(kind: str, folder: Path) -> dict:
    torch.manual_seed(3)
    config = CONFIGS[kind]
    module = DriverGraph(config, 2 if kind == "light" else 1).eval()
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and "unit" not in name:
            tensor.uniform_(0.5, 1.5) if name.endswith("running_var") else tensor.normal_(std=0.15)
    module = fold_batch_norm(module).requires_grad_(False)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().float())
    edge = SIZE // 2 if kind == "light" else SIZE
    inputs = {"identity_features": (1, config.identity_channels, edge, edge), "position_map": (1, 3, SIZE, SIZE)}
    spec = GraphSpec("driver", "driver", module, inputs, ("delta_map",))
    model = trace(spec)
    outputs = {o.name: [d.dim_value for d in o.type.tensor_type.shape.dim] for o in model.graph.output}
    write_part([spec], [model], {k: v for k, v in module.state_dict().items() if v.is_floating_point()}, folder)
    probe = graph_probe(folder, {"file": "driver.onnx", "inputs": inputs, "outputs": outputs})
    read = lambda name: base64.b64encode((folder / name).read_bytes()).decode()
    return {"onnx": read("driver.onnx"), "data": read("driver.data"), "inputs": inputs, "output": probe["delta_map"]}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        fixtures = {kind: fixture(kind, Path(folder)) for kind in CONFIGS}
    path = ROOT / "tests/fixtures/drivers.json"
    path.write_text(json.dumps(fixtures, separators=(",", ":")) + "\n")
    print(f"{path.relative_to(ROOT)} {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
