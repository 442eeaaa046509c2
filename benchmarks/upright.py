"""Pages turned by quarters, or tilted: those that are not read upright, and the CER of those whose text is known.

Example: python benchmarks/upright.py DATA examples/*.jpg --checkpoint turned.jsonl
         python benchmarks/upright.py DATA --kinds whole --angles 0 5 10 15

Kinds of pages: `whole` ones of the sets, their upper and lower `half`, `lines` of the sets put together, pages `drawn`
for the reading order, forms of `word_boxes.py`, and `other` files. With a checkpoint, the same command goes on.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from accuracy import LINE_SETS, PAGE_SETS, scorer
from PIL import Image, ImageOps
from rapidfuzz.distance import Levenshtein

from raypipe import presets

LONGEST = 2600
"""Pages are scaled down to this, in pixels."""
LINES_A_PAGE = 20
FORMS = 12
QUARTERS = 0, 90, 180, 270
Picture = Image.Image


class Case(NamedTuple):
    """A page: its kind and name, what opens it, and its text, if that is known."""

    kind: str
    name: str
    open: Callable[[], Picture]
    truth: str | None = None


def opened(file: Path, part: tuple[float, float] = (0, 1)) -> Picture:
    """A picture, or the part of it between two heights, as it is to be seen."""
    picture = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
    picture.thumbnail((LONGEST, LONGEST))
    return picture.crop((0, int(part[0] * picture.height), picture.width, int(part[1] * picture.height)))


def stacked(files: list[Path]) -> Picture:
    """Lines below each other."""
    pictures = [opened(file) for file in files]
    width, gap = max(each.width for each in pictures), pictures[0].height // 3
    page = Image.new("RGB", (width + 200, sum(each.height + gap for each in pictures) + 200), paper(pictures[0]))
    top = 100
    for each in pictures:
        page.paste(each, (100, top))
        top += each.height + gap
    page.thumbnail((LONGEST, LONGEST))
    return page


def paper(picture: Picture) -> tuple[int, ...]:
    """The colour of the paper."""
    return tuple(np.median(np.asarray(picture).reshape(-1, 3), 0).astype(int).tolist())


def of_sets(data: Path) -> Iterator[Case]:
    """The pages of the sets, whole and in halves, and their lines put together."""
    score = scorer(data)
    for name in PAGE_SETS:
        for file, truth in score.read_truth(data / name).items():
            path = data / name / "images" / file
            yield Case("whole", file, lambda path=path: opened(path), truth)
            for part in ((0, 0.5), (0.5, 1)):
                yield Case("half", f"{file} {part}", lambda path=path, part=part: opened(path, part))
    for name in (name for name in LINE_SETS if "lines" in name):
        files = [data / name / "images" / file for file in score.read_truth(data / name)]
        for n in range(0, len(files), LINES_A_PAGE):
            yield Case("lines", f"{name} {n}", lambda some=files[n : n + LINES_A_PAGE]: stacked(some))


def drawn() -> Iterator[Case]:
    """Pages that are made up."""
    from order import draw
    from word_boxes import form

    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from order_pages import KINDS

    for kind, make in KINDS.items():
        yield Case("drawn", kind, lambda make=make: draw(make()))
    for seed in range(FORMS):
        yield Case("drawn", f"form {seed}", lambda seed=seed: Image.open(io.BytesIO(form(seed, [])[0])).convert("RGB"))


def cases(given: argparse.Namespace) -> list[Case]:
    """The pages, in an order in which the first ones are a fair sample."""
    found = [*of_sets(given.data), *drawn(), *(Case("other", each.name, lambda each=each: opened(each))
                                               for each in given.files)]  # fmt: skip
    chosen = [case for case in found if not given.kinds or case.kind in given.kinds]
    random.Random(1).shuffle(chosen)
    return chosen[: given.limit]


def read(given: argparse.Namespace, done: set[tuple[str, str, float]]) -> Iterator[dict]:
    """What came of each page at each angle that is not done."""
    pipeline, fold = presets.standard(given.detector, use_gpu=False), scorer(given.data).fold
    for case in cases(given):
        angles = [angle for angle in given.angles if (case.kind, case.name, angle) not in done]
        picture = case.open() if angles else None
        for angle in angles:
            file = io.BytesIO()
            picture.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=paper(picture)).save(
                file, "JPEG", quality=95
            )
            (page,) = pipeline.run([file.getvalue()])
            row = {"kind": case.kind, "name": case.name, "angle": angle, "turned": page.turned}
            row |= {"confidence": page.confidence, "letters": len(page.text)}
            if case.truth:
                errors = Levenshtein.distance(case.truth, fold(page.text))
                row |= {"characters": len(case.truth), "errors": errors}
            yield row


def table(rows: list[dict]) -> None:
    """Prints the pages that were not read upright, and a line for each kind and angle."""
    groups = defaultdict[tuple[str, float], list[dict]](list)
    wrong = 0
    for row in rows:
        groups[row["kind"], row["angle"]].append(row)
        row["wrong"] = row["turned"] != round(row["angle"] / 90) * 90 % 360
        wrong += row["wrong"]
        if row["wrong"]:
            print(f"{row['kind']} {row['name']}, to be turned by {row['angle']}, was turned by {row['turned']}; "
                  f"{row['letters']} letters, confidence {row['confidence'] or 0:.2f}")  # fmt: skip
    print("| pages | by | | not upright | CER |\n| --- | ---: | ---: | ---: | ---: |")
    for (kind, angle), some in sorted(groups.items()):
        characters = sum(row.get("characters", 0) for row in some)
        cer = f"{100 * sum(row.get('errors', 0) for row in some) / characters:.2f}" if characters else ""
        print(f"| {kind} | {angle:g} | {len(some)} | {sum(row['wrong'] for row in some)} | {cer} |")
    upright = [row for row in rows if row["angle"] == 0]
    print(f"{len(rows)} pages, {wrong} not upright; of {len(upright)} upright ones {sum(r['wrong'] for r in upright)}")


def main() -> None:
    """Read each page at each angle and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("files", type=Path, nargs="*", help="other pictures, which are upright")
    parser.add_argument("--kinds", nargs="*", help="default: all")
    parser.add_argument("--angles", type=float, nargs="+", default=QUARTERS, help="degrees, counter-clockwise")
    parser.add_argument("--limit", type=int, help="read so many pages")
    parser.add_argument("--checkpoint", type=Path, help="file that gets a row for each page that was read")
    parser.add_argument("--detector", default=presets.DETECTOR)
    given = parser.parse_args()
    kept = given.checkpoint and given.checkpoint.exists()
    rows = [json.loads(row) for row in given.checkpoint.read_text(encoding="utf-8").splitlines()] if kept else []
    for row in read(given, {(row["kind"], row["name"], row["angle"]) for row in rows}):
        rows.append(row)
        if given.checkpoint:
            with given.checkpoint.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(row)}\n")
    table(rows)


if __name__ == "__main__":
    main()
