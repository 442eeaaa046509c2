"""The order in which lines are read: columns one after the other, tables and forms row by row.

It comes from cutting the page into blocks and rows, never from comparing pairs of lines (which is not transitive).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypipe.geometry import Floats, bounds
from raypipe.layout.cells import raised
from raypipe.layout.chains import Indices, chains
from raypipe.layout.flow import (
    Direction,
    Words,
    are_addresses,
    direction,
    have_labels,
    is_price_list,
    is_register,
    is_running,
    labels_rows,
    may_be_register,
)
from raypipe.layout.gutters import COLUMN_LINES, gutters
from raypipe.layout.heads import parted
from raypipe.types import Boxes

COLUMN_LENGTH = 8
"""The lines of a column of prose are at least this many times longer than high; the cells of a table are shorter."""
COLUMN_FILL = 0.6
"""The lines of a column of prose fill at least this fraction of its width; the fields of a form do not."""
FULL_LINE = 80
"""The percentile of line lengths that stands for the width of a column: a headline above it may be longer."""
MIN_GUTTER, WORDS_GUTTER, PROSE_GUTTER = 2.0, 1.5, 0.25
"""Columns of short lines are at least `MIN_GUTTER` line heights apart; `WORDS_GUTTER` if their words show that they are
columns, and `PROSE_GUTTER` if they are prose."""
SIDEBAR = 1.5
"""The lines of a page's main column are at least this many times longer than those of a sidebar."""
SAME_EDGE = 1.0
"""Lines that begin within this many line heights of each other begin at the same edge."""
ONE_EDGE = 0.75
"""This fraction of a column's lines begins at the same edge."""
SHORTEST_COLUMN = 3
"""Where fewer lines begin at the same edge, their words are not used to tell how the text runs."""
LEVEL = 0.5
"""Lines of two columns are level if their middles are this close, in line heights."""
IN_ROWS = 0.9
"""Columns with this fraction of lines level with one of the other column may as well be a table."""
CENTRED_CELLS = 2
"""A table has at least this many cells that are centred beside others: a single line may be by chance."""
MARGIN_GAP, NOTED = 0.5, 2
"""Notes and captions are at least `MARGIN_GAP` line heights from the prose that they stand beside, which has at least
`NOTED` times as many lines."""
SMALL, AROUND = 0.4, 6
"""Notes are looked for where `SMALL` of the lines begin with a small letter, and stand beside prose if `AROUND` lines
above and below them are prose, too."""
WIDE_GAP, BLANK = 2.0, 0.8
"""Sections of a page are `WIDE_GAP` times the usual gap between its lines apart, and `BLANK` times the height of a
line: regions are a little higher than their lines, and leave less than a line of a blank one."""
BESIDE = 0.1
"""Less than this fraction of a side's lines stands beside a line of the other side: two people who speak in turn."""


@dataclass(frozen=True)
class _Page:
    """The lines of a page, level: boxes (n, 5), their bounds (n, 4), and their words, if they have been read.

    Also the bounds (m, 4) of dividers between columns, and which lines begin a cell centred beside another one, (n,).
    """

    lines: Boxes
    box: Floats
    words: Words | None
    dividers: Floats
    centred: npt.NDArray[np.bool_]


def reading_order(lines: Boxes, texts: Sequence[str] | None, dividers: Boxes) -> list[Indices]:
    """The rows of level lines (n, 5) in reading order, each from left to right.

    Texts are those that have been read; dividers (m, 5) are what parts columns for the eye.
    """
    words = Words.of(texts) if texts else None
    lines, centred = raised(lines)
    return _blocks(np.arange(len(lines)), _Page(lines, bounds(lines), words, bounds(dividers), centred))


def _blocks(members: Indices, page: _Page, running: bool = False) -> list[Indices]:
    """Rows of lines in reading order: those above a block of columns, its columns one after the other, those below.

    The lines are `running` if they are part of columns of prose.
    """
    if not len(members):
        return []
    sections = _sections(members, page)
    strata = _strata(sections, page)
    if len(strata) > 1:
        return [row for stratum in strata for row in _blocks(stratum, page, running)]
    split = _columns(members, page, running)
    if split is None:
        notes = _notes(members, page)
        if len(notes):
            return [*_blocks(np.setdiff1d(members, notes), page, running), *_across(notes, page)]
        if len(sections) > 1:
            return [row for section in sections for row in _blocks(section, page, running)]
        return _across(members, page)
    above, columns, below = split
    if len(columns) == 1:
        block = _across(columns[0], page)
    else:
        inside = running or _is_running([edge for column in columns for edge in _edges(column, page)], page)
        block = [row for column in columns for row in _blocks(column, page, inside)]
    return [*_blocks(above, page, running), *block, *_blocks(below, page, running)]


