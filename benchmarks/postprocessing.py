"""Milliseconds that detection spends outside its network, for one page.

Example: python benchmarks/postprocessing.py page.jpg --detector image_text_detector_v2_opt --width 1280
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from raypipe.detection import craft, dbnet
from raypipe.detection.base import network_input
from raypipe.detection.families import FAMILIES
from raypipe.engine.session import Session
from raypipe.layout.lines import arrange
from raypipe.metrics import Metrics
from raypipe.zoo import manifest


def fastest(call: Callable[[], object], repeat: int) -> float:
    """The shortest of several runs, in milliseconds."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def main() -> None:
    """Time the parts and print a row each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--detector", default="text_detector_db")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    model = manifest.resolve(arguments.detector, "detection")
    session = Session(model.path, use_gpu=False, threads=1, metrics=Metrics())
    pixels = np.asarray(cv2.imread(str(arguments.page)), np.uint8)
    tensor, _ = network_input(pixels, arguments.width, model.input)
    outputs = session.run(tensor)
    maps = outputs[0][0]
    thresholds = FAMILIES[model.family].thresholds

    def regions() -> tuple[np.ndarray, np.ndarray]:
        if model.family == "craft":
            return craft.find_regions(maps[0], maps[1], thresholds)
        return dbnet.find_regions(maps[0], thresholds)

    boxes, _ = regions()
    print(f"{arguments.detector}, width {arguments.width}: {len(boxes)} regions")
    print(f"network, one thread: {fastest(lambda: session.run(tensor), arguments.repeat):.1f} ms")
    scaled = fastest(lambda: network_input(pixels, arguments.width, model.input), arguments.repeat)
    print(f"scaling and normalising: {scaled:.1f} ms")
    print(f"maps to regions: {fastest(regions, arguments.repeat):.1f} ms")
    if model.family == "craft":
        lines = outputs[-1][0, 0]
        spent = fastest(lambda: craft.find_lines(maps[0], maps[1], lines, thresholds), arguments.repeat)
        print(f"maps to the refiner's lines: {spent:.1f} ms")
    print(f"regions to lines in reading order: {fastest(lambda: arrange(boxes), arguments.repeat):.1f} ms")


if __name__ == "__main__":
    main()
