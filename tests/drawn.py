"""Pages drawn by the tests: known text in Pillow's built-in font, so that no font or data set is needed."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

LETTER = [
    "Dear Mrs Walker,",
    "thank you for the parcel of books",
    "that came on 12 March 1905.",
    "Yours truly, J. Harper",
]
LEFT = [f"the left column, line {n} of it" for n in ["one", "two", "three", "four", "five", "six"]]
RIGHT = [f"the right column, line {n} of it" for n in ["one", "two", "three", "four", "five", "six"]]


def page(lines: list[str], size: tuple[int, int] = (900, 500), font_size: int = 34) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    write(picture, lines, (50, 50), font_size)
    return picture


def write(picture: Image.Image, lines: list[str], at: tuple[int, int], font_size: int) -> None:
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(font_size)
    for number, line in enumerate(lines):
        pen.text((at[0], at[1] + number * font_size * 2), line, fill=(20, 20, 60), font=font)


def two_columns() -> Image.Image:
    picture = Image.new("RGB", (1300, 620), "white")
    write(picture, LEFT, (40, 60), 30)
    write(picture, RIGHT, (690, 60), 30)
    return picture


def twelve_pages(folder: Path) -> Path:
    """Twelve pages in ten files: one corrupt, one blank, one rotated, one two-column, a TIFF of three, five plain."""
    folder.mkdir(parents=True, exist_ok=True)
    page(LETTER).save(folder / "a_letter.png")
    page(LETTER).save(folder / "b_letter.jpg", quality=90)
    page(LETTER).convert("L").save(folder / "c_grey.png")
    page(["One short line"], (400, 120)).save(folder / "d_line.bmp")
    page(["Name: Ada    Date: 10 May"], (1200, 200), 60).save(folder / "e_form.webp", quality=95)
    (folder / "f_corrupt.jpg").write_bytes((folder / "b_letter.jpg").read_bytes()[:4000])
    page([]).save(folder / "g_blank.png")
    page(LETTER, (1000, 700)).rotate(4, fillcolor="white").save(folder / "h_rotated.png")
    two_columns().save(folder / "i_columns.png")
    pages = [page([f"Page number {n}", "of the minutes"]) for n in ("one", "two", "three")]
    pages[0].save(folder / "j_minutes.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    return folder
