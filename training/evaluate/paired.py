"""Differences between rows that were measured on the same frames: by person, since frames of one person are not
independent."""

from collections.abc import Iterable

import numpy as np
from scipy.stats import t

from .frames import Frame

Table = dict[str, dict[str, dict[str, float]]]


def interval(values: Iterable[float]) -> dict[str, float]:
    """Mean, half width of its 95 % interval (Student's t) and count."""
    x = np.array(list(values), np.float64)
    half = t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)) if len(x) > 1 else 0.0
    return {"mean": round(float(x.mean()), 5), "ci95": round(float(half), 5), "n": len(x)}


class ByPerson:
    """Means of each person's frames per row and metric; a condition makes rows of its own beside the row of all
    frames."""

    def __init__(self, frames: Iterable[Frame], metrics: tuple[str, ...]):
        values: dict[tuple[str, str, str], list[float]] = {}
        for frame in frames:
            for row in (frame.row, f"{frame.row} @ {frame.condition}") if frame.condition else (frame.row,):
                for name in metrics:
                    if name in frame.values:
                        values.setdefault((row, name, frame.subject), []).append(frame.values[name])
        self.means: dict[str, dict[str, dict[str, float]]] = {}
        for (row, name, person), list_of in values.items():
            self.means.setdefault(row, {}).setdefault(name, {})[person] = float(np.mean(list_of))

    def rows(self) -> Table:
        """Mean over people of each row."""
        return {
            row: {name: interval(people.values()) for name, people in columns.items()}
            for row, columns in self.means.items()
        }

    def over(self, base: str, rows: Iterable[str]) -> Table:
        """How much each row is above `base` in the same people and the same condition."""
        out: Table = {}
        for row in rows:
            for key in (k for k in self.means if k.split(" @ ")[0] == row):
                beside = self.means[key.replace(row, base, 1)]
                shared = {name: columns.keys() & beside[name].keys() for name, columns in self.means[key].items()}
                out[key] = {
                    name: interval(self.means[key][name][p] - beside[name][p] for p in sorted(people))
                    for name, people in shared.items()
                }
        return out
