"""Operators of our own for ONNX Runtime: what they compute, and what they say when they cannot."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

from raypipe import native
from raypipe.engine import operators, providers
from raypipe.engine import session as engine
from raypipe.engine.session import Session
from raypipe.errors import DeviceError, ModelError
from raypipe.metrics import Metrics

Bytes = npt.NDArray[np.uint8]
WAYS = {
    "plain C": 0,
    "AVX2 or NEON": 1,
    "I8MM": 2,
    "AVX-VNNI": 3,
    "AVX-512 VNNI": 4,
    "AVX-512 VBMI": 5,
    "AMX": 6,
}
EMULATED = {"AVX-VNNI": "AVX2 or NEON", "AMX": "AVX-512 VBMI"}
"""Which instructions a CPU needs to emulate others."""
RANDOM = np.random.default_rng(7)
TABLE = RANDOM.permutation(256).astype(np.uint8)
CREATE_STATUS = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
INTERFACE = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)


def saved(path: Path, *constants: Any, does: str = "Table", metadata: dict[str, str] | None = None) -> Path:
    """A network of one operator, whose further inputs are constants."""
    names = [f"constant.{number}" for number in range(len(constants))]
    graph = helper.make_graph(
        [helper.make_node(does, ["image", *names], ["found"], domain="raypipe")],
        "one",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, None)],
        [helper.make_tensor_value_info("found", TensorProto.UINT8, None)],
        [numpy_helper.from_array(np.asarray(each), name) for each, name in zip(constants, names, strict=True)],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("raypipe", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    helper.set_model_props(model, metadata or {})
    path.write_bytes(model.SerializeToString())
    return path


def opened(path: Path, *constants: Any, does: str = "Table", threads: int = 1) -> Session:
    return Session(saved(path / "one.onnx", *constants, does=does), False, threads, Metrics())


def noise(*shape: int) -> Bytes:
    return RANDOM.integers(0, 256, shape).astype(np.uint8)


def compiled(target: Path, flags: list[str], *more: Path) -> Path:
    """Compiles the operators, and more sources, with some instructions emulated: see `emulated.h`."""
    try:
        subprocess.run(["cc", *flags, "-shared", "-xc", os.devnull, "-o", target], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"no C compiler that takes {' '.join(flags)}")
    here, folder = Path(__file__).parent, Path(operators.__file__).parent
    sources = [here / "emulated_cpu.c", *(path for path in folder.glob("*.c") if path.name != "cpu.c"), *more]
    with_more = ["-include", here / "emulated.h", f"-I{folder}", "-ffp-contract=off"]
    subprocess.run(["cc", *flags, *with_more, *sources, "-o", target, "-lm"], check=True)
    return target


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of operators that emulates the instructions that this CPU lacks."""
    folder = tmp_path_factory.mktemp("emulated")
    flags = ["-O1", "-fPIC", "-fvisibility=hidden", "-shared", f'-DSOURCES="{native.digest(folder)}"']
    return compiled(folder / "liboperators.so", flags)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each kind of instructions that this CPU has or can emulate."""
    limit = operators.library().operators_limit
    found = limit(WAYS[request.param])
    if found == WAYS.get(EMULATED.get(request.param, "")):
        path = request.getfixturevalue("emulated")
        assert ctypes.CDLL(str(path)).operators_limit(WAYS[request.param]) == WAYS[request.param]
        monkeypatch.setattr(operators, "PATH", path)
    elif found != WAYS[request.param]:
        limit(max(WAYS.values()))
        pytest.skip(f"this CPU has no {request.param}")
    yield request.param
    limit(max(WAYS.values()))


def test_instructions_are_named() -> None:
    limit = operators.library().operators_limit
    names = {limit(way): operators.instructions() for way in WAYS.values()}
    assert limit(max(WAYS.values())) == max(names)
    assert names[0] == "no vectors" and len(set(names.values())) == len(names)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 5), (1,), (31,), (65,), (2, 3, 5, 7), (1, 200, 300, 3), (1,) * 8])
def test_a_table_takes_any_shape(shape: tuple[int, ...], way: str, tmp_path: Path) -> None:
    given = noise(*shape)
    (found,) = opened(tmp_path, TABLE).run(given)
    assert found.shape == shape and (found == TABLE[given]).all()


def test_a_table_is_of_all_values(way: str, tmp_path: Path) -> None:
    for threads in (1, 2):
        (found,) = opened(tmp_path, TABLE, threads=threads).run(np.tile(np.arange(256, dtype=np.uint8), 1000))
        assert (found == np.tile(TABLE, 1000)).all()


@pytest.mark.parametrize("factor", [1, 2, 3, 8])
def test_pixels_are_repeated(factor: int, tmp_path: Path) -> None:
    given = noise(2, 5, 3, 7)
    (found,) = opened(tmp_path, np.array([factor], np.int32), does="Upsample").run(given)
    assert (found == given.repeat(factor, axis=1).repeat(factor, axis=2)).all()


class Layer:
    """A convolution with random weights, and what it computes."""

    def __init__(
        self, outputs: int, inputs: int, size: tuple[int, int], stride: int, pads: list[int], *table: Bytes
    ) -> None:
        most = 127 if inputs == 1 and size[1] <= 4 else 64  # See `convolution.c`.
        self.kernel, self.table = RANDOM.integers(-most, most + 1, (outputs, inputs, *size)).astype(np.int8), table
        self.bias = RANDOM.integers(-9999, 9999, outputs).astype(np.int32)
        self.scale = RANDOM.uniform(0.001, 0.01, outputs).astype(np.float32)
        self.depthwise, self.stride, self.pads = inputs == 1, stride, pads
        self.zero, self.result_zero = 77, 131

    def constants(self) -> tuple[Any, ...]:
        """The further inputs of the operator: see `convolution.c`."""
        outputs, inputs, height, width = self.kernel.shape
        blocks, steps = -(-outputs // 16), -(-width * inputs // 4)
        packed = np.zeros((blocks * 16, height, steps * 4), np.int8)
        packed[:outputs, :, : width * inputs] = self.kernel.transpose(0, 2, 3, 1).reshape(outputs, height, -1)
        packed = packed.reshape(blocks, 16, height, steps, 4).transpose(0, 2, 3, 1, 4)
        bias, scale = np.zeros(blocks * 16, np.int32), np.zeros(blocks * 16, np.float32)
        bias[:outputs] = self.bias - self.zero * self.kernel.sum((1, 2, 3), dtype=np.int32)
        scale[:outputs] = self.scale
        zeros = [self.zero, self.result_zero]
        settings = [height, width, self.stride, *self.pads, *zeros, outputs, self.depthwise]
        return np.ascontiguousarray(packed), bias, scale, np.array(settings, np.int32), *self.table

    def expected(self, given: Bytes) -> Bytes:
        top, left, bottom, right = self.pads
        values = np.pad(given.astype(np.int32) - self.zero, ((0, 0), (top, bottom), (left, right), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(values, self.kernel.shape[2:], (1, 2))
        windows = windows[:, :: self.stride, :: self.stride]
        rule = "nhwckl,cxkl->nhwc" if self.depthwise else "nhwikl,oikl->nhwo"
        sums = np.einsum(rule, windows, self.kernel.astype(np.int32)) + self.bias
        rounded = np.rint(sums.astype(np.float32) * self.scale) + self.result_zero
        found = rounded.clip(0, 255).astype(np.uint8)
        return self.table[0][found] if self.table else found


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Layer(24, 3, (3, 3), 2, [1, 1, 1, 1]), (1, 34, 46, 3)),
        (Layer(16, 3, (3, 3), 2, [1, 1, 1, 1]), (2, 1, 1, 3)),
        (Layer(8, 1 + 1, (2, 5), 1, [0, 3, 1, 0]), (1, 40, 9, 2)),
        (Layer(24, 96, (3, 3), 1, [1, 1, 1, 1]), (1, 18, 41, 96)),
        (Layer(48, 16, (2, 2), 1, [0, 0, 1, 1]), (2, 3, 33, 16)),
        (Layer(32, 48, (3, 3), 2, [1, 1, 1, 1]), (1, 9, 70, 48)),
        (Layer(56, 74, (1, 2), 1, [0, 0, 0, 0]), (1, 2, 20, 74)),
        (Layer(96, 384, (1, 1), 1, [0, 0, 0, 0]), (1, 17, 31, 384)),
        (Layer(40, 52, (1, 1), 1, [0, 0, 0, 0]), (3, 1, 7, 52)),
        (Layer(16, 6, (1, 1), 1, [0, 0, 0, 0]), (1, 1, 1, 6)),
        (Layer(64, 64, (1, 1), 1, [0, 0, 0, 0]), (0, 5, 5, 64)),
        (Layer(48, 1, (7, 7), 1, [3, 3, 3, 3]), (2, 35, 13, 48)),
        (Layer(16, 1, (5, 5), 1, [2, 2, 2, 2]), (1, 1, 9, 16)),
        (Layer(32, 1, (3, 3), 1, [1, 0, 1, 2]), (1, 17, 16, 32)),
        (Layer(32, 1, (1, 8), 1, [0, 0, 0, 0]), (3, 2, 8, 32)),
        (Layer(48, 1, (3, 3), 2, [1, 1, 1, 1], TABLE), (2, 35, 71, 48)),
        (Layer(16, 1, (4, 4), 2, [0, 2, 3, 1]), (1, 4, 5, 16)),
        (Layer(24, 40, (1, 1), 1, [0, 0, 0, 0], TABLE), (2, 11, 13, 40)),
        (Layer(56, 16, (2, 2), 1, [0, 0, 1, 1], TABLE), (1, 18, 37, 16)),
    ],
    ids=lambda value: "x".join(map(str, value.kernel.shape if isinstance(value, Layer) else value)),
)
@pytest.mark.parametrize("threads", [1, 2])
def test_convolutions_are_those_of_plain_numbers(
    layer: Layer, shape: tuple[int, ...], threads: int, way: str, tmp_path: Path
) -> None:
    session = opened(tmp_path, *layer.constants(), does="Convolution", threads=threads)
    for given in (noise(*shape), np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)):
        assert np.array_equal(session.run(given)[0], layer.expected(given))


def of_runtime(does: str, given: Bytes, *constants: Any, **attributes: Any) -> Bytes:
    """What an operator of ONNX Runtime's own computes."""
    names = [f"constant.{number}" for number in range(len(constants))]
    node = helper.make_node(does, ["image", *names], ["found"], domain="com.microsoft", **attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, given.shape)],
        [helper.make_tensor_value_info("found", TensorProto.UINT8, None)],
        [numpy_helper.from_array(each, name) for each, name in zip(constants, names, strict=True)],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"image": given})[0])


