"""The driver, the network of every frame: identity features and position map to delta map, equations 6 and 7."""

from torch import nn

from .config import DriverConfig
from .ours.light_driver import LightDriver
from .paper import UNet


def build_driver(config: DriverConfig, position_map_size: int) -> nn.Module:
    """The network that `config.kind` names: `plain` is the paper's UNet, `light` is ours. Raises ValueError for an
    unknown kind."""
    if config.kind == "light":
        return LightDriver(config, position_map_size)
    if config.kind == "plain":
        return UNet(config.identity_channels, config.widths)
    raise ValueError(f"driver kind {config.kind!r} is neither light nor plain")
