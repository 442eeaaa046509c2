"""Functions over the columns of a frame, and groups of its rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import raypipe
from raypipe import visual
from raypipe.errors import ConfigError
from raypipe.visual import functions as f
from raypipe.visual import start
from raypipe.visual.functions import col, udf
from raypipe.visual.types import ArrayType, IntegerType, StringType, StructField, StructType

ROWS = [
    {"path": "in/a.pdf", "n": 1, "text": "one x1", "boxes": [{"x": 1.0}, {"x": 2.0}]},
    {"path": "in/b.pdf", "n": 2, "text": "two", "boxes": []},
    {"path": "in/a.pdf", "n": 3, "text": None, "boxes": [{"x": 3.0}]},
    {"path": "in/a.pdf", "n": 4, "text": "four", "boxes": []},
]


@pytest.fixture
def frame() -> visual.Frame:
    return start().createDataFrame(ROWS)


def values(frame: visual.Frame) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in frame.collect()]


@pytest.mark.parametrize(
    ("column", "name", "first", "third"),
    [
        (f.trim(f.lit(" x ")), "trim( x )", "x", "x"),
        (f.substring("text", 1, 3), "substring(text, 1, 3)", "one", None),
        (f.substring("text", -2, 2), "substring(text, -2, 2)", "x1", None),
        (f.concat("path", f.lit(":"), "n"), "concat(path, :, n)", "in/a.pdf:1", "in/a.pdf:3"),
        (f.concat_ws("-", "text", "n"), "concat_ws(text, n)", "one x1-1", "3"),
        (f.coalesce("text", f.lit("?")), "coalesce(text, ?)", "one x1", "?"),
        (f.split("text", " "), "split(text,  , -1)", ["one", "x1"], None),
        (f.split("text", "[ x]", 2), "split(text, [ x], 2)", ["one", "x1"], None),
        (f.array_join(f.split("text", " "), "/"), "array_join(split(text,  , -1), /)", "one/x1", ""),
        (f.regexp_extract("path", "([^/]+)[.]pdf$", 1), "regexp_extract(path, ([^/]+)[.]pdf$, 1)", "a", "a"),
        (f.regexp_extract("text", r"(\d)", 1), r"regexp_extract(text, (\d), 1)", "1", None),
        (f.regexp_replace("text", "(o)n", "[$1]"), "regexp_replace(text, (o)n, [$1])", "[o]e x1", None),
        (f.round(col("n") / 8, 1), "round((n / 8), 1)", 0.1, 0.4),
        (f.when(col("n") > 2, "many").otherwise("few"), "CASE WHEN (n > 2) THEN many ELSE few END", "few", "many"),
        (f.when(col("text") == "one x1", 1).alias("w"), "w", 1, None),
        (col("n").cast("string"), "n", "1", "3"),
        (col("n").between(1, 2), "((n >= 1) AND (n <= 2))", True, False),
        (col("text").like("o%1"), "text LIKE o%1", True, None),
    ],
)
def test_functions_are_those_of_spark(frame: visual.Frame, column: f.Column, name: str, first: Any, third: Any) -> None:
    selected = frame.select(column)
    assert selected.columns == [name]
    assert [row[0] for row in selected.collect()][0::2] == [first, third]


def test_functions_of_python_take_columns(frame: visual.Frame) -> None:
    upper = udf(lambda text: text and text.upper())
    assert values(frame.select(upper("text").alias("t"))) == [("ONE X1",), ("TWO",), (None,), ("FOUR",)]

    @udf("int")
    def count(boxes: list[Any]) -> int:
        return len(boxes)

    @udf(returnType=ArrayType(StringType()))
    def words(text: str | None) -> list[str]:
        return text.split() if text else []

    assert values(frame.filter(count("boxes") > 0).select("n", (count("boxes") + 1).alias("more"))) == [(1, 3), (3, 2)]
    assert values(frame.select("n", f.explode(words("text")))) == [(1, "one"), (1, "x1"), (2, "two"), (4, "four")]
    assert frame.select(count("boxes")).columns == ["count(boxes)"]
    first = udf(lambda box: box.x if box else None, "double")
    assert values(frame.select(first(col("boxes")[0]).alias("x"))) == [(1.0,), (None,), (3.0,), (None,)]
    assert values(frame.select(udf(lambda: 1, "int")()).limit(1)) == [(1,)]


def test_functions_of_python_get_pixels_and_files(page_png: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(page_png)
    files = start().read.format("binaryFile").load(tmp_path)
    assert values(files.select(udf(len, "int")("content"))) == [(len(page_png),)]
    pictures = visual.BinaryToImage().transform(files)
    (row,) = pictures.select("image", udf(lambda image: len(image.data), "int")("image").alias("n")).collect()
    assert row.n == row.image.width * row.image.height


def test_what_a_function_of_python_raises_ends_the_program(frame: visual.Frame) -> None:
    with pytest.raises(ZeroDivisionError):
        frame.select(udf(lambda n: n / 0)("n")).collect()


def test_groups_have_keys_and_what_is_computed_of_them(frame: visual.Frame) -> None:
    groups = frame.groupBy("path")
    document = f.concat_ws(" ", f.collect_list("text")).alias("document")
    found = groups.agg(document, f.avg("n"), f.count("*").alias("pages"), f.count("text"), f.max("n"), f.first("text"))
    assert found.columns == ["path", "document", "avg(n)", "pages", "count(text)", "max(n)", "first(text)"]
    assert values(found) == [
        ("in/a.pdf", "one x1 four", 8 / 3, 3, 2, 4, "one x1"),
        ("in/b.pdf", "two", 2.0, 1, 1, 2, "two"),
    ]
    assert values(groups.count()) == [("in/a.pdf", 3), ("in/b.pdf", 1)]
    assert values(groups.sum("n")) == values(groups.agg({"n": "sum"})) == [("in/a.pdf", 8), ("in/b.pdf", 2)]
    assert values(frame.groupBy(col("n") > 2).agg(f.collect_list(f.length("text")))) == [(False, [6, 3]), (True, [4])]
    assert values(frame.agg(f.min("n"), f.collect_set("path"))) == [(1, ["in/a.pdf", "in/b.pdf"])]
    assert values(frame.limit(0).groupBy("path").count()) == []


def test_rows_are_there_once(frame: visual.Frame) -> None:
    assert values(frame.select("path").distinct()) == [("in/a.pdf",), ("in/b.pdf",)]
    assert values(frame.dropDuplicates(["path"]).select("n")) == [(1,), (2,)]


def test_frames_follow_each_other(frame: visual.Frame) -> None:
    few = frame.select("n", "text").limit(1)
    assert values(few.union(frame.select("n", "path").limit(1))) == [(1, "one x1"), (1, "in/a.pdf")]
    assert values(few.unionByName(frame.select("text", "n").limit(1))) == [(1, "one x1"), (1, "one x1")]


def test_rows_are_sorted_each_way(frame: visual.Frame) -> None:
    assert [row.n for row in frame.orderBy(f.desc("n")).collect()] == [4, 3, 2, 1]
    assert [row.n for row in frame.sort(frame.path.desc(), f.asc("n")).collect()] == [2, 1, 3, 4]
    assert [row.n for row in frame.sort(["path", "n"], ascending=[True, False]).collect()] == [4, 3, 1, 2]


def test_a_frame_is_empty_or_shown_line_by_line(frame: visual.Frame, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.limit(0).isEmpty() and not frame.isEmpty()
    frame.select("n", "text").show(1, vertical=True)
    assert capsys.readouterr().out == "-RECORD 0-\n n    | 1\n text | one x1\nonly showing top 1 row\n"


def test_rows_have_the_types_of_spark() -> None:
    kind = StructType([StructField("path", StringType(), True), StructField("n", IntegerType())])
    frame = start().createDataFrame([("a", 1)], kind)
    assert repr(frame) == "Frame[path: string, n: integer]"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda frame: frame.select(udf(lambda n: n)("n")).collect(), r"<lambda>\(n\) does not give string: .*udf"),
        (lambda frame: udf(str, "text"), "'text' is not a type. Use string, "),
        (lambda frame: frame.select(f.avg("n")), r"avg\(n\) is computed of several rows. Write groupBy"),
        (lambda frame: frame.groupBy("m"), "m cannot be computed: No match for m"),
        (lambda frame: frame.groupBy("boxes").count(), "The groups cannot be computed: .*Group by columns of numbers"),
        (lambda frame: frame.groupBy("path").agg("n"), r"no function for 'n'. Write avg\('n'\)"),
        (lambda frame: frame.groupBy("path").agg({"n": "median"}), "no function 'median' of groups. Use one of avg"),
        (lambda frame: frame.groupBy("path").agg(f.min("n"), f.min("n")), r"agg gives two columns the name 'min\(n\)'"),
        (lambda frame: frame.distinct(), r"compared by 'boxes'.*dropDuplicates\(\["),
        (lambda frame: frame.union(frame.select("n", "text", "path", "boxes")), "columns of both frames differ: Frame"),
        (lambda frame: frame.sort(f.length("text")), "not by expressions. Make it one: withColumn"),
        (lambda frame: frame.sort("n", ascending=[True, False]), r"cannot be sorted by \['n'\], \[True, False\]"),
        (lambda frame: frame.select(col("text").cast("int")).collect(), r"^cast\(text\) cannot be computed: Failed to"),
        (lambda frame: f.when("n", 1), r"'n' is not a condition. Write when\(col"),
    ],
)
def test_what_cannot_be_says_what_can(frame: visual.Frame, wrong: Callable[[visual.Frame], Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        wrong(frame)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (lambda frame: start().readStream, "has no readStream.*use raypipe run"),
        (lambda frame: start().sparkContext, "has no sparkContext.*leave out what sets up Spark"),
        (lambda frame: frame.write.csv, r"not written by csv: frame.select\(...\).toPandas\(\).to_csv"),
        (lambda frame: frame.write.option, "not written by option: write.parquet"),
        (lambda frame: visual.BinaryToImage().explainParms, "The nearest is explainParams"),
        (lambda frame: visual.BinaryToImage().uid, r"BinaryToImage has no uid. Use type\(stage\).__name__"),
        (lambda frame: frame.localCheckpoint(), r"localCheckpoint is not offered: use frame.cache\(\), or write"),
        (lambda frame: frame.pandas_api(), r"no pandas_api. It has the columns \['path'.*; toPandas\(\) gives a frame"),
        (
            lambda frame: visual.LightPipeline(visual.PipelineModel([visual.BinaryToImage()])).annotate,
            "LightPipeline has no annotate: fromLocalPath",
        ),
    ],
)
def test_what_is_missing_names_what_does_it(
    frame: visual.Frame, missing: Callable[[visual.Frame], Any], words: str
) -> None:
    with pytest.raises(AttributeError, match=words):
        missing(frame)


def test_what_is_not_written_and_named_otherwise_names_what_is(frame: visual.Frame) -> None:
    with pytest.raises(ConfigError, match=r"as 'binaryFormat'. Use parquet, or for row in .* to_pil_image"):
        frame.write.format("binaryFormat")
    with pytest.raises(ConfigError, match="no write mode 'append'.*read.parquet takes several"):
        frame.write.mode("append")
    with pytest.raises(ConfigError, match="Did you mean 'image_printed_transformer_extraction'"):
        visual.PretrainedPipeline("image_printed_transformer")


def test_what_is_not_offered_is_imported_with_the_others() -> None:
    from raypipe.visual import info
    from raypipe.visual.enums import FontStyle, TextStripperType
    from raypipe.visual.functions import arrays_zip
    from raypipe.visual.types import ShortType
    from raypipe.visual.utils import display_tables

    for absent, words in (
        (FontStyle, "FontStyle is not offered: .*setFilledRect"),
        (TextStripperType, "setTextLayer"),
        (arrays_zip, r"arrays_zip is not offered: there are .*explode.*write a function of Python: udf\(.*\)\.$"),
        (display_tables, "display_tables is not offered: .*`lines` has the words"),
        (ShortType, r"ShortType is not offered: there are ArrayType.*pyarrow.int16\(\), can be given, too\.$"),
        (info, "info is not offered: `raypipe doctor`"),
    ):
        with pytest.raises(ConfigError, match=words):
            _ = absent.BOLD
        with pytest.raises(ConfigError, match=words):
            absent("text")


def test_the_version_is_raypipes() -> None:
    assert visual.version() == raypipe.__version__
