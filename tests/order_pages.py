"""Pages whose reading order is known: lines of text and where they stand, for the tests and `benchmarks/order.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import NamedTuple

SIZE, LEADING = 30, 48
"""Height of the letters and distance of the lines, in pixels."""


class Placed(NamedTuple):
    """A line of text; its top left corner and the size of its letters, in pixels."""

    text: str
    x: float
    y: float
    size: float = SIZE


Page = list[list[Placed]]
"""The rows of a page in reading order; what stands in one row shares a line of the text."""

PROSE = """The harbour master keeps a green ledger in which he writes, every morning before the town is up, what the
wind and the tide are doing and which ships have come in. Seven of them came before noon today. Two carried timber
and one carried salt; the last one brought letters from home, and a box of oranges that nobody had asked for. He put
the box on the sill and went on with his work. At nine the bell of the chapel rang, and the fishwives came down the
steps with their baskets. There was talk of a storm in the west, but the glass stood high and the gulls sat quietly on
the roof of the customs house. By evening the box was empty. Nobody could say who had eaten the oranges, although the
cat had a guilty look about her and the apprentice would not have any supper. The ledger says only that the night was
clear, that the tide turned at ten, and that the lamp was lit. In the morning another ship lay in the roads, and she
flew a flag that he did not know. He took down the book of flags from its shelf and turned its pages slowly."""


def column(lines: Sequence[str], x: float, y: float, leading: float = LEADING, size: float = SIZE) -> Page:
    """Lines below each other."""
    return [[Placed(line, x, y + n * leading, size)] for n, line in enumerate(lines)]


def wrapped(text: str, length: int) -> list[str]:
    """A text as lines of at most `length` characters."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + 1 + len(word) > length:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def prose(count: int, columns: int, length: int, offset: float = 0, pitch: float = 0) -> Page:
    """Columns of `count` lines of at most `length` characters; each begins `offset` lower than the one before."""
    lines = wrapped(PROSE, length)
    pitch = pitch or length * SIZE * 0.62
    return [
        row
        for n in range(columns)
        for row in column(lines[n * count : (n + 1) * count], 100 + n * pitch, 200 + n * offset)
    ]


def grid(rows: Sequence[Sequence[str]], places: Sequence[float], y: float = 200, leading: float = LEADING) -> Page:
    """A table: each row is read across."""
    return [
        [Placed(cell, x, y + n * leading) for cell, x in zip(row, places, strict=True) if cell]
        for n, row in enumerate(rows)
    ]


