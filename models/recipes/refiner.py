"""Train the link refiner: a small network over CRAFT's features that marks whole text lines instead of words.

The idea is CRAFT's LinkRefiner (Baek et al., CVPR 2019, arXiv:1904.01941); network, data and training are our own.

Usage:
    python models/recipes/refiner.py --work FOLDER [--fonts FOLDER] [--data DATA] [--output models]
    python models/recipes/refiner.py --work FOLDER --smoke      # a minute, to see that every step runs

CRAFT is frozen, so that its features are computed once and kept in the work folder. A run that was stopped goes on
where it was: with the pages that are there, and from the last checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import common
import craft
import cv2
import fonts
import numpy as np
import onnx
import pages
import torch
from line_pages import LinePages
from refiner_data import UNKNOWN, Crops, Frozen, package_fonts, photograph, render
from torch import Tensor, nn
from torch.nn import functional

from raypipe.zoo.export.parity import require

METADATA = {
    "source": "trained from nothing by models/recipes/refiner.py on rendered pages",
    "licence": "Apache-2.0",
    "input": "`scores` and `features` of CRAFT",
}
ATTRIBUTION = (
    " and on pages of 'Memorials of Jane Lathrop Stanford' (HTR-United, doi 10.5281/zenodo.6126625, CC-BY-4.0) and of "
    "Breta01/handwriting-ocr (MIT)"
)
AXES = {
    "scores": ["n", 2, "h", "w"],
    "features": ["n", 32, "h", "w"],
    "lines": ["n", 1, "h", "w"],
}
RATE = 4e-3
DECAY = 0.99
"""Of the running average of the weights, which is what is exported."""
GAP, BETWEEN = 2, 2
"""Further weight of pixels in the gaps between words, and of text between lines; more makes lines run together."""
EVERY = 100
"""Steps between two checkpoints."""


class Block(nn.Module):
    """A residual depthwise and pointwise convolution."""

    def __init__(self, channels: int, dilation: int) -> None:
        """Create the layers."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add what the layers find."""
        return functional.relu(x + self.layers(x))


class Refiner(nn.Module):
    """Two scales below CRAFT's maps: words meet at the coarse one, lines are kept apart at the fine one."""

    def __init__(self, fine: int = 32, coarse: int = 64, dilations: Sequence[int] = (1, 2, 4, 8, 16, 4, 1)) -> None:
        """Create the layers."""
        super().__init__()
        self.fine = self._norm(nn.Conv2d(34, fine, 2, stride=2, bias=False))
        self.coarse = self._norm(nn.Conv2d(fine, coarse, 3, stride=2, padding=1, bias=False))
        self.context = nn.Sequential(*(Block(coarse, dilation) for dilation in dilations))
        self.back = nn.Conv2d(coarse, fine, 1)
        self.joined = nn.Sequential(Block(fine, 1), Block(fine, 2))
        self.head = nn.Conv2d(fine, 4, 3, padding=1)

    @staticmethod
    def _norm(layer: nn.Conv2d) -> nn.Sequential:
        return nn.Sequential(layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU())

    def logits(self, maps: Tensor) -> Tensor:
        """Return the logits (n, 1, h, w) that a pixel lies in a line, of CRAFT's maps (n, 34, h, w)."""
        fine = self.fine(maps)
        context = self.back(self.context(self.coarse(fine)))
        context = functional.interpolate(context, scale_factor=2.0, mode="bilinear", align_corners=False)
        return functional.pixel_shuffle(self.head(self.joined(fine + context)), 2)

    def forward(self, scores: Tensor, features: Tensor) -> Tensor:
        """Return the probability (n, 1, h, w) that a pixel lies in a line."""
        return torch.sigmoid(self.logits(torch.cat([scores, features], 1)))


def loss_of(logits: Tensor, maps: Tensor, lines: Tensor) -> Tensor:
    """Return cross entropy and overlap loss.

    The gaps between words, words that CRAFT did not see among them, and the text between lines count several times:
    the rest, CRAFT has done already.
    """
    target, known = (lines == 255).float(), (lines != UNKNOWN).float()
    text, link = maps[:, 0], maps[:, 1]
    gap = (target > 0) & (text < 0.3)
    between = (target == 0) & ((text > 0.25) | (link > 0.25))
    weight = known * (1 + GAP * gap.float() + BETWEEN * between.float())
    entropy = functional.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum") / weight.sum()
    found = torch.sigmoid(logits) * weight
    overlap = (2 * (found * target).sum() + 1) / (found.sum() + (target * weight).sum() + 1)
    return entropy + 0.5 * (1 - overlap)


@dataclass
class Run:
    """The state of a training run."""

    network: Refiner
    average: Refiner
    optimizer: torch.optim.Optimizer
    step: int = 0

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        parts = {name: getattr(self, name).state_dict() for name in ("network", "average", "optimizer")}
        torch.save({**parts, "step": self.step}, path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(path, weights_only=True)
        for name in ("network", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step = state["step"]


def new_run() -> Run:
    """Return a run at its beginning."""
    torch.manual_seed(5)
    network = Refiner().to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).eval()
    return Run(network, average, torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-4))


