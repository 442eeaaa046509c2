"""A frame's idioms, in this process."""

from __future__ import annotations

import datetime
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import raypipe as rp
from raypipe import visual
from raypipe.errors import ConfigError, InputError, OutputError
from raypipe.visual import functions, start
from raypipe.visual.enums import ImageType
from raypipe.visual.functions import col, explode, length, lit, size, upper
from raypipe.visual.paths import place
from raypipe.visual.records import Row
from raypipe.visual.tables import LocalTables

ROWS = [
    {"path": "a", "n": 1, "text": "one", "boxes": [{"x": 1.0}, {"x": 2.0}]},
    {"path": "b", "n": 2, "text": "two", "boxes": []},
    {"path": "c", "n": 3, "text": None, "boxes": [{"x": 3.0}]},
]
ANGLED = pa.list_(pa.struct([("x", pa.float32()), ("angle", pa.float64())]))


@pytest.fixture
def frame() -> visual.Frame:
    return start().createDataFrame(ROWS)


def light() -> visual.LightPipeline:
    return visual.LightPipeline(visual.PipelineModel([visual.BinaryToImage()]))


def test_a_light_pipeline_can_be_sent_to_another_process(page_png: bytes) -> None:
    (page,) = pickle.loads(pickle.dumps(light())).fromBinary(page_png)
    assert page["exception"].message == ["ocr_pipeline_exception::"]


def test_a_stage_of_visual_nlps_in_a_pipeline_of_raypipes_is_told() -> None:
    with pytest.raises(ConfigError, match=r"BinaryToImage\(\) is not a stage. Stages of raypipe.visual go into"):
        rp.Pipeline([visual.BinaryToImage()])  # type: ignore[list-item]


@pytest.fixture
def files(tmp_path: Path, page_png: bytes) -> Path:
    for name in ("a.png", "b.png", "c.jpg"):
        (tmp_path / name).write_bytes(page_png)
    return tmp_path


def values(frame: visual.Frame) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in frame.collect()]


def test_select_takes_names_expressions_and_lists(frame: visual.Frame) -> None:
    assert values(frame.select("n", "text")) == [(1, "one"), (2, "two"), (3, None)]
    assert values(frame.select(["n"])) == [(1,), (2,), (3,)]
    assert values(frame.select(frame.n, (col("n") + 1).alias("more"))) == [(1, 2), (2, 3), (3, 4)]
    assert frame.select("*").columns == ["path", "n", "text", "boxes"]


def test_what_is_selected_keeps_the_page_that_it_is_of(frame: visual.Frame) -> None:
    selected = frame.select("text")
    assert selected.columns == ["text"]
    assert selected.select("path", "text").columns == ["path", "text"]


def test_columns_that_are_computed_have_sparks_names(frame: visual.Frame) -> None:
    assert frame.select("text", length("text"), size("boxes"), col("n") + 1, ~frame.text.isNull()).columns == [
        "text",
        "length(text)",
        "size(boxes)",
        "(n + 1)",
        "(NOT (text IS NULL))",
    ]
    picture = start().createDataFrame([{"path": "a", "image": {"width": 1}, "other": {"width": 2}}])
    named = picture.select(col("image.width"), (col("image.width") + 1), col("image.width").alias("w") * 2)
    assert named.columns == ["width", "(image.width + 1)", "(w * 2)"]
    assert picture.agg(functions.avg("image.width"), functions.avg("other.width")).columns == [
        "avg(image.width)",
        "avg(other.width)",
    ]


@pytest.mark.parametrize(
    "columns", [("n", "n"), ("*", "path"), (col("text"), upper("text").alias("text")), ("image.width", "other.width")]
)
def test_no_two_columns_have_one_name(columns: Any) -> None:
    frame = start().createDataFrame([{"path": "a", "n": 1, "text": "b", "image": {"width": 1}, "other": {"width": 2}}])
    with pytest.raises(ConfigError, match=r"two columns the name '(n|path|text|width)'.*alias"):
        frame.select(*columns)


def test_one_list_is_exploded_at_a_time(frame: visual.Frame) -> None:
    with pytest.raises(ConfigError, match="explodes two lists"):
        frame.select(explode("boxes").alias("a"), explode("boxes").alias("b"))


def test_a_star_stands_for_the_fields_of_a_struct(frame: visual.Frame) -> None:
    boxes = frame.select("n", explode("boxes").alias("box"))
    assert boxes.select("n", "box.*").columns == ["n", "x"]
    assert values(boxes.select("box.*")) == [(1.0,), (2.0,), (3.0,)]
    with pytest.raises(ConfigError, match="boxes is no struct"):
        frame.select("boxes.*")


