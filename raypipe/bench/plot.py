"""A report as a picture: a bar for each setting, made of a page's milliseconds in each step."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from raypipe.bench.report import Measured, Report, step_names
from raypipe.bench.steps import REST
from raypipe.plurals import counted

WIDTH, BAR, GAP, TOP, LETTER = 700, 26, 14, 34, 7
"""In pixels: longest bar, height of bars, distance between them, space above them, and width of a letter."""
COLOURS = (
    *("#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#997700", "#004488", "#bb5566"),
    *("#882255", "#44aa99", "#ddcc77", "#332288", "#117733", "#88ccee", "#999933"),
)
"""Paul Tol's schemes for colour-blind readers (SRON/EPS/TN/09-002)."""
GREY = "#bbbbbb"
"""The colour of time that belongs to no step."""


def svg(report: Report) -> str:
    """The picture, as an SVG file."""
    names, labels = step_names(report), [_label(each) for each in report.measured]
    left = 2 * GAP + LETTER * max(map(len, labels))
    width = left + WIDTH + GAP
    height = TOP + len(report.measured) * (BAR + GAP) + 20 * len(names) + GAP
    cpus = counted(report.cpus, "CPU")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
            'font-size="13">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            f'<text x="{GAP}" y="20">Milliseconds of a page, {cpus}: {escape(report.cpu)}</text>',
            *_bars(report, names, labels, left),
            *_legend(names, left, TOP + len(report.measured) * (BAR + GAP)),
            "</svg>\n",
        ]
    )


def _label(one: Measured) -> str:
    return f"{one.name}: {one.middle:.2f} pages/s, {sum(one.steps.values()):.0f} ms"


def _bars(report: Report, names: list[str], labels: list[str], start: int) -> Iterator[str]:
    most = max(sum(each.steps.values()) for each in report.measured)
    for number, (each, label) in enumerate(zip(report.measured, labels, strict=True)):
        top, left = TOP + number * (BAR + GAP), float(start)
        yield f'<text x="{GAP}" y="{top + 18}">{escape(label)}</text>'
        for step, value in each.steps.items():
            width = WIDTH * value / most
            yield (
                f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{_colour(names, step)}">'
                f"<title>{escape(step)}: {value:.1f} ms</title></rect>"
            )
            left += width


def _legend(names: list[str], left: int, top: int) -> Iterator[str]:
    for number, name in enumerate(names):
        place = top + 20 * number
        yield f'<rect x="{left}" y="{place}" width="12" height="12" fill="{_colour(names, name)}"/>'
        yield f'<text x="{left + 20}" y="{place + 11}">{escape(name)}</text>'


def _colour(names: list[str], name: str) -> str:
    return GREY if name == REST else COLOURS[names.index(name) % len(COLOURS)]