def train(run: Run, folders: Sequence[tuple[Path, float]], held_out: Path, steps: int, work: Path) -> None:
    """Train up to a number of steps, with a checkpoint and a line of the learning curve every so often."""
    start = time.monotonic()
    for maps, lines in Crops(folders, seed=run.step + 1):
        if run.step >= steps:
            break
        warm = min(1.0, (run.step + 1) / 50)
        for group in run.optimizer.param_groups:
            group["lr"] = RATE * warm * (0.02 + 0.98 * (1 + math.cos(math.pi * run.step / steps)) / 2)
        run.network.train()
        maps = maps.to(memory_format=torch.channels_last)
        logits = run.network.logits(maps)[:, 0]
        loss = loss_of(logits, maps, lines)
        run.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
        run.optimizer.step()
        run.step += 1
        keep = min(DECAY, run.step / (run.step + 9))
        with torch.no_grad():
            for mean, value in zip(run.average.state_dict().values(), run.network.state_dict().values(), strict=True):
                mean.lerp_(value, 1 - keep) if mean.is_floating_point() else mean.copy_(value)
        if run.step % EVERY == 0 or run.step == steps:
            row = {"step": run.step, "loss": round(float(loss.detach()), 4), **measure(run.average, held_out)}
            row["seconds"] = round(time.monotonic() - start, 1)
            print(json.dumps(row), flush=True)
            with (work / "curve.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            run.save(work / "checkpoint.pt")


@torch.no_grad()
def measure(network: Refiner, folder: Path) -> dict[str, float]:
    """Return precision and recall of line pixels, and recall in the gaps between words, on the pages of a folder."""
    counts = np.zeros(5)
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as page:
            maps, lines = torch.from_numpy(page["maps"].astype(np.float32))[None], page["lines"]
        found = (network.logits(maps)[0, 0] > 0).numpy() & (lines != UNKNOWN)
        line = lines == 255
        gap = line & (maps[0, 0].numpy() < 0.2)
        counts += [(found & line).sum(), found.sum(), line.sum(), (found & gap).sum(), gap.sum()]
    both, found, line, bridged, gap = counts.tolist()
    return {
        "precision": round(both / max(found, 1), 4),
        "recall": round(both / max(line, 1), 4),
        "gaps": round(bridged / max(gap, 1), 4),
    }


def export(network: Refiner) -> onnx.ModelProto:
    """Return the network as a float32 ONNX model."""
    buffer = io.BytesIO()
    axes = {name: {i: axis for i, axis in enumerate(shape) if isinstance(axis, str)} for name, shape in AXES.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter is deprecated; torch is pinned
        torch.onnx.export(
            copy.deepcopy(network).to(memory_format=torch.contiguous_format).eval(),
            (torch.zeros(1, 2, 32, 32), torch.zeros(1, 32, 32, 32)),
            buffer,
            input_names=["scores", "features"],
            output_names=["lines"],
            dynamic_axes=axes,
            opset_version=craft.OPSET,
            dynamo=False,
        )
    return common.name_axes(onnx.load_from_string(buffer.getvalue()), AXES)


def finish(network: Refiner, frozen: Frozen, output: Path, metadata: dict[str, str]) -> None:
    """Export the network, check it against torch, write it, and add it to the CRAFT files beside it."""
    model = export(network)
    maps = torch.from_numpy(frozen.maps(pages.Renderer(seed=7).page(480, 352)))[None]
    with torch.no_grad():
        expected = network(maps[:, :2], maps[:, 2:]).numpy()
    found = common.session(model).run(None, {"scores": maps[:, :2].numpy(), "features": maps[:, 2:].numpy()})
    require("float32 export, largest difference", common.largest_difference([expected], found), 1e-4)
    common.write_model(model, output / craft.REFINER_FILE, metadata)
    for path in (output / name for name in craft.FILES):
        if path.exists():
            craft.write(onnx.load(path), path)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for CRAFT's maps, checkpoints and the curve")
    parser.add_argument("--fonts", type=Path, help="folder of npm's fonts (see fonts.py); else the packages' few")
    parser.add_argument("--data", type=Path, help="folder of real pages; without it, rendered ones alone")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of CRAFT's int8 file")
    parser.add_argument("--output", type=Path, default=Path("models"), help="folder for the refiner")
    parser.add_argument("--pages", type=int, default=500, help="rendered pages")
    parser.add_argument("--crops", type=int, default=160, help="crops of real pages")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--smoke", action="store_true", help="see that every step runs, in a minute")
    options = parser.parse_args()
    if options.smoke:
        options.pages, options.crops, options.steps, options.output = 6, 4, 6, options.work
    return options


def main() -> None:
    """Render, train, export and check."""
    options = arguments()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    frozen = Frozen(options.models)
    rendered, real, held_out = (options.work / name for name in ("rendered", "real", "held_out"))
    packaged = package_fonts()
    many = (fonts.printed(), fonts.handwriting(options.fonts)) if options.fonts else packaged
    render(held_out, frozen, LinePages(*packaged), 2 if options.smoke else 24, seed=2)
    render(rendered, frozen, LinePages(*many), options.pages, seed=1)
    metadata = dict(METADATA)
    if options.data:
        photograph(real, frozen, options.data, options.crops)
        metadata["source"] += ATTRIBUTION
    run = new_run()
    if (options.work / "checkpoint.pt").exists():
        run.load(options.work / "checkpoint.pt")
    train(run, ((rendered, 0.7), (real, 0.3)), held_out, options.steps, options.work)
    finish(run.average, frozen, options.output, metadata)


if __name__ == "__main__":
    main()
