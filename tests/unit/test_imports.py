"""The rules of who imports whom: arrows point down only, and what is heavy is imported in one place."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import raypipe

PACKAGE = Path(raypipe.__file__).parent
LAYERS = [
    ["plurals"],
    ["types", "compat", "keys", "machine", "metrics", "hosts", "versions"],
    ["errors"],
    ["native"],
    ["columns", "files", "geometry", "engine", "plugins"],
    ["rows", "zoo", "images"],
    ["inputs", "layout"],
    ["detection", "recognition", "outputs"],
    ["stages"],
    ["graph", "display", "web", "client"],
    ["run"],
    ["pipeline"],
    ["presets"],
    ["visual"],
    [""],
    ["job"],
    ["web_jobs"],
    ["serving"],
    ["bench"],
    ["cli", "ocrmypdf"],
    ["__main__"],
]
"""From the bottom up; `` is raypipe/__init__.py. A module imports from lower layers, and a folder from itself."""

FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def room(name: str) -> str:
    """The folder or module below raypipe/ that a file or dotted name belongs to."""
    name = name.removesuffix(".py").removesuffix("__init__").replace("/", ".").strip(".")
    return name.split(".")[0]


class Imports(ast.NodeVisitor):
    """The imports of a module, also those inside functions; those under TYPE_CHECKING left out."""

    def __init__(self, path: Path) -> None:
        self.found: list[str] = []
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for child in node.orelse:
                self.visit(child)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [name.name for name in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert not node.level, "imports are absolute"
        module = node.module or ""
        for name in node.names:
            full = f"{module}.{name.name}"
            self.found.append(full if is_module(full) else module)


def is_module(name: str) -> bool:
    """Whether a dotted name is a module of raypipe, rather than something in one."""
    path = name.replace(".", "/").removeprefix("raypipe/")
    return name.startswith("raypipe.") and (f"{path}.py" in FILES or f"{path}/__init__.py" in FILES)


@cache
def imports(name: str) -> list[str]:
    """What a file imports."""
    return Imports(FILES[name]).found


def own_imports(name: str) -> list[str]:
    """Modules of raypipe that a file imports, without the package's name."""
    return [
        module.removeprefix("raypipe").lstrip(".")
        for module in imports(name)
        if module == "raypipe" or module.startswith("raypipe.")
    ]


def outside_imports(name: str) -> set[str]:
    return {module.split(".")[0] for module in imports(name)}


def test_every_module_has_a_layer() -> None:
    assert {room(name) for name in FILES} == set(LEVEL)


@pytest.mark.parametrize("name", FILES)
def test_imports_point_down(name: str) -> None:
    here = room(name)
    for module in own_imports(name):
        there = room(module)
        assert there == here or LEVEL[there] < LEVEL[here], f"{name} imports {module}"


def test_there_are_no_circles() -> None:
    graph = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): set(own_imports(name)) for name in FILES
    }
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", FILES)
def test_ray_is_imported_below_run_only(name: str) -> None:
    assert "ray" not in outside_imports(name) or name.startswith("run/")


@pytest.mark.parametrize("name", FILES)
def test_onnxruntime_is_imported_where_its_telemetry_is_switched_off(name: str) -> None:
    assert "onnxruntime" not in outside_imports(name) or name.startswith(("engine/runtime.py", "zoo/export/"))


def test_the_rules_see_what_they_forbid() -> None:
    """The check of the checks: raypipe/run does import ray, and the engine onnxruntime."""
    assert any("ray" in outside_imports(name) for name in FILES if name.startswith("run/"))
    assert "onnxruntime" in outside_imports("engine/runtime.py")
    assert "run.local" in own_imports("pipeline.py")


def test_importing_loads_no_command_and_neither_ray_nor_onnxruntime_nor_the_server() -> None:
    """Nor does the server in one process load Ray. A command is imported when it is called."""
    code = """
import sys, raypipe
from raypipe.cli.main import COMMANDS, cli
print('raypipe.cli.run' in sys.modules)
for name in COMMANDS: cli.get_command(None, name)
print(sorted({'ray', 'onnxruntime', 'starlette', 'uvicorn'} & set(sys.modules)))
import raypipe.run.single
print('ray' in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n") == ["False", "[]", "False", ""]


def test_importing_the_package_and_asking_for_its_version_load_little() -> None:
    """Of raypipe only what is named here, and of what takes long to import only pydantic."""
    code = """
import sys, raypipe
print(*sorted(name for name in sys.modules if name.startswith('raypipe')))
import raypipe.cli.main
print(*sorted(name for name in sys.modules if name.startswith('raypipe')))
print(*sorted({'PIL', 'asyncio', 'cv2', 'numpy', 'pyarrow', 'pydantic'} & set(sys.modules)))
raypipe.Pipeline, raypipe.read
print('pyarrow' in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n") == [
        "raypipe",
        "raypipe raypipe.cli raypipe.cli.main raypipe.errors raypipe.job raypipe.job.stop raypipe.keys",
        "pydantic",
        "True",
        "",
    ]


def test_public_names_are_there_and_sorted() -> None:
    assert raypipe.__all__ == sorted(raypipe.__all__) == dir(raypipe)
    assert all(hasattr(raypipe, name) for name in raypipe.__all__)
    assert not hasattr(raypipe, "Pipelines")


def test_public_names_are_declared_alike_for_type_checkers_and_at_run_time() -> None:
    (checked,) = (node for node in ast.parse(Path(raypipe.__file__).read_text()).body if isinstance(node, ast.If))
    declared = {
        each.module.removeprefix("raypipe."): tuple(name.name for name in each.names)
        for each in checked.body
        if isinstance(each, ast.ImportFrom) and each.module
    }
    assert declared == raypipe.HOMES
    assert sorted(["__version__", *(name for names in declared.values() for name in names)]) == raypipe.__all__


def test_tests_bear_the_names_of_what_they_test() -> None:
    """A module's or a room's, with the room before the module where several rooms have one of that name."""
    modules = {path.removesuffix(".py").split("/")[-1] for path in FILES}
    rooms = {folder for path in FILES for folder in path.split("/")[:-1]}
    known = modules | rooms | {f"{room(path)}_{Path(path).stem}" for path in FILES}
    found = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert found - known == {
        "api_examples",
        "benchmarks",
        "building",
        "contributing",
        "dashboard",
        "imports",
        "reference",
        "serving_dashboard",
    }
