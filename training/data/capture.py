"""Training samples made of captured frames: 1 to 4 photos of any view and time, 4 views of other times to match (paper,
section 4.1).

Captured people have no truth in UV: such a sample is for the image stage only."""

import numpy as np

from ..headmodel.model import HeadModel
from ..headmodel.texels import build_texel_table, position_map
from .frames import Frame, head_view

TARGETS = 4


class CapturedPerson:
    """All frames of one subject."""

    def __init__(self, frames: list[Frame], head: HeadModel, photo_size: int = 256, position_map_size: int = 128):
        """Raises ValueError when frames belong to several subjects or their coefficients are not the head model's."""
        if len({frame.subject for frame in frames}) != 1:
            raise ValueError(f"wanted the frames of one subject, got {sorted({f.subject for f in frames})}")
        count = len(head.expressions)
        if any(len(frame.expression) != count for frame in frames):
            raise ValueError(
                f"{frames[0].subject} is tracked with {len(frames[0].expression)} expressions, the head model has "
                f"{count}"
            )
        self.frames, self.head, self.photo_size = frames, head, photo_size
        self.table = build_texel_table(head, position_map_size)
        self.times = sorted({frame.timestep for frame in frames})

    def sample(
        self, rng: np.random.Generator, photo_count: int, times: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Keys as in training/synth/README.md, without the truths in UV. `times` narrows the timesteps (distribution
        adjustment)."""
        times = np.asarray(self.times if times is None else times)
        photo_frames = [self._view_at(rng, time) for time in rng.choice(times, photo_count)]
        target_frames = [self._view_at(rng, time) for time in rng.choice(times, TARGETS, replace=len(times) < TARGETS)]
        photos = [head_view(frame, self.head, self.photo_size) for frame in photo_frames]
        targets = [head_view(frame, self.head, self.photo_size) for frame in target_frames]
        stack = lambda values: np.stack(values).astype(np.float32)
        return {
            "photos": stack([view.picture for view in photos]),
            "targets": stack([view.picture for view in targets]),
            "target_masks": stack([view.mask for view in targets]),
            "cameras_R": stack([view.R for view in targets]),
            "cameras_t": stack([view.t for view in targets]),
            "cameras_f": stack([view.f for view in targets]),
            "expressions": stack([frame.expression for frame in target_frames]),
            "poses": stack([frame.pose for frame in target_frames]),
            "position_maps": stack(
                [position_map(self.head, self.table, frame.expression, frame.pose) for frame in target_frames]
            ),
        }

    def _view_at(self, rng: np.random.Generator, time: int) -> Frame:
        there = [frame for frame in self.frames if frame.timestep == time]
        return there[rng.integers(len(there))]