VERSE = [
    ["O wind that moves", "across the field,", "you turn the mill", "and bend the wheat", "and then you sleep."],
    ["O rain that falls", "upon the roof,", "you fill the well", "and wake the seed", "and then you cease."],
]
CAPITAL_VERSE = [
    ["Tell me, little bird,", "Where you spent the night,", "Was it in the cherry tree,", "Hidden out of sight?"],
    ["No, I slept upon the sea,", "Rocking on a mast,", "Till the morning came for me,", "Bright and blue at last."],
]
PLAIN_VERSE = [
    ["the moon climbs up", "the silver wall", "and leaves her coat", "upon the hall"],
    ["the owl that hears", "the mouse go by", "is in the barn", "and in the sky"],
    ["the river turns", "the mill at night", "and grinds the stars", "to flour white"],
]
INDEX = [
    ["Acorns, 12", "Anchors, 45, 61", "Apples, 7", "Barley, 102", "Beacons, 33", "Bees, 18-24"],
    ["Candles, 90", "Chapel, 5", "Customs house, 14", "Eels, 71", "Ferries, 8, 29", "Flags, 112"],
    ["Gulls, 3", "Harbour, 1, 16", "Herrings, 77", "Lamps, 52", "Oranges, 66", "Salt, 20"],
]
NAMES = [
    ["Adams", "Baker", "Barrow", "Carter", "Cole", "Dixon"],
    ["Ellis", "Fisher", "Foster", "Grant", "Hughes", "Irving"],
    ["Jones", "King", "Lowe", "Mason", "Norris", "Owen"],
]
SIDEBAR = ["CONTACT", "12 Mill Lane", "Whitby", "555 0134", "LANGUAGES", "Danish", "Welsh", "Basque"]
CONTACT = [*SIDEBAR, "SKILLS", "Welding", "Sailing", "Knitting"]
CAREER = [
    "Experience",
    "Head gardener at the Northfield estate from 2014 to 2021,",
    "in charge of nine people and forty acres of orchard.",
    "Nursery assistant at Brook and Sons from 2009 to 2014,",
    "where I raised roses, pears and quince from seed.",
    "Education",
    "Diploma in horticulture, College of the North, 2009.",
    "First aid certificate renewed every other year.",
]
DETAILS = ["Phone:", "555 0134", "Mail:", "ada@mill.org", "Address:", "12 Mill Lane", "Whitby", "Hobbies:", "Rowing"]
POST = [
    "Ada Byron, mechanic",
    "Work",
    "2018 - 2023 Harbour Office, Whitby",
    "Kept the cranes running and wrote the",
    "software for the tide tables.",
    "2014 - 2018 Brook and Sons, Leith",
    "Repaired engines of ferries and tugs,",
    "trained five apprentices.",
    "Education",
    "2010 - 2014 College of the North",
    "Diploma in mechanical engineering",
    "Languages",
]
PRICES = [
    ["Item", "Quantity", "Price", "Total"],
    ["Timber", "12", "4.50", "54.00"],
    ["Salt", "3", "1.20", "3.60"],
    ["Green paint", "2", "7.15", "14.30"],
    ["Lamp oil", "10", "0.85", "8.50"],
    ["Rope", "40", "0.30", "12.00"],
    ["Sailcloth", "6", "9.99", "59.94"],
]
SHIPS = [
    ["Ship", "Master", "From", "Cargo"],
    ["Albatross", "Harper", "Bergen", "timber"],
    ["Fair Wind", "Jones", "Cadiz", "salt"],
    ["Maria", "Petersen", "Riga", "flax"],
    ["Northern Star", "Walker", "Leith", "letters"],
    ["Swallow", "Blake", "Porto", "oranges"],
    ["Unity", "Cole", "Hull", "coal"],
]
TWO_COLUMN_TABLE = [
    ["Opening hours", "Ticket price"],
    ["Monday", "two pounds"],
    ["Tuesday", "two pounds"],
    ["Wednesday", "closed all day"],
    ["Thursday", "three pounds"],
    ["Friday", "half price"],
    ["Saturday", "four pounds"],
]
DIRECTORY = [
    ["John Harper", "12 Mill Lane, Whitby"],
    ["Mary Ellis", "4 Chapel Street, Leith"],
    ["Peter Walker", "The Old Customs House"],
    ["Ann Petersen", "31 Harbour Road, Hull"],
    ["James Cole", "7 Kirby Avenue, York"],
    ["Ruth Grant", "18 Valencia Street"],
]
MENU = [
    [
        "Soup of the day, 4.50",
        "Smoked herring, 6.25",
        "Goat's cheese, 6.95",
        "Mains",
        "Fish and chips, 12.50",
        "Lamb, 16.75",
    ],
    ["Lemon tart, 5.75", "Pudding, 5.50", "Cheese, 7.00", "Drinks", "Ale from Whitby, 3.80", "Cider, 4.10"],
]
RATES = [
    ["Boat", "Hour", "Skipper", "Day"],
    ["Gig", "4.50", "Harper", "31.00"],
    ["Yawl", "7.25", "Jones", "44.50"],
    ["Coble", "5.10", "Walker", "36.75"],
    ["Ketch", "9.95", "Blake", "52.20"],
    ["Punt", "2.00", "Cole", "18.60"],
]
SCORES = [
    ["Whitby", "3", "Leith", "1"],
    ["Hull", "0", "York", "0"],
    ["Riga", "2", "Bergen", "4"],
    ["Porto", "1", "Cadiz", "0"],
    ["Ockham", "5", "Bristol", "2"],
]
PARTIES = [
    ["Seller", "Marlow and Finch", "48 Station Road", "Bristol BS1 4QA", "England"],
    ["Buyer", "Brook and Sons", "Unit 3, Dock Estate", "Leith EH6 7DN", "Scotland"],
]
TASKS = [
    ["Task", "Who", "Until"],
    ["Paint the boat house", "Ben and Cora", "end of May"],
    ["Order new ropes", "Ada", "next week"],
    ["Write to the council", "Eva", "tomorrow"],
    ["Repair the clock", "Dan", "no hurry"],
    ["Count the lifebelts", "all of us", "on Friday"],
]
ENGINE = [
    ["Engine", "four cylinders, water cooled"],
    ["Fuel", "diesel, 40 litres"],
    ["Weight", "1200 kg without driver"],
    ["Brakes", "discs in front, drums behind"],
    ["Seats", "five, leather"],
    ["Colour", "green or black"],
]
FORM = [
    ["Name: Ada Lovelace", "Born: 10 December 1815"],
    ["Street: 12 Mill Lane", "Town: Ockham"],
    ["Phone: none", "Mail: by the post"],
    ["Weight: 9 stone", "Height: 5 foot 6"],
    ["Doctor: Dr Locock", "Ward: east"],
]
LABELS = [[f"{name}:", value] for name, value in (
    ("Name", "Ada Lovelace of Ockham Park in Surrey"),
    ("Date of birth", "10 December 1815"),
    ("Street", "12 Mill Lane, near the customs house"),
    ("Town", "Ockham"),
    ("Next of kin", "William King, who lives at the same place"),
    ("Doctor", "Charles Locock"),
)]  # fmt: skip
WRAPPED_LABELS = [
    ["Name of the", ""],
    ["applicant:", "Ada Byron"],
    ["Former places of", "Head gardener at the Northfield estate, in"],
    ["work:", "charge of nine people and an orchard."],
    ["Reason for", "The estate was sold, and the new owner"],
    ["leaving:", "brought his own people with him."],
    ["Remarks:", "Speaks Danish and some Welsh, and writes"],
    ["", "a clear hand."],
]
QUESTIONS = [
    ["Did you feel feverish lately?", "Yes No"],
    ["Are you having shortness of breath?", "yes no"],
    ["Do you have a cough?", "Yes No"],
    ["Did you lose your taste or smell?", "yes No"],
    ["Were you in contact with any patients?", "yes no"],
]
INTERVIEW = [
    ["Question", "Answer"],
    ["Is the harbour open?", "Yes, from six to ten."],
    ["Who keeps the lamp?", "The harbour master does."],
    ["When is high tide?", "At nine in the evening."],
    ["Are dogs allowed?", "Only on a lead."],
    ["Where are tickets sold?", "At the customs house."],
]
ADDRESSES = [
    ["Bill to:", "Ada Byron", "12 Mill Lane", "Bristol", "England"],
    ["Ship to:", "Ben Kerr", "4 Quay Street", "Leith", "Scotland"],
]
CHORES = [
    ["Oil the lamp", "Paint the door", "Mend the net", "Feed the cat"],
    ["Write to Ada", "Buy some rope", "Ring the bell", "Sweep the quay"],
]
TALK = ["Are you coming tonight?", "Yes, at eight.", "Bring the oranges!", "Which oranges?", "Those from the ship.",
        "Nobody has those.", "Ask the cat.", "She will not talk."]  # fmt: skip
