"""Connected components of a score map to rotated boxes, without a full-image mask for any of them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from raypipe.geometry import from_min_area
from raypipe.types import Boxes

Map = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Components:
    """The foreground of a map, sorted by component.

    Attributes:
        starts: int64 (n,), where each component begins in `columns` and `rows`.
        columns, rows: int64 (pixels,), the foreground.
        areas: int64 (n,), pixels of each component.
    """

    starts: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    areas: npt.NDArray[np.int64]

    def peak(self, scores: Map) -> npt.NDArray[np.float32]:
        """The highest score of each component, (n,)."""
        return np.maximum.reduceat(scores[self.rows, self.columns], self.starts) if len(self.starts) else _nothing()

    def mean(self, scores: Map) -> npt.NDArray[np.float32]:
        """The mean score of each component, (n,)."""
        if not len(self.starts):
            return _nothing()
        sums = np.add.reduceat(scores[self.rows, self.columns], self.starts, dtype=np.float64)
        return (sums / self.areas).astype(np.float32)

    def select(self, keep: npt.NDArray[np.bool_]) -> Components:
        """The components where `keep` (n,) is true."""
        pixels = np.repeat(keep, self.areas)
        areas = self.areas[keep]
        return Components(np.cumsum(areas) - areas, self.columns[pixels], self.rows[pixels], areas)

    def without(self, pixels: npt.NDArray[np.bool_]) -> Components:
        """The same components less some of their pixels; components that lose all are gone."""
        kept = ~pixels
        areas = np.add.reduceat(kept, self.starts, dtype=np.int64) if len(self.starts) else self.areas
        areas = areas[areas > 0]
        return Components(np.cumsum(areas) - areas, self.columns[kept], self.rows[kept], areas)

    def boxes(self) -> Boxes:
        """The rotated rectangle of least area around each component, in map pixels; pixel (0, 0) covers 0 to 1."""
        outline = self._row_ends()
        points = np.stack([outline.columns, outline.rows], 1).astype(np.int32)
        rectangles = [
            from_min_area(*cv2.minAreaRect(points[start : start + area]))
            for start, area in zip(outline.starts, outline.areas, strict=True)
        ]
        boxes = np.array(rectangles, np.float32).reshape(-1, 5)
        boxes[:, :2] += 0.5
        boxes[:, 2:4] += 1
        return boxes

    def _row_ends(self) -> Components:
        """The first and last pixel of each run of pixels in a row: all that the convex hulls need."""
        begins = np.ones(len(self.rows) + 1, np.bool_)
        begins[1:-1] = np.diff(self.rows) != 0
        begins[self.starts] = True
        return self.without(~(begins[:-1] | begins[1:]))


def components(mask: npt.NDArray[np.bool_], min_area: int, connectivity: int) -> Components:
    """The connected components of a mask (h, w) with at least `min_area` pixels."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S)
    rows, columns = np.nonzero(mask)
    of_pixel = labels[rows, columns]
    # NumPy sorts 16-bit integers by radix, several times faster than others.
    order = np.argsort(of_pixel.astype(np.uint16) if count <= 2**16 else of_pixel, kind="stable")
    areas = np.bincount(of_pixel, minlength=count)[1:]
    found = Components(np.cumsum(areas) - areas, columns[order], rows[order], areas)
    return found.select(areas >= min_area)


def _nothing() -> npt.NDArray[np.float32]:
    return np.zeros(0, np.float32)
