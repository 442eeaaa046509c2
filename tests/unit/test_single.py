"""The server in one process: what it refuses, and how it stops. `tests/fault` reads pages with it."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import raypipe as rp
from raypipe import presets
from raypipe.cli.main import cli
from raypipe.errors import ConfigError
from raypipe.run import single
from raypipe.run.served import ServedPipeline
from raypipe.run.settings import Serving
from raypipe.serving import Arguments
from raypipe.web.settings import ServerSettings


def test_a_connection_is_cut_once_its_client_takes_nothing_more() -> None:
    left, later, cut = [100, 60, 60], [], []
    protocol = object.__new__(single.Protocol)
    protocol.flow = SimpleNamespace(pause_writing=lambda: None)
    protocol.loop = SimpleNamespace(call_later=lambda _, look: later.append(look))
    protocol.config = SimpleNamespace(app=SimpleNamespace(settings=ServerSettings()))
    protocol.transport = SimpleNamespace(get_write_buffer_size=lambda: left.pop(0), abort=lambda: cut.append(True))
    protocol.pause_writing()
    later.pop()()
    assert not cut, "it is slow"
    later.pop()()
    assert cut and not later


@pytest.mark.parametrize("option", ["--detectors", "--recognizers", "--ingress-replicas", "--batch-lines"])
def test_options_of_ray_serve_are_refused(option: str) -> None:
    result = CliRunner().invoke(cli, ["serve", "--engine", "local", option, "2"])
    assert result.exit_code != 0 and f"{option} cannot be combined with --engine local" in str(result.exception)


def test_it_ends_once_nothing_is_under_way() -> None:
    async def main() -> list[bool]:
        application = SimpleNamespace(under_way=1, stop=lambda: None)
        server = single.Server(application, "127.0.0.1", 1, lambda: None)  # type: ignore[arg-type]
        ends = [await server.on_tick(1)]
        server.handle_exit(15, None)
        ends.append(await server.on_tick(1))
        application.under_way = 0
        return [*ends, await server.on_tick(1)]

    assert asyncio.run(main()) == [False, False, True]


def test_a_page_that_hangs_does_not_keep_the_process_from_ending() -> None:
    pipeline = rp.Pipeline([rp.BinaryToImage()])
    edge = single.application(ServedPipeline(pipeline.graph, {}, Serving()))
    (operator,) = edge._app.state.service.reader.operators  # type: ignore[attr-defined]
    thread = operator._threads.submit(threading.current_thread).result()
    assert thread.daemon, "Python waits for all others"


@pytest.mark.parametrize("names", [("text_regions",), ("nothing",)])
def test_a_server_asks_requests_for_no_column_that_nothing_reads(names: tuple[str, ...]) -> None:
    graph = presets.standard().graph
    with pytest.raises(ConfigError, match=f"reads no column '{names[0]}' that comes with requests"):
        ServedPipeline(graph, {}, Serving(input_columns=names)).check()


def test_the_largest_picture_is_an_option_of_the_server() -> None:
    pipeline = Arguments(max_megapixels=12).limited(presets.standard())
    assert pipeline.stages[0].model_dump()["max_megapixels"] == 12
    assert Arguments().limited(presets.standard()) == presets.standard()
    with pytest.raises(ConfigError, match="no effect"):
        Arguments(max_megapixels=12).limited(rp.Pipeline([rp.ImageTextDetector()]))