DEFINITIONS = [
    ["anchor", "a heavy hook of iron that holds a ship"],
    ["bilge", "the lowest part inside the hull"],
    ["cleat", "a piece of wood to which ropes are tied"],
    ["ebb", "the tide when it goes out"],
    ["fathom", "a measure of depth, about six feet"],
]
REMARKS = [
    ["Surname", "First name", "Remark"],
    ["Byron", "Ada", "absent on Monday"],
    ["Kerr", "Ben", "moved to Leith"],
    ["Dunn", "Cora", "new since May"],
    ["Eads", "Dan", "has a sister in 4a"],
]
DATES = [
    ["2014 - 2021", "Head gardener at the Northfield estate, in"],
    ["2009 - 2014", "Nursery assistant at Brook and Sons"],
    ["2005 - 2009", "Student of horticulture, College of the North"],
    ["2003 - 2005", "Apprentice in the harbour office"],
    ["1999 - 2003", "School in Whitby and in Leith"],
]


REPORTS = [
    "Two offers came in; the cheaper one is taken.",
    "Ordered in May, comes in June.",
    "Date fixed for 14 July. Volunteers are needed for the tombola and for the tea afterwards.",
    "Nothing to report.",
]


def newspaper() -> Page:
    """A headline over three columns, a smaller one over two of them, and a footer."""
    top = [[Placed("STORM OVER THE HARBOUR LEAVES THE TOWN IN THE DARK", 110, 60, 60)]]
    second = [[Placed("The glass stood high all day, says the master of the port", 110, 160, 40)]]
    lines = wrapped(PROSE, 30)
    body = [row for n in range(2) for row in column(lines[n * 9 : n * 9 + 9], 100 + n * 620, 240)]
    right = column(lines[18:29], 1340, 160)
    return [*top, *second, *body, *right, [Placed("Printed and sold by J. Harper at the sign of the lamp", 700, 760)]]