def numbers(scales: list[float], zeros: list[int]) -> list[Any]:
    """Pairs of a scale and a zero point."""
    return [kind(each) for pair in zip(scales, zeros, strict=True)
            for each, kind in zip(pair, (np.float32, np.uint8), strict=True)]  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 3, 5, 24), (2, 9, 40, 96), (1, 1, 1, 5), (3, 7, 0, 16), (1, 200, 160, 8)])
@pytest.mark.parametrize("threads", [1, 2])
def test_each_channel_is_weighed(shape: tuple[int, ...], threads: int, way: str, tmp_path: Path) -> None:
    # With these scales, -4495 becomes -27.499996, which rounds up, but down once 126 was added to it as a float.
    zeros, scales = [127, 0, 126], [0.06489228, 0.00361506, 0.0383447]
    given, weights = noise(*shape), noise(shape[0], 1, 1, shape[3])
    given[:, :, :, 0], weights[..., 0] = 127 - 31, 145
    ratio = np.float32(scales[0]) * np.float32(scales[1]) / np.float32(scales[2])
    constants = weights, np.array(zeros, np.int32), np.array([ratio])
    (found,) = opened(tmp_path, *constants, does="Gate", threads=threads).run(given)
    parts = [np.asarray(each) for each in numbers(scales, zeros)]
    assert np.array_equal(found, of_runtime("QLinearMul", given, *parts[:2], weights, *parts[2:]))


