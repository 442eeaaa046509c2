"""A report as a picture: a bar for each setting, of a page's milliseconds in each step."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from raypipe.bench.report import Report, step_names

WIDTH, LEFT, BAR, GAP, TOP = 900, 190, 26, 14, 34
COLOURS = ("#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#997700", "#004488", "#bb5566", "#bbbbbb")
"""Paul Tol's schemes for colour-blind readers (SRON/EPS/TN/09-002), and grey."""


def svg(report: Report) -> str:
    """The picture, as an SVG file."""
    names = step_names(report)
    height = TOP + len(report.measured) * (BAR + GAP) + 20 * len(names) + GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
            'font-size="13">',
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
            f'<text x="{GAP}" y="20">Milliseconds of a page, {report.cpus} CPUs: {escape(report.cpu)}</text>',
            *_bars(report, names),
            *_legend(names, TOP + len(report.measured) * (BAR + GAP)),
            "</svg>\n",
        ]
    )


def _bars(report: Report, names: list[str]) -> Iterator[str]:
    most = max(sum(each.steps.values()) for each in report.measured)
    for number, each in enumerate(report.measured):
        top, left = TOP + number * (BAR + GAP), float(LEFT)
        yield f'<text x="{GAP}" y="{top + 18}">{escape(each.name)}: {each.middle:.2f} pages/s</text>'
        for step, value in each.steps.items():
            width = (WIDTH - LEFT - GAP) * value / most
            yield (
                f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{_colour(names, step)}">'
                f"<title>{escape(step)}: {value:.1f} ms</title></rect>"
            )
            left += width


def _legend(names: list[str], top: int) -> Iterator[str]:
    for number, name in enumerate(names):
        place = top + 20 * number
        yield f'<rect x="{LEFT}" y="{place}" width="12" height="12" fill="{_colour(names, name)}"/>'
        yield f'<text x="{LEFT + 20}" y="{place + 11}">{escape(name)}</text>'


def _colour(names: list[str], name: str) -> str:
    return COLOURS[names.index(name) % len(COLOURS)]