def heading_below() -> Page:
    """Two columns, a heading below the left one, and lines as wide as both, to which it belongs."""
    below = [[Placed("Of the customs house", 100, 200 + 9 * LEADING + 40)]]
    wide = column(wrapped(PROSE, 85)[3:6], 100, 200 + 10 * LEADING + 40)
    return [*prose(9, 2, 40), *below, *wide]


def articles() -> Page:
    """A narrow title above the middle of three columns, and below them two columns, each under a heading of its own."""
    title = [[Placed("Whitby Herald", 560, 60, 44)], [Placed("4 June 1952", 600, 120)]]
    first = [Placed("Oranges", 100, 200, 40)]
    lines = wrapped(PROSE, 24)
    columns = [row for n in range(3) for row in column(lines[n * 8 : n * 8 + 8], 100 + n * 440, 260)]
    wide = wrapped(PROSE, 40)
    below = [
        row
        for n, heading in enumerate(("Council meets", "New bridge opened"))
        for row in ([Placed(heading, 100 + n * 640, 700, 32)], *column(wide[n * 6 : n * 6 + 6], 100 + n * 640, 750))
    ]
    return [*title, first, *columns, *below]


def letterhead() -> Page:
    """Addresses left and right, then a letter."""
    heads = grid([["The Harbour Office", "Whitby, 12 May 1931"]], [100, 1100], 100)
    return [*heads, *column(wrapped(PROSE, 80)[:8], 100, 300)]


def margin_notes(x: float, margin: float) -> Page:
    """Prose that begins at `x`, then what is noted in a margin."""
    notes = [[Placed(text, margin, y)] for text, y in (("see page 4", 205), ("ask John", 440), ("about this", 475))]
    return [*column(wrapped(PROSE, 60)[:14], x, 100), *notes]


def captions() -> Page:
    """Prose that runs around two captions, which come last."""
    full, narrow = wrapped(PROSE, 80), wrapped(PROSE[PROSE.index("He put") :], 56)
    top, below = column(full[:3], 100, 100), column(narrow[:14], 100, 100 + 3 * LEADING)
    for row in below[7:]:
        row[0] = row[0]._replace(x=500)
    last = column(wrapped(PROSE, 80)[12:15], 100, 100 + 17 * LEADING)
    right = column(["Figure 1. The quay in", "winter, from the east"], 1130, 100 + 5.3 * LEADING)
    left = column(["Figure 2. The school", "as it was in 1880"], 100, 100 + 13.4 * LEADING)
    return [*top, *below, *last, *right, *left]


