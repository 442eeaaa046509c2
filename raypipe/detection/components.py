"""Connected components of a score map, and their rotated boxes, without a full-image mask for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats, directions, from_min_area
from raypipe.types import Boxes


@dataclass(frozen=True)
class Components:
    """The foreground of a map, sorted by component.

    Attributes:
        starts: int64 (n,), where each component begins in `columns` and `rows`.
        columns, rows: int32 (pixels,), the foreground.
        areas: int64 (n,), pixels of each component.
    """

    starts: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    areas: npt.NDArray[np.int64]

    def reduced(self, function: np.ufunc, values: npt.NDArray[Any], dtype: Any = None) -> npt.NDArray[Any]:
        """The values of each component's pixels, such as their sum, from those of all pixels (pixels,): (n,)."""
        if not len(self.starts):  # Which `reduceat` does not take.
            return np.zeros(0, dtype or values.dtype)
        return np.asarray(function.reduceat(values, self.starts, dtype=dtype))

    def peak(self, scores: Floats) -> Floats:
        """The highest score of each component, (n,)."""
        return self.reduced(np.maximum, scores[self.rows, self.columns])

    def mean(self, scores: Floats) -> Floats:
        """The mean score of each component, (n,)."""
        return (self.reduced(np.add, scores[self.rows, self.columns], np.float64) / self.areas).astype(np.float32)

    def count(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """How many pixels of each component lie in a mask (h, w), (n,)."""
        return self.reduced(np.add, mask[self.rows, self.columns], np.int64)

    def select(self, chosen: npt.NDArray[np.bool_]) -> Components:
        """The components where `chosen` (n,) is true."""
        pixels = np.repeat(chosen, self.areas)
        areas = self.areas[chosen]
        return Components(np.cumsum(areas) - areas, self.columns[pixels], self.rows[pixels], areas)

    def without(self, pixels: npt.NDArray[np.bool_]) -> Components:
        """The same components without some of their pixels; a component that loses all of them is dropped."""
        kept = ~pixels
        areas = self.reduced(np.add, kept, np.int64)
        areas = areas[areas > 0]
        return Components(np.cumsum(areas) - areas, self.columns[kept], self.rows[kept], areas)

    def points(self, number: int) -> Floats:
        """The centres (pixels, 2) of a component's pixels, x and y."""
        pixels = slice(self.starts[number], self.starts[number] + self.areas[number])
        return np.stack([self.columns[pixels], self.rows[pixels]], 1).astype(np.float32) + np.float32(0.5)

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

    def axes(self) -> Floats:
        """The angle of each component's longest extent, in degrees from -90 to 90, from its second moments, (n,)."""
        x, y = (self._about_mean(places) for places in (self.columns, self.rows))
        xx, yy, xy = (self.reduced(np.add, product) for product in (x * x, y * y, x * y))
        return np.asarray(np.rad2deg(np.arctan2(2 * xy, xx - yy) / 2), np.float32)

    def _about_mean(self, places: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        means = self.reduced(np.add, places) / self.areas
        return np.asarray(places - np.repeat(means, self.areas), np.float64)

    def boxes_at(self, angles: Floats) -> Boxes:
        """The smallest rectangle at a given angle (n,), in degrees, around each component, as in `boxes`."""
        along, across = directions(angles)
        points = np.stack([self.columns, self.rows], 1) + 0.5
        sides, middles = [], []
        for axis in (along, across):
            places = (points * np.repeat(axis, self.areas, 0)).sum(1)
            low, high = (self.reduced(extreme, places) for extreme in (np.minimum, np.maximum))
            middles.append((low + high) / 2)
            sides.append(high - low + 1)
        centres = along * middles[0][:, None] + across * middles[1][:, None]
        rectangles = zip(centres.tolist(), np.stack(sides, 1).tolist(), angles.tolist(), strict=True)
        return np.array([from_min_area(*rectangle) for rectangle in rectangles], np.float32).reshape(-1, 5)

    def _row_ends(self) -> Components:
        """The first and last pixel of each run of pixels in a row: all that the convex hulls need."""
        begins = np.ones(len(self.rows) + 1, np.bool_)
        begins[1:-1] = np.diff(self.rows) != 0
        begins[self.starts] = True
        return self.without(~(begins[:-1] | begins[1:]))


def components(mask: npt.NDArray[np.bool_], min_area: int, connectivity: int) -> Components:
    """The connected components of a mask (h, w) with at least `min_area` pixels."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S)
    found = labelled(np.asarray(labels, np.int32), count)
    return found.select(found.areas >= min_area)


def labelled(labels: npt.NDArray[np.int32], count: int) -> Components:
    """The components of a map (h, w) of labels below `count`: 0 is the background, every other label is used."""
    pixels = np.flatnonzero(labels > 0).astype(np.int32)  # Half the bytes of int64 take half the time.
    of_pixel = labels.ravel()[pixels]
    # NumPy uses a radix sort for 16-bit integers, which is several times faster.
    order = np.argsort(of_pixel.astype(np.uint16) if count <= 2**16 else of_pixel, kind="stable")
    areas = np.bincount(of_pixel, minlength=count)[1:]
    rows, columns = np.divmod(pixels[order], np.int32(labels.shape[1]))
    return Components(np.cumsum(areas) - areas, columns, rows, areas)