@pytest.mark.parametrize("shape", [(1, 3, 256, 384), (2, 7, 9, 72), (1, 3, 3, 5), (0, 3, 4, 8), (1, 2, 2, 16)])
@pytest.mark.parametrize("scale", [0.0312, 0.0157])
def test_tiles_are_averaged(shape: tuple[int, ...], scale: float, way: str, tmp_path: Path) -> None:
    # Of a picture that is one tile, ONNX Runtime adds up the pixels otherwise, and rounds some halves otherwise.
    zeros, scales, given = [119, 126], [0.0312, scale], noise(*shape)
    constants = np.array([3, 2, *zeros], np.int32), np.array(scales, np.float32)
    (found,) = opened(tmp_path, *constants, does="Average", threads=2).run(given)
    if not found.size:
        assert found.shape == (shape[0], shape[1] // 3, shape[2] // 2, shape[3])
        return
    parts = [np.asarray(each) for each in numbers(scales, zeros)]
    tile = {"kernel_shape": [3, 2], "strides": [3, 2], "channels_last": 1}
    assert np.array_equal(found, of_runtime("QLinearAveragePool", given, *parts, **tile))


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (2, 5, 1, 24), (1, 1, 9, 16), (2, 30, 41, 24), (0, 3, 3, 8)])
def test_the_greatest_of_four_pixels_is_taken(shape: tuple[int, ...], tmp_path: Path) -> None:
    given = noise(*shape)
    padded = np.pad(given, ((0, 0), (0, 1), (0, 1), (0, 0)))
    expected = np.max([padded[:, y : y + shape[1], x : x + shape[2]] for y in (0, 1) for x in (0, 1)], axis=0)
    assert np.array_equal(opened(tmp_path, does="Greatest").run(given)[0], expected)


