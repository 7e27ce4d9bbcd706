"""Things beside the head that photos show: meshes with a texture, in no truth."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Prop:
    """Vertices [n,3] and unit normals [n,3] canonical, faces [m,3] into them, uv [n,2], texture [k,k,8]
    (mesh.shade)."""

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    texture: np.ndarray