def _across(members: Indices, page: _Page) -> list[Indices]:
    """The rows of lines from top to bottom."""
    lines = page.lines[members]
    return [members[row] for row in sorted(chains(lines, rows=True), key=lambda row: float(lines[row, 1].mean()))]


def _notes(members: Indices, page: _Page) -> Indices:
    """The lines beside prose that are none of it: notes in the margin, captions and quotations that it runs around."""
    if page.words is None or len(members) < 2 * COLUMN_LINES or page.words.small[members].mean() < SMALL:
        return members[:0]
    found = [members[:0]]
    for gutter in gutters(page.box[members], least=1):
        note, main = sorted((members[gutter.left], members[gutter.right]), key=len)
        top, bottom = page.box[main, 1].min(), page.box[main, 3].max()
        note = note[(page.box[note, 3] > top) & (page.box[note, 1] < bottom)]
        if _is_note(note, main, page):
            found.append(note)
    notes = np.unique(np.concatenate(found))
    # A gutter beside one note may be crossed by another.
    return np.union1d(notes, _notes(np.setdiff1d(members, notes), page)) if len(notes) else notes


def _is_note(note: Indices, main: Indices, page: _Page) -> bool:
    """Whether a few short lines stand beside lines that go on with a sentence; a label would not."""
    words = page.words
    if words is None or not len(note) or len(main) < max(SHORTEST_COLUMN, NOTED * len(note)):
        return False
    if words.figures[note].mean() > 0.5:
        return False
    width = page.box[:, 2] - page.box[:, 0]
    gap = max(page.box[note, 0].min() - page.box[main, 2].max(), page.box[main, 0].min() - page.box[note, 2].max())
    if gap < MARGIN_GAP * float(np.median(page.lines[main, 3])):
        return False
    if np.percentile(width[main], FULL_LINE) < SIDEBAR * np.percentile(width[note], FULL_LINE):
        return False
    main = main[np.argsort(page.lines[main, 1], kind="stable")]
    nearest = np.abs(page.lines[note, 1][:, None] - page.lines[main, 1]).argmin(1)
    around = main[max(nearest.min() - AROUND, 0) : nearest.max() + AROUND + 1]
    return bool(words.small[main[nearest]].mean() > 0.5 and is_running([around], words))


def _sections(members: Indices, page: _Page) -> list[Indices]:
    """Lines that are no columns as a whole, cut from top to bottom where the gap between them is wider than usual."""
    if len(members) < 2 * COLUMN_LINES:
        return [members]
    members = members[np.argsort(page.box[members, 1], kind="stable")]
    gaps = page.box[members[1:], 1] - np.maximum.accumulate(page.box[members[:-1], 3])
    usual = float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 0.0
    wide = gaps >= max(WIDE_GAP * usual, BLANK * float(np.median(page.lines[members, 3])))
    return np.split(members, np.flatnonzero(wide) + 1)


def _strata(sections: Sequence[Indices], page: _Page) -> list[Indices]:
    """Sections that stand in the same columns as one: a blank line across columns, as in verse, does not end them."""
    found = list(sections[:1])
    for section in sections[1:]:
        if _differ(found[-1], section, page):
            found.append(section)
        else:
            found[-1] = np.concatenate([found[-1], section])
    return found


def _differ(above: Indices, below: Indices, page: _Page) -> bool:
    """Whether two sections stand in different columns, as those of a box below an article do."""
    near = SAME_EDGE * float(np.median(page.lines[above, 3]))
    edges = [
        np.array(
            [float(np.median(page.box[group, 0])) for group in _edges(some, page) if len(group) >= SHORTEST_COLUMN]
        )
        for some in (above, below)
    ]
    if min(map(len, edges)) < 2:
        return False
    apart = np.abs(edges[0][:, None] - edges[1]) > near
    return bool(apart.all(0)[1:].any() and apart.all(1)[1:].any())


def _columns(members: Indices, page: _Page, running: bool) -> tuple[Indices, list[Indices], Indices] | None:
    """The largest block of columns of text, whose lines read downwards, cut at one gutter, if there is one.

    Returns:
        The lines above the block, those left of its gutter and right of it, and those below the block. A table whose
        text wraps is not cut.
    """
    box = page.box[members]
    middle = (box[:, 1] + box[:, 3]) / 2
    for n, gutter in enumerate(gutters(box)):
        sides = members[gutter.left], members[gutter.right]
        is_down = _read_downwards(*sides, page, running)
        is_table = (is_down or n == 0) and _has_labels(sides, page)
        if not is_down and not is_table:
            continue
        outside = ~(gutter.left | gutter.right)
        is_above = middle - gutter.top < gutter.bottom - middle
        above, below = members[outside & is_above], members[outside & ~is_above]
        if is_table:
            return above, [np.concatenate(sides)], below
        block = parted(*sides, gutter.bottom, page.box)
        columns = [block.left, block.right]
        if _is_note(block.left, block.right, page):
            columns.reverse()
        return np.concatenate([above, block.above]), columns, np.concatenate([block.below, below])
    return None