@pytest.mark.parametrize(("one", "other"), [(24, 24), (1, 7), (72, 24), (9, 16), (64, 192)])
def test_channels_are_joined(one: int, other: int, tmp_path: Path) -> None:
    given, further = noise(2, 9, 80, one), noise(2, 9, 80, other)
    (found,) = opened(tmp_path, further, does="Join", threads=2).run(given)
    assert np.array_equal(found, np.concatenate([given, further], axis=3))


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    weights, bias, scale, settings = Layer(16, 3, (3, 3), 2, [0] * 4).constants()
    sound = opened(tmp_path, weights, bias, scale, settings, does="Convolution")
    with pytest.raises(Exception, match="smaller than the kernel"):
        sound.run(noise(1, 2, 9, 3))
    with pytest.raises(Exception, match="do not go together"):
        sound.run(noise(1, 9, 9, 5))
    for number, damage in {0: 17, 2: 0, 5: -1, 10: 1}.items():
        changed = np.array(settings)
        changed[number] = damage
        with pytest.raises(Exception, match="do not go together"):
            opened(tmp_path, weights, bias, scale, changed, does="Convolution").run(noise(1, 9, 9, 3))
    with pytest.raises(Exception, match="do not go together"):
        opened(tmp_path, weights, bias[:8], scale, settings, does="Convolution").run(noise(1, 9, 9, 3))
    with pytest.raises(Exception, match="do not go together"):
        opened(tmp_path, weights, bias, scale, settings, TABLE[:9], does="Convolution").run(noise(1, 9, 9, 3))
    with pytest.raises(Exception, match="pictures of one size"):
        opened(tmp_path, noise(1, 9, 8, 3), does="Join").run(noise(1, 9, 9, 3))
    with pytest.raises(Exception, match="takes pictures"):
        opened(tmp_path, does="Greatest").run(noise(9, 9))
    with pytest.raises(Exception, match="do not go together"):
        gate = noise(1, 1, 1, 2), np.zeros(3, np.int32), np.ones(1, np.float32)
        opened(tmp_path, *gate, does="Gate").run(noise(1, 9, 9, 3))
    with pytest.raises(Exception, match="do not go together"):
        mean_of = np.array([3, 0, 1, 1], np.int32), np.ones(2, np.float32)
        opened(tmp_path, *mean_of, does="Average").run(noise(1, 9, 9, 3))
    with pytest.raises(Exception, match="factor above 0"):
        opened(tmp_path, np.array([0], np.int32), does="Upsample").run(noise(1, 2, 2, 3))


def test_a_table_is_refused_that_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="256 elements"):
        opened(tmp_path, TABLE[:255]).run(np.zeros(3, np.uint8))
    with pytest.raises(Exception, match="8 dimensions"):
        opened(tmp_path, TABLE).run(np.zeros((1,) * 9, np.uint8))


def test_an_onnx_runtime_that_is_too_old_is_refused() -> None:
    said: list[bytes] = []

    def create_status(code: int, message: bytes) -> int:
        said.append(message)
        return 1

    create = CREATE_STATUS(create_status)
    functions = (ctypes.c_void_p * 1)(ctypes.cast(create, ctypes.c_void_p))
    interface = INTERFACE(lambda version: ctypes.addressof(functions) if version == 1 else None)
    base = (ctypes.c_void_p * 2)(ctypes.cast(interface, ctypes.c_void_p))
    register = operators.library().RegisterCustomOps
    register.restype = ctypes.c_void_p
    assert register(None, base) == 1 and b"ONNX Runtime 1.23" in said[0]


def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "PATH", tmp_path / "liboperators.so")
    operators.library.cache_clear()
    with pytest.raises(ModelError, match=r"liboperators\.so.*Install raypipe again"):
        Session(tmp_path / "any.onnx", False, 1, Metrics())
    monkeypatch.undo()
    operators.library.cache_clear()
    assert operators.library().operators_sources() == native.digest(operators.PATH.parent).encode()


@pytest.mark.filterwarnings("ignore:Duplicate provider")
def test_a_file_for_cpus_does_not_run_on_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU stands in for the GPU."""
    monkeypatch.setattr(engine, "gpu_trouble", lambda: "")
    monkeypatch.setattr(providers, "chosen", lambda execution: [("CPUExecutionProvider", {})])
    path = saved(tmp_path / "table.onnx", TABLE, metadata={"for_cpus": "true"})
    with pytest.raises(DeviceError, match=r"table\.onnx is made for CPUs"):
        Session(path, True, 1, Metrics())
    assert not Session(path, None, 1, Metrics()).on_gpu


@pytest.mark.slow
def test_nothing_is_read_or_written_out_of_bounds(tmp_path: Path) -> None:
    """Random inputs of all kinds, with the sanitizers of the compiler watching."""
    flags = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", '-DSOURCES=""']
    made = compiled(tmp_path / "operating", flags, Path(__file__).with_name("operating.c"))
    done = subprocess.run([str(made)], env={"ASAN_OPTIONS": "detect_leaks=0"}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "900 runs\n"), done.stderr[-3000:]