def running_head(middle: str) -> Page:
    """Two columns below a running head whose ends stand at the outer edges; below them a foot of the same kind."""
    head = [Placed(text, x, 100) for text, x in (("harbour", 100), (middle, 690), ("harvest", 1240)) if text]
    body = [row for n in range(2) for row in column(wrapped(PROSE, 40)[n * 9 : n * 9 + 9], 100 + 640 * n, 180)]
    return [head, *body, [Placed("12 May", 100, 680), Placed("page 7", 1260, 680)]]


def verse_below_title() -> Page:
    """Two columns of verse below a title that stands between them, right of the left one's lines."""
    columns = [row for n in range(2) for row in column(VERSE[n], 100 + 620 * n, 200)]
    return [[Placed("Two Songs", 600, 100, 40)], *columns]


def notes_of_four_lines() -> Page:
    """A letter, then what is noted in its left margin."""
    notes = [
        *column(["answered", "on Monday"], 100, 340, 36, 24),
        *column(["see the file", "of May"], 100, 540, 36, 24),
    ]
    return [*letter_head(400), *column(wrapped(PROSE, 60)[:12], 400, 300), *notes]


def box_below() -> Page:
    """Three columns of an article, and below them a box with two columns, which crosses none of their gutters."""
    lines = wrapped(PROSE, 18)
    box = [row for n in range(2) for row in column(lines[n * 5 : n * 5 + 5], 130 + n * 620, 200 + 9.5 * LEADING)]
    return [*prose(8, 3, 30), *box]


CARD = [
    ["Surname", "Card no."],
    ["SPECIMEN", "X4RTBPFW4"],
    ["Given names and others", "Sex"],
    ["ANNA MARIA", "F"],
    ["Date of birth", "Height"],
    ["12 AUG 1984", "1.68 m"],
    ["Nationality", "Expires"],
    ["ELDORIAN", "11 AUG 2031"],
]


def letter_head(x: float) -> Page:
    """An address above a letter."""
    return column(["The Harbour Office", "14 Custom House Lane", "Whitby"], x, 100)


def middle_cells(rows: Sequence[Sequence[Sequence[str]]], places: Sequence[float]) -> Page:
    """A table with cells of several lines, those of fewer in the middle: the first lines are read across."""
    page, y = [], 200.0
    for cells in rows:
        most = max(map(len, cells))
        top = [y + (most - len(cell)) * LEADING / 2 for cell in cells]
        placed = [column(cell, x, at) for cell, x, at in zip(cells, places, top, strict=True)]
        page += [[line for cell in placed for line in cell[0]], *(row for cell in placed for row in cell[1:])]
        y += (most + 1.2) * LEADING
    return page


def invoice() -> Page:
    """A heading, two addresses, a table of prices and a note."""
    heads = grid([["INVOICE", "No. 417"]], [100, 1100], 60)
    parties = [row for n in range(2) for row in column(PARTIES[n], 100 + 600 * n, 180)]
    return [
        *heads,
        *parties,
        *grid(PRICES, [100, 700, 900, 1100], 540),
        *column(["Please pay within 30 days."], 100, 960),
    ]


def wrapped_cells() -> Page:
    """A table with text of one to three lines in the cells of one column."""
    rows, y = [], 100.0
    for number, (task, text, who) in enumerate(zip(CHORES[0], REPORTS, ("Ada", "Ben", "Cora", "Dan"), strict=True), 1):
        first, *others = wrapped(text, 34)
        rows += [[Placed(f"{number} {task}", 100, y), Placed(first, 500, y), Placed(who, 1250, y)]]
        rows += column(others, 500, y + LEADING)
        y += LEADING * (len(others) + 1) + 20
    return rows