def _has_labels(sides: Sequence[Indices], page: _Page) -> bool:
    """Whether two sides are a table of text that wraps, whose first column labels its rows."""
    if page.words is None:
        return False
    columns = [column for side in sides for column in _edges(side, page) if len(column) >= SHORTEST_COLUMN]
    return have_labels(columns, lambda one, other: _level(one, other, page), page.words)


def _read_downwards(left: Indices, right: Indices, page: _Page, running: bool) -> bool:
    """Whether the lines on two sides of a gutter are columns of text rather than cells of a table or fields."""
    if max(_beside(left, right, page), _beside(right, left, page)) < BESIDE:
        return False
    edges = [_edges(side, page) for side in (left, right)]
    if _is_register((left, right), edges, page):
        return True
    columns = [*edges[0], *edges[1]]
    running = running or _is_running(columns, page)
    sidebar = _is_sidebar(left, right, page)
    runs = _direction(columns, len(left) + len(right), page, running, sidebar)
    if runs is Direction.ACROSS:
        return False
    if runs is None and sidebar:
        return True
    least = (PROSE_GUTTER if running else WORDS_GUTTER) if runs else MIN_GUTTER
    if runs is None and len(columns) == 2 and page.words is not None and _stand_apart(left, right, page):
        runs = Direction.DOWN if are_addresses(left, right, _level(left, right, page), page.words) else None
    is_wide = _gutter(left, right, page) >= least
    if is_wide and (runs or _in_own_lines(left, right, columns, page)):
        return True
    return all(_is_prose(side, columns, page) for side in (left, right))


def _stand_apart(left: Indices, right: Indices, page: _Page) -> bool:
    """Whether a blank line parts what stands on two sides from all lines above and below: part of a form goes on."""
    box, both = page.box, np.concatenate([left, right])
    edges = np.array([*box[both, :2].min(0), *box[both, 2:].max(0)])
    others = np.delete(box, both, 0)
    others = others[(others[:, 0] < edges[2]) & (others[:, 2] > edges[0])]
    gap = np.maximum(others[:, 1] - edges[3], edges[1] - others[:, 3])
    return bool(gap.min(initial=np.inf) >= BLANK * float(np.median(page.lines[both, 3])))


def _is_sidebar(left: Indices, right: Indices, page: _Page) -> bool:
    """Whether one of two sides is a sidebar: its lines are shorter, and a divider runs between the two.

    A table has more columns, or one that labels its rows.
    """
    words, sides = page.words, (page.box[left], page.box[right])
    if words is None or not _is_divided(*sides, page.dividers):
        return False
    if any(map(gutters, sides)) or labels_rows(left, words) or labels_rows(right, words):
        return False
    shorter, longer = sorted(float(np.percentile(side[:, 2] - side[:, 0], FULL_LINE)) for side in sides)
    return longer >= SIDEBAR * shorter


def _is_divided(left: Floats, right: Floats, dividers: Floats) -> bool:
    """Whether a divider runs between lines of bounds (n, 4) and (m, 4), and none through them, as in a table."""
    top, bottom = max(left[:, 1].min(), right[:, 1].min()), min(left[:, 3].max(), right[:, 3].max())
    middle = dividers[:, 1::2].mean(1)
    x = dividers[(middle > top) & (middle < bottom), 0::2].mean(1)
    between = (x > left[:, 2].max()) & (x < right[:, 0].min())
    within = (x > left[:, 0].min()) & (x < right[:, 2].max())
    return bool(between.any() and (between == within).all())


def _is_running(columns: Sequence[Indices], page: _Page) -> bool:
    """Whether columns are known to be prose."""
    return page.words is not None and is_running(columns, page.words)


def _is_register(sides: Sequence[Indices], edges: Sequence[Sequence[Indices]], page: _Page) -> bool:
    """Whether two sides, of which `edges` are the columns, are those of an index, of contents or of prices."""
    words = page.words
    if words is None or not all(may_be_register(columns, words) for columns in edges):
        return False
    rows = [_rows(side, page.lines, words) for side in sides]
    headed = any(_is_headed(column, page) for columns in edges for column in columns)
    return is_register(rows) or (not headed and is_price_list(rows))


