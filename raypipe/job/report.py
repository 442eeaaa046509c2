"""The report of a job: one HTML file that needs no other."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from contextlib import suppress
from html import escape

import cv2
import numpy as np

from raypipe.errors import OutputError, PageError, reason_of
from raypipe.files.paths import write_file
from raypipe.images.image import Limits, open_image
from raypipe.job.folder import OutputFolder
from raypipe.job.gathered import Gathered, Seen, gather
from raypipe.job.same import declared_pipeline
from raypipe.job.status import Status, status
from raypipe.pipeline import Pipeline
from raypipe.types import Pixels
from raypipe.versions import versions

THUMBNAIL, OVERLAY = 160, 480
"""The longer side, in pixels, of pictures of failed and of doubtful pages."""
SPANS, SPAN = 60, 5.0
"""The time of a job is shown in at most `SPANS` parts, each of about `SPAN` seconds or more."""
_LIMITS = Limits(max_bytes=100_000_000, max_megapixels=100, max_pages=1_000_000)
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; color-scheme: light dark; }
svg { width: 100%; height: 8rem; border-bottom: 1px solid; } rect { fill: #4a7ebb; }
figure { display: inline-block; vertical-align: top; margin: .5rem; max-width: 30rem; overflow-wrap: anywhere; }
img { max-width: 100%; } figcaption { font-size: .8rem; } pre { overflow: auto; } td { padding-right: 2rem; }
"""


def write(place: str, output: str | None = None) -> str:
    """Writes the report of the job in an output folder, and returns the path or URI of its file.

    Args:
        output: Path or URI of the file; None: `report.html` in the folder.

    Raises:
        ConfigError: No job has written there, or the pipeline that made its results is unknown.
        OutputError: The folder cannot be read, or the file cannot be written.
    """
    folder = OutputFolder(place)
    file = output or folder.report
    with folder.in_use():
        summary, pipeline = status(place), declared_pipeline(folder)
        page = render(summary, gather(folder, pipeline), pipeline).encode()
    try:
        write_file(file, page)
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {reason_of(error)}.", "Give --output another place.") from error
    return file


def render(summary: Status, gathered: Gathered, pipeline: Pipeline) -> str:
    """The report as HTML."""
    title = escape(f"Report on {', '.join(summary.sources)}")
    parts = [
        f"<h1>{title}</h1>",
        _table(_counts(summary, gathered)),
        "<h2>Pages per second</h2>",
        _pace(gathered.written),
        "<h2>Confidence</h2>",
        "<p>Pages by mean confidence, from 0 to 1.</p>" + _bars(gathered.confidences.tolist()),
        "<h2>Failures</h2>",
        *[_failures(kind, count, gathered.examples[kind]) for kind, count in gathered.failures.most_common()],
        "" if gathered.failures else "<p>No page failed.</p>",
        "<h2>Most doubtful pages</h2>",
        *[_figure(seen, f"confidence {seen.value:.2f}", _picture(seen, OVERLAY)) for seen in gathered.doubtful],
        "<h2>Slowest pages</h2>",
        *[_figure(seen, f"{seen.value:.2f} s", _picture(seen, OVERLAY)) for seen in gathered.slowest],
        "" if gathered.slowest else "<p>The results do not say how long a page took.</p>",
        "<h2>Settings</h2>",
        f"<pre>{escape(pipeline.to_toml())}</pre>",
        "<h2>Models and versions</h2>",
        _table([*((stage.name, stage.model) for stage in pipeline.graph.model_stages), *versions().items()]),
    ]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>' + "\n".join(parts) + "</body></html>\n"


def _counts(summary: Status, gathered: Gathered) -> list[tuple[str, str]]:
    languages = [f"{language} {count:,}" for language, count in gathered.languages.most_common()]
    return [
        ("state", "finished" if summary.finished else "not finished"),
        ("documents", f"{summary.documents:,}"),
        ("pages", f"{gathered.pages:,}"),
        ("failed", f"{gathered.failures.total():,}"),
        ("without text", f"{gathered.empty:,}"),
        ("with a warning", f"{gathered.warned:,}"),
        ("files that could not be written", f"{summary.outcome.unwritten:,}"),
        *([("languages, by pages", ", ".join(languages))] if languages else []),
    ]


def _pace(written: list[tuple[float, int]]) -> str:
    """Pages per second over the time from the first file of results to the last, in equal parts."""
    if len(written) < 2:
        return "<p>All results are in one file, which does not say when each page was read.</p>"
    times, pages = np.array(written).T
    seconds = max(times[-1] - times[0], 1.0)
    # The pages of a file were read after the file before it was written.
    edges = np.linspace(times[0], times[0] + seconds, min(int(seconds // SPAN) + 1, SPANS) + 1)
    counts = np.diff(np.interp(edges, times, np.cumsum(pages)))
    mean = counts.sum() / seconds
    summary = f"<p>{mean:.2f} on average over {seconds:,.0f} s, at most {counts.max() * len(counts) / seconds:.2f}.</p>"
    return summary + _bars(counts.tolist())


def _bars(values: list[float]) -> str:
    top = max([*values, 1e-9])
    bars = (
        f'<rect x="{n + 0.05}" y="{1 - value / top:.4f}" width="0.9" height="{value / top:.4f}">'
        f"<title>{value:g}</title></rect>"
        for n, value in enumerate(values)
    )
    return f'<svg viewBox="0 0 {len(values)} 1" preserveAspectRatio="none">{"".join(bars)}</svg>'


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return "<table>" + "".join(f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in rows) + "</table>"


def _failures(kind: str, count: int, examples: list[Seen]) -> str:
    figures = "".join(_figure(seen, seen.exception or "", _picture(seen, THUMBNAIL)) for seen in examples)
    return f"<h3>{count:,} x {escape(kind)}</h3>{figures}"


def _figure(seen: Seen, caption: str, picture: str) -> str:
    shown = f'<img src="{picture}" alt="">' if picture else ""
    page = f"{seen.path}, page {seen.pagenum + 1}"
    return f"<figure>{shown}<figcaption>{escape(page)}<br>{escape(caption)}</figcaption></figure>"


def _picture(seen: Seen, side: int) -> str:
    """The overlay of a page, or else the page itself; empty if neither can be opened."""
    overlay = [(seen.overlay, 0)] if seen.overlay else []
    for path, page in (*overlay, (seen.path, seen.pagenum)):
        with suppress(PageError):
            return _encoded(open_image(None, path, page, False, _LIMITS).bgr(), side)
    return ""


def _encoded(pixels: Pixels, side: int) -> str:
    """A picture, scaled down, as a data URL."""
    scale = min(side / max(pixels.shape[:2]), 1)
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 75])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