def test_items_of_lists_are_columns(frame: visual.Frame) -> None:
    assert values(frame.select(frame.boxes[1], frame.boxes.getItem(0).getItem("x"))) == [
        (Row(x=2.0), 1.0),
        (None, None),
        (None, 3.0),
    ]
    with pytest.raises(TypeError, match="not iterable"):
        list(frame.boxes)


def test_a_field_that_is_not_there_is_named(frame: visual.Frame) -> None:
    with pytest.raises(ConfigError, match=r"^boxes.z cannot be computed: .*\. printSchema\(\) shows which"):
        frame.select("boxes.z")
    with pytest.raises(ConfigError, match=r"^boxes.x.y cannot be computed: "):
        frame.select(frame.boxes.x.y)
    with pytest.raises(ConfigError, match=r"^nothing.x cannot be computed: .*printSchema"):
        frame.filter(col("nothing.x") > 0)


def test_fields_of_the_structs_of_lists_are_lists(frame: visual.Frame) -> None:
    expected: list[tuple[Any, ...]] = [([1.0, 2.0],), ([],), ([3.0],)]
    assert values(frame.select("boxes.x")) == values(frame.select(frame.boxes.x.alias("x"))) == expected
    assert frame.select("boxes.x").columns == ["x"]
    assert values(frame.select(explode("boxes.x"))) == [(1.0,), (2.0,), (3.0,)]
    assert values(frame.filter(size("boxes.x") > 1).select("n")) == [(1,)]
    nested = pa.array([None, [None], [{"a": [{"b": 1}]}]])
    some = start().createDataFrame(pa.table({"c": nested}))
    assert values(some.select("c.a.b")) == [(None,), ([None],), ([[1]],)]


def test_values_of_maps_are_columns() -> None:
    maps = pa.array([[("x", "1"), ("y", "2")], []], pa.map_(pa.string(), pa.string()))
    frame = start().createDataFrame(pa.table({"map": maps}))
    assert values(frame.select(frame.map["y"].alias("y"), "map.x")) == [("2", "1"), (None, None)]


def test_bytes_that_a_frame_has_not_read_are_not_computed_with(files: Path) -> None:
    images = start().read.format("BinaryFile").load(str(files / "a.png"))
    with pytest.raises(ConfigError, match="is computed from content, which is read only when rows leave"):
        images.filter(images.content.isNotNull()).count()
    pictures = visual.BinaryToImage().transform(images)
    for data in ("image.data", pictures.image.data):
        with pytest.raises(ConfigError, match="is computed from image.data"):
            pictures.select(data)
    (row,) = pictures.select(col("image").alias("page")).collect()
    assert len(row.page.data) == row.page.width * row.page.height


def test_all_columns_are_renamed() -> None:
    empty = start().createDataFrame([[b"", ""]])
    assert empty.columns == ["_1", "_2"]
    assert empty.toDF("content", "path").columns == ["content", "path"]
    with pytest.raises(ConfigError, match=r"1 name for \['_1', '_2'\]"):
        empty.toDF("path")


def test_an_unknown_column_is_named(frame: visual.Frame) -> None:
    with pytest.raises(ConfigError, match="txt"):
        frame.select("txt")
    with pytest.raises(AttributeError, match=r"has no txt.*'text'"):
        _ = frame.txt


def test_filter_takes_conditions(frame: visual.Frame) -> None:
    assert values(frame.filter(frame.n > 1).select("n")) == [(2,), (3,)]
    assert values(frame.where((col("n") == 1) | col("text").isNull()).select("n")) == [(1,), (3,)]
    assert values(frame.filter(~col("text").contains("w")).select("n")) == [(1,)]
    with pytest.raises(ConfigError, match="not a condition"):
        frame.filter("n > 1")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="no truth"):
        frame.filter(frame.n > 1 and frame.n < 3)


def test_columns_are_added_replaced_renamed_and_dropped(frame: visual.Frame) -> None:
    more = frame.withColumn("long", length("text")).withColumn("n", col("n") * 2).withColumn("one", lit(1))
    assert values(more.select("n", "long", "one", upper("text"))) == [
        (2, 3, 1, "ONE"),
        (4, 3, 1, "TWO"),
        (6, None, 1, None),
    ]
    assert more.withColumnRenamed("long", "letters").drop("boxes", "absent").columns == [
        "path",
        "n",
        "text",
        "letters",
        "one",
    ]
    with pytest.raises(ConfigError, match="not an expression"):
        frame.withColumn("n", 3)  # type: ignore[arg-type]