def _rows(side: Indices, lines: Boxes, words: Words) -> list[str]:
    """The text of each row of a side, from top to bottom."""
    rows = sorted((side[row] for row in chains(lines[side], rows=True)), key=lambda row: float(lines[row, 1].mean()))
    return [" ".join(words.texts[n] for n in row.tolist()) for row in rows]


def _is_headed(column: Indices, page: _Page) -> bool:
    """Whether a column is figures below a heading, as in a table; a heading in a list of prices is above the names."""
    words, box, middle = page.words, page.box, page.lines[:, 1]
    if words is None or len(column) < 2 or words.figures[column].mean() <= 0.5:
        return False
    over = np.flatnonzero((box[:, 0] < box[column, 2].max()) & (box[:, 2] > box[column, 0].min()))
    over = over[np.argsort(-middle[over], kind="stable")]
    first, pitch = float(middle[column[-1]]), float(np.median(np.diff(middle[column])))
    for n in over[middle[over] < first].tolist():
        if first - middle[n] > 3 / 2 * pitch:
            return False
        if not words.figures[n]:
            return True
        first = float(middle[n])
    return False


def _beside(one: Indices, other: Indices, page: _Page) -> float:
    """The fraction of the lines of one side that stand beside a line of the other."""
    top, bottom = page.box[one, 1], page.box[one, 3]
    begun = np.searchsorted(np.sort(page.box[other, 1]), bottom)
    ended = np.searchsorted(np.sort(page.box[other, 3]), top, side="right")
    return float((begun > ended).mean())


def _edges(side: Indices, page: _Page) -> list[Indices]:
    """The lines of a side that begin at the same edge, each group from top to bottom."""
    side = side[np.argsort(page.box[side, 0], kind="stable")]
    near = SAME_EDGE * float(np.median(page.lines[side, 3]))
    groups: list[Indices] = []
    while len(side):
        left = page.box[side, 0]
        # The edge at which most of the remaining lines begin.
        counts = np.searchsorted(left, left + near, side="right") - np.arange(len(side))
        first = int(counts.argmax())
        last = first + int(counts[first])
        group, side = side[first:last], np.concatenate([side[:first], side[last:]])
        groups.append(group[np.argsort(page.lines[group, 1], kind="stable")])
    return sorted(groups, key=lambda group: float(page.box[group, 0].min()))


def _is_prose(side: Indices, columns: Sequence[Indices], page: _Page) -> bool:
    """Whether the lines of a side are long, and fill the columns that they begin."""
    width, height = page.box[:, 2] - page.box[:, 0], page.box[:, 3] - page.box[:, 1]
    if float(np.median(width[side] / height[side])) < COLUMN_LENGTH:
        return False
    fills = [width[column] / np.percentile(width[column], FULL_LINE) for column in columns if column[0] in side]
    return float(np.median(np.concatenate(fills))) >= COLUMN_FILL


def _gutter(left: Indices, right: Indices, page: _Page) -> float:
    """The width of a gutter in line heights."""
    height = float(np.median(page.lines[np.concatenate([left, right]), 3]))
    return float(page.box[right, 0].min() - page.box[left, 2].max()) / height


def _in_own_lines(left: Indices, right: Indices, columns: Sequence[Indices], page: _Page) -> bool:
    """Whether each side begins at one edge, and their lines do not form common rows."""
    if np.count_nonzero(page.centred[np.concatenate([left, right])]) >= CENTRED_CELLS:
        return False
    begin = [max(len(column) for column in columns if column[0] in side) / len(side) for side in (left, right)]
    level = max(len(_level(one, other, page)) / len(one) for one, other in ((left, right), (right, left)))
    return min(begin) >= ONE_EDGE and level < IN_ROWS


def _level(one: Indices, other: Indices, page: _Page) -> npt.NDArray[np.int64]:
    """Which lines of two columns are level: pairs of their places in the columns, (m, 2)."""
    drop = np.abs(page.lines[one, 1][:, None] - page.lines[other, 1][None])
    nearest = drop.argmin(1)
    near = drop[np.arange(len(one)), nearest] <= LEVEL * np.minimum(page.lines[one, 3], page.lines[other, 3][nearest])
    return np.stack([np.flatnonzero(near), nearest[near]], 1)


def _direction(columns: Sequence[Indices], count: int, page: _Page, running: bool, sidebar: bool) -> Direction | None:
    """How the text of `count` lines runs, if most of them stand in columns and their words show it."""
    columns = [column for column in columns if len(column) >= SHORTEST_COLUMN]
    if page.words is None or len(columns) < 2 or sum(map(len, columns)) < ONE_EDGE * count:
        return None
    return direction(columns, lambda one, other: _level(one, other, page), page.words, running, sidebar)
