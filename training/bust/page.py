"""The second page of the atlas as the filling wants it: every island a grid of texels, and where its columns and rows
are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..headmodel import asset_file
from ..headmodel.page2 import PAGE_PATH
from ..headmodel.texels import TexelTable, build_texel_table


@dataclass
class Page:
    """Arrays of the page's file; what `build_texel_table` asks of a head model is here by the same names."""

    meta: dict
    template: np.ndarray  # f32 [V,3]
    faces: np.ndarray  # i64 [F,3]
    uv_faces: np.ndarray  # i64 [F,3]
    uv: np.ndarray  # f32 [T,2]
    face_region: np.ndarray  # u8 [F]
    weights: np.ndarray  # f32 [V,5]

    @staticmethod
    def load(path: Path | str = PAGE_PATH) -> Page:
        meta, a = asset_file.read(path)
        return Page(
            meta,
            a["template"],
            a["faces"].astype(np.int64),
            a["uvFaces"].astype(np.int64),
            a["uv"],
            a["faceRegion"],
            a["weights"].astype(np.float32) / 255,
        )

    @property
    def regions(self) -> list[str]:
        return self.meta["regions"]

    @property
    def size(self) -> int:
        """Texels per side."""
        return int(self.meta["mapSize"])

    @cached_property
    def table(self) -> TexelTable:
        return build_texel_table(self, self.size)

    def to_map(self, values: np.ndarray) -> np.ndarray:
        """Values [n,k] of the table's Gaussians -> [size,size,k]."""
        out = np.zeros((self.size**2, values.shape[1]))
        out[self.table.texel] = values
        return out.reshape(self.size, self.size, -1)

    @cached_property
    def base(self) -> np.ndarray:
        """Base points [size,size,3]."""
        return self.to_map(self.table.sample(self.template))

    @cached_property
    def joint_shares(self) -> np.ndarray:
        """[size,size,5]"""
        return self.to_map(self.table.weights)

    def rows(self, island: str) -> slice:
        return slice(*self.meta["bands"][island])

    def coordinates(self, island: str) -> tuple[np.ndarray, np.ndarray]:
        """Texel centres of an island: v [rows] 0..1 downwards, s [columns] -1..1."""
        low, high = self.meta["bands"][island]
        return (np.arange(high - low) + 0.5) / (high - low), (np.arange(self.size) + 0.5) / self.size * 2 - 1
