"""Clothes that a network took for hair: collars, scarves and coats beside long hair."""

from __future__ import annotations

import numpy as np

CELL = 0.01  # edge of a cell, in parts of the crop's side
LIGHT = (0.6, 1.5)  # light and shade on hair: as many times as bright as where it is sure
UNLIKE = 0.08  # distance of colors from which they are not alike, 0..1 a channel
LEAST_SHARE = 0.1  # a color of which the sure hair has fewer than so many parts is not hair
LEAST_CELLS = 30  # cells of sure hair without which nothing is told
SURE = 0.8  # what a cell must have of hair and person to be sure


def cells_of(values: np.ndarray, edge: int) -> np.ndarray:
    """Sums of [H,W,k] over cells of edge x edge pixels, in parts of a whole cell: [rows,columns,k]."""
    height, width, depth = values.shape
    padded = np.pad(values.astype(float), ((0, -height % edge), (0, -width % edge), (0, 0)))
    rows, columns = padded.shape[0] // edge, padded.shape[1] // edge
    return padded.reshape(rows, edge, columns, edge, depth).sum((1, 3)) / edge**2


def alike(colors: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Whether colors [n,3] are those of sure hair [m,3], in more light or less."""
    light = np.clip(colors @ sure.T / np.maximum((sure**2).sum(1), 1e-6), *LIGHT)
    away = ((colors[:, None] - light[..., None] * sure) ** 2).sum(-1)
    return (away < UNLIKE**2).sum(1) >= LEAST_SHARE * len(sure)


def clothes_of_hair(
    image: np.ndarray, matte: np.ndarray, classes: np.ndarray, side: float, ears: float, collar: float
) -> np.ndarray:
    """Classes [H,W,3] (hair, skin, clothes) with clothes for hair where from the photo's lower edge upwards nothing
    looks like the hair that is seen above the ears. `ears`: their row; `collar`: row up to which one may reach; `side`
    of the crop in pixels."""
    edge = max(1, int(np.floor(CELL * side + 0.5)))
    cells = cells_of(np.concatenate([np.ones((*matte.shape, 1)), matte[..., None], image, classes], 2), edge)
    inside, means = cells[..., 0], cells[..., 1:] / np.maximum(cells[..., :1], 1e-9)
    person, color, (hair, skin, clothes) = means[..., 0], means[..., 1:4], np.moveaxis(means[..., 4:], -1, 0)
    above = np.arange(len(hair))[:, None] < np.floor(ears / edge)
    sure = color[above & (inside > SURE) & (person > SURE) & (hair > SURE)]
    if len(sure) < LEAST_CELLS:
        return classes
    below = np.arange(len(hair))[:, None] > collar / edge
    body = (person >= 0.5) & (skin <= np.maximum(hair, clothes)) & below
    asked = body & (hair > clothes)
    foreign = np.zeros(hair.shape, bool)
    foreign[asked] = ~alike(color[asked], sure)
    # a column goes on upwards as long as it is clothes, or hair of another color; it begins in the photo
    goes_on = ((body & ~asked) | foreign | (np.cumsum((inside >= 0.5)[::-1], 0)[::-1] == 0))[::-1]
    reached = np.logical_and.accumulate(goes_on, 0)[::-1] & foreign
    dressed = np.kron(reached, np.ones((edge, edge), bool))[: matte.shape[0], : matte.shape[1]]
    out = classes.copy()
    out[..., 2] = np.where(dressed, np.maximum(classes[..., 2], classes[..., 0]), classes[..., 2])
    out[..., 0] = np.where(dressed, 0, classes[..., 0])
    return out