PLANTS = [
    (["Plant"], ["Care"], ["Notes"]),
    (["Rose"], ["Prune in March, feed", "in May and water well"], ["Likes sun and clay"]),
    (["Fern"], ["Keep moist and shaded", "all summer long"], ["Cut back old fronds", "before winter"]),
    (["Lavender"], ["Clip after flowering"], ["Poor soil, dry"]),
    (["Iris"], ["Divide every three years"], ["Rhizomes at the surface,", "full sun"]),
]


def labelled_cells() -> Page:
    """A table with text of one or two lines in the cells of two columns."""
    rows, y = [], 100.0
    for cells in PLANTS:
        lines = list(zip_longest(*cells, fillvalue=""))
        rows += grid(lines, [100, 500, 1250], y)
        y += LEADING * len(lines) + 20
    return rows


def apart(columns: Sequence[Sequence[str]], pitch: float) -> Page:
    """Columns of entries whose numbers, if any, stand apart from them."""
    rows = [(entry.split(", ", 1), n, m) for n, entries in enumerate(columns) for m, entry in enumerate(entries)]
    return [
        [Placed(part, 100 + n * pitch + 320 * k, 100 + m * LEADING) for k, part in enumerate(parts)]
        for parts, n, m in rows
    ]


MEMBER = [
    [["Surname"], ["Harrington"]],
    [["First names"], ["Lucy Anne"]],
    [["Date of birth", "(day, month, year)"], ["7 April 1988"]],
    [["Address"], ["14 Orchard Close", "Bath BA2 4QR"]],
    [["Telephone"], ["07700 900123"]],
]
RECIPE = [
    [["Ingredients"], ["200 g flour", "2 eggs", "a pinch of salt", "300 ml milk"]],
    [["Method"], ["Whisk the eggs with the milk.", "Add the flour.", "Leave to stand.", "Fry in butter."]],
    [["Serves"], ["four people"]],
]