def test_lists_are_exploded(frame: visual.Frame) -> None:
    assert values(frame.select("n", explode("boxes").alias("box"))) == [
        (1, Row(x=1.0)),
        (1, Row(x=2.0)),
        (3, Row(x=3.0)),
    ]
    assert values(frame.select(size("boxes"))) == [(2,), (0,), (1,)]


def test_fields_of_structs_are_columns() -> None:
    frame = start().createDataFrame([{"path": "a", "image": {"width": 7}}])
    for selected in (frame.select("image.width"), frame.select(frame.image.width)):
        assert selected.collect()[0].width == 7


def test_rows_have_attributes_items_and_numbers(frame: visual.Frame) -> None:
    row = frame.first()
    assert row is not None
    assert (row.text, row["text"], row[2], row[1:3]) == ("one", "one", "one", (1, "one"))
    assert row.boxes[1].x == 2.0
    assert row.asDict(recursive=True) == ROWS[0]
    assert pickle.loads(pickle.dumps(row)) == row
    assert "text" in row and "one" not in row
    (short,) = frame.select("n").limit(1).collect()
    assert short == (1,) and {short, short} == {(1,)}
    assert row.__fields__ == ["path", "n", "text", "boxes"]
    with pytest.raises(AttributeError, match="no txt; it has path, n"):
        _ = row.txt


def test_rows_are_made_of_named_values() -> None:
    rows = [visual.Row(path="a", self=1), visual.Row(path="b", self=2)]
    assert start().createDataFrame(rows).collect() == rows


def test_rows_have_an_order(frame: visual.Frame) -> None:
    rows = frame.select("n", "path").collect()
    assert sorted([rows[2], rows[0], rows[1]]) == rows and (min(rows).n, max(rows).n) == (1, 3)


def test_a_field_that_is_called_as_a_method_of_a_tuple_is_a_field() -> None:
    (row,) = start().createDataFrame([{"path": "a", "index": 4, "count": 5}]).collect()
    assert (row.index, row.count) == (4, 5)


def test_first_head_take_limit_and_count(frame: visual.Frame) -> None:
    assert (frame.first().n, frame.head().n) == (1, 1)
    assert [row.n for row in frame.head(2)] == [row.n for row in frame.take(2)] == [1, 2]
    assert frame.limit(2).count() == 2
    assert frame.limit(0).collect() == []
    assert frame.filter(col("n") > 9).first() is None
    for count in (-1, "2"):
        with pytest.raises(ConfigError, match="Frame.limit cannot take "):
            frame.take(count)


def test_what_is_no_frame_or_column_is_refused(frame: visual.Frame) -> None:
    with pytest.raises(ConfigError, match="select reads the column 'm'"):
        frame.select("m")
    with pytest.raises(ConfigError, match="'letters' is not a frame"):
        visual.BinaryToImage().transform("letters")


def test_rows_are_sorted(frame: visual.Frame) -> None:
    assert [row.n for row in frame.sort("n", ascending=False).collect()] == [3, 2, 1]


def test_frames_are_joined_on_columns(frame: visual.Frame) -> None:
    other = start().createDataFrame(
        [{"path": "c", "label": "x"}, {"path": "a", "label": "y"}, {"path": "a", "label": "z"}]
    )
    assert values(frame.join(other, "path").select("n", "label")) == [(1, "y"), (1, "z"), (3, "x")]
    assert values(frame.join(other, ["path"], "left").select("n", "label")) == [(1, "y"), (1, "z"), (2, None), (3, "x")]
    assert frame.join(other, on="path").columns == ["path", "n", "text", "boxes", "label"]


def test_frames_are_joined_without_columns(frame: visual.Frame) -> None:
    other = start().createDataFrame([{"label": "x"}, {"label": "y"}])
    assert frame.join(other).count() == 6


