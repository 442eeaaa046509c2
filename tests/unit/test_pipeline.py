from __future__ import annotations

import pickle
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pipelines import Killer

import raypipe as rp
from raypipe import presets
from raypipe.errors import ConfigError, ModelError
from raypipe.pipeline import Pipeline, load
from raypipe.stages.base import Pool
from raypipe.stages.registry import STAGES

TWO, ONE_GPU = Pool(size=2), Pool(size=1, num_gpus=1)
OPEN, DETECT, READ = rp.BinaryToImage(), rp.ImageTextDetector(), rp.ImageToText()
DRAW, SAVE = rp.ImageDrawRegions(), rp.SaveImages(folder="out")

PIPELINES = {
    "defaults": Pipeline([OPEN, DETECT, READ]),
    "all": Pipeline([OPEN, DETECT, READ, DRAW, SAVE]),
    "pools": Pipeline(
        [
            OPEN,
            rp.ImageTextDetector(pool=Pool(min_size=1, max_size=3, num_gpus=0.5)),
            rp.ImageToText(pool=Pool(size=2, memory=10**9)),
        ]
    ),
    "parameters": Pipeline(
        [
            rp.BinaryToImage(image_type="TYPE_3BYTE_BGR", max_megapixels=80.5),
            rp.ImageTextDetectorV2(with_refiner=True, size_threshold=-1, link_threshold=0.3, width=500, use_gpu=False),
            rp.ImageToText(group_images=True, output_format="hocr", output_col='q"\\uote'),
        ]
    ),
    "a picture is a line": Pipeline([OPEN, rp.ImageToText(regions_column=None)]),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_toml_comes_back_as_it_went(name: str) -> None:
    pipeline = PIPELINES[name]
    assert Pipeline.from_toml(pipeline.to_toml()) == pipeline


@pytest.mark.parametrize("kind", [rp.ImageTextDetectorV2, rp.ImageTextDetectorCraft, rp.ImageTextDetector])
def test_stages_may_have_their_other_names_in_toml(kind: type[rp.ImageTextDetector]) -> None:
    text = f'[[stage]]\ntype = "BinaryToImage"\n[[stage]]\ntype = "{kind.__name__}"\nwidth = 500\n'
    assert Pipeline.from_toml(text) == Pipeline([OPEN, kind(width=500)])


def test_what_this_machine_lacks_is_found_before_anything_runs(fake_models: Path) -> None:
    detect, read = rp.ImageTextDetector(model="some_detector"), rp.ImageToText(model="some_reader")
    Pipeline([OPEN, detect, read]).graph.check()
    with pytest.raises(ModelError, match="Take some_reader"):
        Pipeline([OPEN, detect, rp.ImageToText(model="absent_reader")]).graph.check()
    with pytest.raises(ModelError, match="no_detector"):
        Pipeline([OPEN, rp.ImageTextDetector(model="no_detector"), read]).graph.check()


def test_a_lexicon_that_is_not_there_is_found_too() -> None:
    with pytest.raises(ConfigError, match="gone"):
        Pipeline([OPEN, rp.ImageToText(lexicon="gone.txt", regions_column=None)]).graph.check()


def test_toml_says_what_differs_from_the_defaults() -> None:
    text = Pipeline([OPEN, rp.ImageTextDetector(width=500)]).to_toml()
    assert tomllib.loads(text) == {"stage": [{"type": "BinaryToImage"}, {"type": "ImageTextDetector", "width": 500}]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[stage]]\ntype = "NoSuchStage"', ["NoSuchStage", "BinaryToImage", "SaveImages"]),
        ("[[stage]]\nwidth = 3", ["stage"]),
        ('[[stage]]\ntype = "ImageTextDetector"\nwidht = 3', ["ImageTextDetector", "widht", "width"]),
        ('[[stage]]\ntype = "ImageTextDetector"\nwidth = "wide"', ["ImageTextDetector", "width"]),
        ('[[stage]]\ntype = "BinaryToImage"\n[stage.pool]\nsize = 0', ["Pool", "size"]),
        ('[[stage]]\ntype = "BinaryToImage"\n[stage.pool]\nsize = 2\nmax_size = 3', ["Pool", "size"]),
        ('[[stage]]\ntype = "no.such.module:Stage"', ["no.such.module"]),
        ('[[stage]]\ntype = "pathlib:Path"', ["pathlib:Path"]),
        ('[[stage]]\ntype = "raypipe:Stage"', ["'raypipe:Stage' is not a stage"]),
        ('[[stage]]\nname = "BinaryToImage"', ["has no type"]),
        ('[[stage]]\ntype = "binarytoimag"', ["Did you mean 'BinaryToImage'?"]),
        ('[[stage]]\ntype = "BinaryToImage"\nimage_typ = 1', ["Did you mean 'image_type'?"]),
        ('[[stage]]\ntype = "BinaryToImage"\nmax_pages = 0', ["max_pages", "It means: most pages in a document."]),
        ("this is not TOML", ["[[stage]]"]),
        ("", ["[[stage]]"]),
        ("stages = []", ["[[stage]]"]),
        ("stage = 3", ["[[stage]]"]),
        ("stage = []", ["needs stages"]),
        ('[[stag]]\ntype = "X"\n[[stage]]\ntype = "BinaryToImage"', ["stag", "[[stage]]"]),
        ('stage = ["BinaryToImage"]', ["[[stage]]"]),
        ('[stage]\ntype = "BinaryToImage"', ["[[stage]]"]),
        ('[[stage]]\ntype = ["BinaryToImage"]', ["stage"]),
    ],
)
def test_what_is_wrong_with_a_file_is_named(text: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        Pipeline.from_toml(text)
    assert all(word in str(caught.value) for word in words)
    assert caught.value.remedy


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "p.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"p\.toml"):
        load(tmp_path / "p.toml")


def test_load(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig"):
        (tmp_path / "p.toml").write_text(PIPELINES["all"].to_toml(), encoding=encoding)
        assert load(tmp_path / "p.toml") == PIPELINES["all"]


def test_pipelines_compare_and_hash() -> None:
    assert Pipeline([OPEN]) == Pipeline([OPEN])
    assert hash(Pipeline([OPEN])) == hash(Pipeline([OPEN]))
    assert Pipeline([OPEN]) != Pipeline([rp.BinaryToImage(keep_input=True)])
    assert Pipeline([OPEN]) != "Pipeline"


@pytest.mark.parametrize("name", PIPELINES)
def test_other_processes_get_a_pipeline(name: str) -> None:
    assert pickle.loads(pickle.dumps(PIPELINES[name])) == PIPELINES[name]


@pytest.mark.parametrize("name", ["all", "pools", "parameters"])
def test_describe_names_stages_columns_parameters_and_pools(name: str) -> None:
    pipeline = PIPELINES[name]
    text = pipeline.describe()
    for stage in pipeline.stages:
        assert f"{stage.name}(" in text
        assert all(f"{parameter}=" in text for parameter in type(stage).model_fields if parameter != "pool")
    for step in pipeline.graph.steps:
        assert step.worker.__name__ in text
        assert all(column in text for column in (*step.reads, *step.writes, *step.drops))
    for part in ("min_size=1", "max_size=3", "num_gpus=0.5"):
        assert (part in text) == (name == "pools")


def test_every_stage_has_a_name_in_files() -> None:
    assert {name: kind.__name__ for name, kind in STAGES.items()} == {name: name for name in STAGES}


def test_a_pipeline_runs_lazily_in_this_process(page_png: bytes, tmp_path: Path) -> None:
    """Opening and drawing need no model; a corrupt page does not stop the others."""
    (tmp_path / "a.png").write_bytes(page_png)
    (tmp_path / "b.png").write_bytes(b"no picture")
    (tmp_path / "c.png").write_bytes(page_png)
    pipeline = Pipeline([rp.BinaryToImage(image_type="TYPE_3BYTE_BGR")])
    pages = pipeline.run(tmp_path, batch_size=2, threads=1)
    first = next(pages)
    assert (first.path, first.pagenum, first["name"], first["total_pages"]) == (f"{tmp_path}/a.png", 0, "a.png", 1)
    assert first["image"].pixels().shape == (100, 200, 3)
    second, third = pages
    assert str(second.exception).startswith("BinaryToImage image_unknown")
    assert third.exception is None


def test_presets(fake_models: Path) -> None:
    standard = presets.standard(
        "db_detector", "some_reader", "fr", use_gpu=False, detector_pool=TWO, recognizer_pool=ONE_GPU
    )
    assert [stage.name for stage in standard.stages] == ["BinaryToImage", "ImageTextDetector", "ImageToText"]
    assert [operator.pool for operator in standard.graph.operators] == [TWO, ONE_GPU]
    overlays = presets.with_overlays(standard, "out", "png")
    assert [stage.name for stage in overlays.stages[3:]] == ["ImageDrawRegions", "SaveImages"]
    assert overlays.stages[4] == rp.SaveImages(folder="out", suffix=".png")
    assert "overlay" in overlays.graph.columns
    assert "image_with_regions" in standard.with_drawing("png").graph.columns


def test_a_stage_of_another_module_is_stored_by_its_place() -> None:
    pipeline = Pipeline([Killer(seconds=2)])
    assert tomllib.loads(pipeline.to_toml()) == {"stage": [{"type": "pipelines:Killer", "seconds": 2.0}]}
    assert Pipeline.from_toml(pipeline.to_toml()) == pipeline


def test_a_stage_that_no_other_process_could_import_is_refused() -> None:
    class Local(Killer):
        pass

    with pytest.raises(ConfigError, match="another process could not import it"):
        Pipeline([Local()]).to_toml()


@pytest.mark.parametrize(
    ("stages", "what"),
    [
        (OPEN, "list of stages"), (None, "list of stages"), (Pipeline([OPEN]), "list of stages"), ([], "needs stages"),
        ([OPEN, "ImageToText"], "'ImageToText' is not a stage"), ([rp.ImageTextDetector], "is not a stage"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_stages_is_refused(stages: Any, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        Pipeline(stages)


@pytest.mark.parametrize(
    "parameters",
    [
        {"output_col": "lines"}, {"output_col": ""}, {"confidence_col": "exception"}, {"output_col": "path"},
    ],
)  # fmt: skip
def test_a_column_holds_one_thing(parameters: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="cannot write the column"):
        Pipeline([OPEN, rp.ImageToText(regions_column=None, **parameters)])


def test_a_result_is_not_dropped_with_the_input_that_it_replaces() -> None:
    for stages in (
        [rp.BinaryToImage(output_col="content")],
        [OPEN, rp.ImageToText(output_col="image", keep_input=False)],
    ):
        with pytest.raises(ConfigError, match="cannot write the column"):
            Pipeline(stages)


@pytest.mark.parametrize("column", ["content", "bytes", "data", "file"])
def test_pages_are_counted_in_the_column_that_is_read(column: str, tmp_path: Path) -> None:
    page = Image.new("L", (9, 9))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    data, opening = (tmp_path / "a.tif").read_bytes(), rp.BinaryToImage(input_col=column)
    if column == "file":
        data, opening = str(tmp_path / "a.tif"), rp.BinaryToImage(origin_col=column)
    pages = Pipeline([opening]).run([{"path": "a", column: data}])
    assert [(each.pagenum, each.total_pages, each.exception) for each in pages] == [(0, 2, None), (1, 2, None)]
    numbered, path = Pipeline([rp.BinaryToImage(page_num_col="n")]), str(tmp_path / "a.tif")
    for source, wanted in (({"path": path, "n": 1}, [1]), ({"path": path, "n": None}, [0, 1]), (path, [0, 1])):
        assert [(each.pagenum, each["n"]) for each in numbered.run(source)] == [(n, n) for n in wanted]


@pytest.mark.parametrize(
    ("stage", "name", "other"),
    [
        (rp.ImageToText(regions_column=None, group_images=True), "group_images", "regions_column"),
        (rp.ImageToText(regions_column=None, border_width=3), "border_width", "regions_column"),
        (rp.ImageToText(regions_column=None, double_pages=True), "double_pages", "regions_column"),
        (rp.ImageToText(space_width=3), "space_width", "group_images"),
    ],
)
def test_what_only_regions_have_is_refused_without_them(stage: rp.Stage, name: str, other: str) -> None:
    with pytest.raises(ConfigError, match=f"^ImageToText's {name} has no effect without {other}"):
        Pipeline([OPEN, rp.ImageTextDetector(), stage])


def test_defaults_that_only_regions_have_are_no_errors() -> None:
    Pipeline([OPEN, rp.ImageToTextV2(regions_column=None)])


@pytest.mark.parametrize("number", [0, -1, 1.5, "2"])
@pytest.mark.parametrize("name", ["batch_size", "threads", "page_seconds"])
def test_numbers_that_cannot_be_are_refused(name: str, number: Any) -> None:
    if (name, number) != ("page_seconds", 1.5):
        with pytest.raises(ConfigError, match=f"{name} is {number!r}"):
            Pipeline([OPEN]).run([], **{name: number})


@pytest.mark.parametrize(
    ("serving", "words"),
    [
        (3, "^3 does not say how to serve. Give a Serving"),
        ({"batch_line": 1}, "^Serving has no parameter batch_line. Did you mean 'batch_lines'\\? It has "),
        ({"settings": 3}, "^Serving has a wrong settings: "),
        ({"settings": {"max_pages": "many"}}, "^ServerSettings has a wrong max_pages: .*It means: most pages "),
    ],
)
def test_wrong_settings_of_a_server_are_told(serving: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        rp.standard().deployment(serving)