KINDS: dict[str, Callable[[], Page]] = {
    "prose in one column": lambda: column(wrapped(PROSE, 80)[:10], 100, 100),
    "prose in two columns": lambda: prose(9, 2, 40),
    "prose in three columns": lambda: prose(8, 3, 30),
    "prose in four columns": lambda: prose(8, 4, 24),
    "prose in three narrow columns": lambda: prose(14, 3, 22),
    "prose in four narrow columns": lambda: prose(10, 4, 18),
    "prose in eight very narrow columns": lambda: prose(9, 8, 10, pitch=230),
    "prose in five columns, close": lambda: prose(9, 5, 15, pitch=285),
    "prose in three columns, very close": lambda: prose(8, 3, 30, pitch=30 * SIZE * 0.5 + 0.4 * SIZE),
    "prose in three columns, not level": lambda: prose(8, 3, 30, offset=17),
    "newspaper": newspaper,
    "heading below two columns": heading_below,
    "articles in three and two columns": articles,
    "verse in two columns": lambda: [*column(VERSE[0], 200, 150, 90, 44), *column(VERSE[1], 1200, 150, 90, 44)],
    "verse in two columns, close": lambda: [*column(VERSE[0], 100, 150), *column(VERSE[1], 500, 150)],
    "verse with capitals": lambda: [*column(CAPITAL_VERSE[0], 100, 150), *column(CAPITAL_VERSE[1], 700, 150)],
    "verse without marks": lambda: [row for n in range(2) for row in column(PLAIN_VERSE[n], 100 + 600 * n, 150)],
    "verse without marks in three columns": lambda: [
        row for n in range(3) for row in column(PLAIN_VERSE[n], 100 + 450 * n, 150)
    ],
    "index in two columns": lambda: [row for n in range(2) for row in column(INDEX[n], 100 + 450 * n, 100)],
    "index in three columns": lambda: [row for n in range(3) for row in column(INDEX[n], 100 + 450 * n, 100)],
    "index in two columns, numbers apart": lambda: apart(INDEX[:2], 600),
    "index in three columns, numbers apart": lambda: apart(INDEX, 600),
    "prices in two columns": lambda: apart(MENU, 700),
    "names in three columns": lambda: [row for n in range(3) for row in column(NAMES[n], 100 + 380 * n, 100)],
    "sidebar": lambda: [*column(SIDEBAR, 60, 80, 85), *column(CAREER, 520, 80, 85)],
    "sidebar, not level": lambda: [*column(SIDEBAR, 60, 80, 50, 26), *column(CAREER, 520, 90, 62)],
    "sidebar of short lines, level": lambda: [*column(CONTACT, 60, 80, 60, 24), *column(POST, 460, 80, 60, 28)],
    "sidebar on the right": lambda: [*column(POST, 60, 80, 60, 28), *column(CONTACT, 860, 80, 60, 24)],
    "sidebar of labels": lambda: [*column(DETAILS, 60, 80, 60, 28), *column(CAREER, 460, 80, 60, 28)],
    "sidebar of labels, not level": lambda: [*column(DETAILS, 60, 80, 64, 28), *column(CAREER, 460, 80, 49, 28)],
    "addresses under headings": lambda: [row for n in range(2) for row in column(ADDRESSES[n], 100 + 600 * n, 100)],
    "items": lambda: [row for n in range(2) for row in column([f"- {item}" for item in CHORES[n]], 100 + 600 * n, 100)],
    "numbered items": lambda: [
        row
        for n in range(2)
        for row in column([f"{4 * n + m}. {item}" for m, item in enumerate(CHORES[n], 1)], 100 + 600 * n, 100)
    ],
    "numbered items by rows": lambda: grid(
        [[f"{2 * n + 1}. {one}", f"{2 * n + 2}. {other}"] for n, (one, other) in enumerate(zip(*CHORES, strict=True))],
        [100, 700],
    ),
    "talk in turn": lambda: [[Placed(text, 100 + n % 2 * 600, 200 + 80 * n)] for n, text in enumerate(TALK)],
    "questions and answers": lambda: grid(INTERVIEW, [100, 750]),
    "definitions": lambda: grid(DEFINITIONS, [100, 350]),
    "remarks": lambda: grid(REMARKS, [100, 400, 700]),
    "table of prices": lambda: grid(PRICES, [100, 500, 800, 1100]),
    "table of two prices": lambda: grid(RATES, [100, 500, 800, 1100]),
    "scores": lambda: grid(SCORES, [100, 500, 800, 1100]),
    "table of text that wraps": wrapped_cells,
    "table of text that wraps in two columns": labelled_cells,
    "invoice": invoice,
    "table of words": lambda: grid(SHIPS, [100, 500, 850, 1200]),
    "table of two columns": lambda: grid(TWO_COLUMN_TABLE, [100, 600]),
    "table of tasks": lambda: grid(TASKS, [100, 550, 850]),
    "technical data": lambda: grid(ENGINE, [100, 400]),
    "directory": lambda: grid(DIRECTORY, [100, 600]),
    "form with fields side by side": lambda: grid(FORM, [100, 800], leading=80),
    "form with labels": lambda: grid(LABELS, [100, 500], leading=60),
    "form with labels that wrap": lambda: grid(WRAPPED_LABELS, [100, 500], leading=60),
    "form with cells in the middle": lambda: middle_cells(MEMBER, [100, 500]),
    "recipe": lambda: middle_cells(RECIPE, [100, 500]),
    "form with choices": lambda: grid(QUESTIONS, [100, 900], leading=60),
    "dates and stations": lambda: grid(DATES, [100, 500], leading=60),
    "letterhead": letterhead,
    "fields of a card": lambda: grid(CARD, [100, 560], 100),
    "box below three columns": box_below,
    "captions beside prose": captions,
    "running head and foot": lambda: running_head(""),
    "running head with a page number": lambda: running_head("214"),
    "verse below a title": verse_below_title,
    "notes of four lines": notes_of_four_lines,
    "notes in the left margin": lambda: margin_notes(400, 100),
    "notes in the right margin": lambda: margin_notes(100, 1150),
}