def test_joins_that_are_not_offered_say_so(frame: visual.Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    other = start().createDataFrame([{"path": "c", "n": 1}])
    with pytest.raises(ConfigError, match=r"Both frames have a column 'n'.*drop"):
        frame.join(other, "path")
    with pytest.raises(ConfigError, match=r"no join 'outer'.*Ray Data"):
        frame.join(other.drop("n"), "path", "outer")
    monkeypatch.setattr("raypipe.visual.joins.MOST_ROWS", 2)
    with pytest.raises(ConfigError, match=r"more than 2 rows.*frame.dataset.join"):
        other.drop("n").join(frame, "path")


def test_what_frames_do_not_do_names_what_does_it(frame: visual.Frame) -> None:
    with pytest.raises(AttributeError, match=r"rdd is not offered: use frame.withColumn\(name, udf"):
        _ = frame.rdd
    with pytest.raises(AttributeError, match=r"Groups have no pivot, only agg, avg"):
        frame.groupBy("n").pivot("text")
    with pytest.raises(ConfigError, match="come from this process"):
        _ = frame.dataset
    with pytest.raises(ConfigError, match=r"input_file_name is not offered: there are array_join, .*udf\(function"):
        functions.input_file_name()
    with pytest.raises(AttributeError, match=r"not read by csv: .*ray.data.read_csv"):
        start().read.csv("a.csv")
    with pytest.raises(ConfigError, match=r"format 'image' are not read here. Use one of binaryFile, parquet"):
        start().read.format("image")


def counted(times: list[int], fails: bool = False) -> visual.Frame:
    """A frame that notes each time that its second table is made."""
    table = pa.table({"path": ["a"]})

    def make() -> Any:
        yield table
        times.append(1)
        if fails and len(times) == 1:
            raise OSError("gone")
        yield table

    return visual.Frame(LocalTables(make, table.schema))


def test_what_is_cached_is_made_once_and_only_as_far_as_it_is_asked_for() -> None:
    times: list[int] = []
    frame = counted(times)
    assert (frame.count(), frame.count(), len(times)) == (2, 2, 2)
    times.clear()
    kept = frame.persist("DISK_ONLY").unpersist(blocking=False)
    assert kept is frame and frame.first() is not None and not times
    assert (frame.count(), frame.select("path").count(), len(times)) == (2, 2, 1)


def test_a_cache_that_failed_begins_again() -> None:
    times: list[int] = []
    frame = counted(times, fails=True).cache()
    with pytest.raises(OSError, match="gone"):
        frame.count()
    assert frame.count() == 2


def test_a_frame_is_shown(frame: visual.Frame, capsys: pytest.CaptureFixture[str]) -> None:
    frame.withColumn("text", lit("x" * 30)).select("n", "text").show(2)
    assert capsys.readouterr().out == (
        "+---+--------------------+\n"
        "|  n|                text|\n"
        "+---+--------------------+\n"
        "|  1|xxxxxxxxxxxxxxxxx...|\n"
        "|  2|xxxxxxxxxxxxxxxxx...|\n"
        "+---+--------------------+\n"
        "only showing top 2 rows\n"
    )
    frame.select("text").show(truncate=False)
    assert "|one |\n" in capsys.readouterr().out
    maps = pa.table({"map": pa.array([[("x", "1"), ("y", None)], []], pa.map_(pa.string(), pa.string()))})
    start().createDataFrame(maps).show(truncate=False)
    assert "|{x -> 1, y -> NULL}|\n" in capsys.readouterr().out
    regions = pa.array([[{"x": 0.59001386, "angle": 0.1}]], ANGLED)
    start().createDataFrame(pa.table({"regions": regions})).show(truncate=False)
    assert "|[{0.59001386, 0.1}]|\n" in capsys.readouterr().out


def test_an_error_is_shorter_than_the_pictures_that_it_is_about(files: Path) -> None:
    rows = visual.BinaryToImage().transform(start().read.format("binaryFile").load(str(files / "a.png"))).collect()
    with pytest.raises(ConfigError, match="display_images_horizontal cannot take ") as refused:
        visual.display_images(rows)  # type: ignore[arg-type]
    assert len(str(refused.value)) < 300


def test_a_schema_is_printed_as_a_tree(frame: visual.Frame, capsys: pytest.CaptureFixture[str]) -> None:
    frame.drop("path").printSchema()
    assert capsys.readouterr().out == (
        "root\n"
        " |-- n: long (nullable = true)\n"
        " |-- text: string (nullable = true)\n"
        " |-- boxes: array (nullable = true)\n"
        " |    |-- element: struct (containsNull = true)\n"
        " |    |    |-- x: double (nullable = true)\n"
    )


def test_pandas_and_parquet_take_a_frame(frame: visual.Frame, tmp_path: Path) -> None:
    assert frame.toPandas()["n"].tolist() == [1, 2, 3]
    frame.write.parquet(str(tmp_path / "rows"))
    assert values(start().read.parquet(str(tmp_path / "rows"))) == values(frame)
    with pytest.raises(OutputError, match="already exists"):
        frame.write.parquet(str(tmp_path / "rows"))
    frame.limit(1).write.mode("overwrite").parquet(str(tmp_path / "rows"))
    assert start().read.format("parquet").load(str(tmp_path / "rows")).count() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["rows"]
    with pytest.raises(OutputError, match="a URI, which only Ray writes"):
        frame.write.parquet("s3://bucket/rows")
    with pytest.raises(ConfigError, match="no write mode 'append'"):
        frame.write.mode("append")
    with pytest.raises(AttributeError, match="not written by json: frame.select.*toPandas"):
        frame.write.json("rows.json")
    with pytest.raises(ConfigError, match="not written as 'binaryFormat'"):
        frame.write.format("binaryFormat")


@pytest.mark.parametrize("kind", [ImageType.TYPE_3BYTE_BGR, ImageType.TYPE_BYTE_GRAY])
def test_pictures_that_were_written_are_pictures_again(files: Path, tmp_path: Path, kind: ImageType) -> None:
    images = start().read.format("binaryFile").load(str(files / "a.png"))
    pictures = visual.BinaryToImage(imageType=kind).transform(images)
    pictures.write.parquet(str(tmp_path / "rows"))
    again = start().read.parquet(str(tmp_path / "rows"))
    assert again.schema == pictures.schema
    assert again.collect() == pictures.collect()
    box = [{"x": 1.0, "y": 1.0, "width": 9.0, "height": 9.0}]
    assert visual.ImageSplitRegions().transform(again.withColumn("region", lit(box))).count() == 1


def test_files_are_read_as_spark_reads_them(files: Path, page_png: bytes) -> None:
    frame = start().read.format("binaryFile").load(str(files))
    assert [(field.name, str(field.type)) for field in frame.schema] == [
        ("path", "string"),
        ("modificationTime", "timestamp[us, tz=UTC]"),
        ("length", "int64"),
        ("content", "binary"),
    ]
    row = frame.sort("path").first()
    assert row is not None
    assert (row.path, row.length, row.content) == (str(files / "a.png"), len(page_png), page_png)
    assert abs(row.modificationTime.timestamp() - (files / "a.png").stat().st_mtime) < 0.001
    assert isinstance(row.modificationTime, datetime.datetime)


def test_files_are_lists_globs_and_names(files: Path) -> None:
    read = start().read.format("binaryFile")
    assert read.load([str(files / "a.png"), str(files / "c.jpg")]).count() == 2
    assert read.load(str(files / "*.png")).count() == 2
    assert read.load(f"file:{files}/a.png").count() == read.load(f"file://{files}/a.png").count() == 1
    read.load(f"file:{files}/a.png").select("path").write.parquet(f"file:{files}/table")
    assert start().read.parquet(f"file:{files}/table").count() == 1 and (files / "table").is_dir()
    assert [page["pagenum"] for page in light().fromLocalPath(f"file:{files}/a.png")] == [0]
    assert [place(path) for path in ("s3a://a/b", "s3n://a/b", "s3://a/b")] == ["s3://a/b"] * 3
    with pytest.raises(InputError, match="/dbfs/absent.png does not exist"):
        read.load("dbfs:/absent.png")
    assert read.option("pathGlobFilter", "b.*").load(str(files)).count() == 1
    assert read.option("pathGlobFilter", "x.*").load(str(files)).sort("path").collect() == []
    assert read.option("recursiveFileLookup", True).load(str(files)).count() == 3
    with pytest.raises(InputError, match="does not exist"):
        read.load(str(files / "absent.png"))
    with pytest.raises(InputError):
        start().read.parquet(str(files / "absent"))
    for nothing in (lambda: read.load([]), lambda: start().read.load([]), lambda: start().read.parquet()):
        with pytest.raises(InputError, match="no paths to read"):
            nothing()
    with pytest.raises(ConfigError, match="no option header"):
        read.option("header", True)
    with pytest.raises(ConfigError, match=r"ray.data.read_csv"):
        start().read.format("csv")


def test_a_file_that_is_gone_leaves_its_row(files: Path) -> None:
    frame = start().read.format("binaryFile").load(str(files))
    (files / "a.png").unlink()
    assert frame.count() == 2


def test_rows_in_memory_become_a_frame() -> None:
    session = start()
    assert values(session.createDataFrame([("a", 1)], ["path", "n"])) == [("a", 1)]
    assert values(session.createDataFrame(session.createDataFrame([("a", 1)], ["path", "n"]).collect())) == [("a", 1)]
    assert values(session.createDataFrame(pa.table({"n": [1]}))) == [(1,)]
    assert values(session.createDataFrame(session.createDataFrame([("a", 1)], ["path", "n"]).toPandas())) == [("a", 1)]
    with pytest.raises(ConfigError, match="2 values, for the names"):
        session.createDataFrame([("a", 1)], ["path"])


def test_start_takes_the_arguments_of_visual_nlps() -> None:
    start("some", extra_conf=object()).stop()
    with pytest.raises(ConfigError, match=r"'ray', is a licence. Write start\(engine=\"ray\"\)"):
        start("ray")
    start(secret="some", nlp_version="4.4", jar_path="x", visual=True, hardware_target="gpu").stop()
    with pytest.raises(ConfigError, match=r"no argument 'on_missing'.*on_missing_model"):
        start(on_missing="nearest")
    with pytest.raises(ConfigError, match="no engine 'spark'"):
        start(engine="spark")
    with pytest.raises(ConfigError, match="on_missing_model is 'guess'"):
        start(on_missing_model="guess")
    with pytest.raises(AttributeError, match="has no sql: .* createDataFrame"):
        start().sql("select 1")


def test_help_knows_what_functions_do() -> None:
    assert [each.__doc__ and each.__name__ for each in (col, explode, length, size)] == [
        "col",
        "explode",
        "length",
        "size",
    ]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda frame: frame.select(3), "Frame.select cannot take 3: "),
        (lambda frame: frame.filter(frame.n), "is not a condition"),
        (lambda frame: frame.filter(col(3) == 1), "col cannot take 3: "),
        (lambda frame: frame.filter(frame.text.contains(3)), "Column.contains cannot take 3: "),
        (lambda frame: frame.filter(frame.n == object()), "cannot be in a column"),
        (lambda frame: frame.filter(frame.n.isin(object())), "cannot be in a column"),
        (lambda frame: frame.filter(frame.n.bitwiseAND(1)), r"Columns have no method bitwiseAND.*udf\(function"),
        (lambda frame: frame.select(frame.boxes[-1]), "Column.getItem cannot take -1: "),
        (lambda frame: frame.withColumn("each", explode("n")), "is no list"),
        (lambda frame: frame.withColumnRenamed("n", "text"), "already has a column 'text'"),
        (lambda frame: frame.drop(["n"]), "Frame.drop cannot take "),
        (lambda frame: frame.sort(3), "Frame.sort cannot take 3: "),
        (lambda frame: frame.join(3), "Frame.join cannot take 3: "),
        (lambda frame: frame.sort("boxes"), "cannot be sorted by "),
        (lambda frame: frame.repartition(0), "Frame.repartition cannot take 0: "),
        (lambda frame: frame.show(-1), "Frame.show cannot take -1: "),
        (lambda frame: frame.write.parquet(3), "Writer.parquet cannot take 3: "),
        (lambda _: start().createDataFrame(3), "cannot become a frame: "),
        (
            lambda _: start().createDataFrame([("a",)], "path string"),
            "Session.createDataFrame cannot take 'path string'",
        ),
        (lambda _: start().createDataFrame([{"a": 1}, {"a": "b"}]), "cannot become a frame: "),
        (lambda _: start().read.load(None), "Source.load cannot take None: "),
        (lambda _: visual.Pipeline(3), "3 is not a stage of raypipe.visual"),
        (lambda _: visual.PipelineModel.load(3), "PipelineModel.load cannot take 3: "),
        (lambda _: visual.PretrainedPipeline(3), "PretrainedPipeline.__init__ cannot take 3: "),
        (
            lambda _: visual.LightPipeline(visual.PipelineModel([visual.BinaryToImage()])).fromBinary(3),
            "cannot take 3: ",
        ),
        (lambda _: visual.ImageTextDetector.pretrained(3), "pretrained cannot take 3: "),
        (lambda _: visual.to_pil_image({"data": b"123", "mode": 10, "height": 4, "width": 4}), "is incomplete: "),
        (lambda _: visual.display_image(3), "not a picture with pixels"),
        (lambda frame: visual.display_images(frame, width="wide"), "display_images_horizontal cannot take 'wide': "),
        (lambda frame: start().read.format(3), "Source.format cannot take 3: "),
        (lambda _: visual.score(None, "a"), "score cannot take None: "),
    ],
)
def test_arguments_that_cannot_be_are_told(
    frame: visual.Frame, call: Callable[[visual.Frame], Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        call(frame)
