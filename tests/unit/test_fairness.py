"""Turns in front of the reader."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from asking import PICTURE, Reader

from raypipe.types import Row
from raypipe.web.app import create
from raypipe.web.fairness import FairQueue
from raypipe.web.reading import ReadPage
from raypipe.web.settings import ServerSettings, digest


class Order:
    """Pages of clients that take a turn each, and the order in which they got it."""

    def __init__(self, room: int) -> None:
        self.queue, self.order, self.inside, self.most = FairQueue(room), list[str](), 0, 0

    async def page(self, client: str) -> None:
        async with self.queue.turn(client):
            self.order.append(client)
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0.001)
            self.inside -= 1

    def run(self, clients: str) -> str:
        async def main() -> None:
            await asyncio.gather(*map(self.page, clients))

        asyncio.run(main())
        return "".join(self.order)


@pytest.mark.parametrize(
    ("room", "clients", "order"),
    [
        (1, "aaaaaaabb", "aababaaaa"),
        (1, "aaaabbcc", "aabcabca"),
        (1, "aaaa", "aaaa"),
    ],
)
def test_clients_take_turns(room: int, clients: str, order: str) -> None:
    assert Order(room).run(clients) == order


def test_room_is_filled_and_shared() -> None:
    order = Order(4)
    found = order.run("a" * 20 + "b" * 4)
    assert order.most == 4 and found[:4] == "aaaa", "alone it has all of the room"
    assert sorted(found[4:10]) == list("aabbbb"), "then the other one catches up"
    assert order.queue._free == 4 and not order.queue._inside and not order.queue._waiting


def test_who_goes_gives_its_turn_back() -> None:
    async def main() -> None:
        order = Order(1)
        reading, waiting, last = (asyncio.create_task(order.page(client)) for client in "abc")
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(reading, last)
        assert order.order == ["a", "c"]
        early, late = (asyncio.create_task(order.page(client)) for client in "de")
        await asyncio.sleep(0)
        while order.inside:
            await asyncio.sleep(0)
        late.cancel()  # Its turn has come, but it does not know yet.
        await asyncio.wait((early, late))
        await asyncio.wait_for(order.page("f"), 5)
        assert order.order == ["a", "c", "d", "f"] and order.queue._free == 1

    asyncio.run(main())


class Shut(Reader):
    """Reads once it is told to, and keeps the order of the pages."""

    room = 1

    def __init__(self) -> None:
        super().__init__()
        self.opened, self.order = asyncio.Event(), list[str]()

    async def read(self, row: Row, overlay: str) -> ReadPage:
        self.order.append(row["name"])
        await self.opened.wait()
        return await super().read(row, overlay)


def test_a_key_that_floods_leaves_the_others_their_share() -> None:
    """Pages of two keys take turns, however many the one has sent before."""

    async def main() -> None:
        reader, statuses = Shut(), list[int]()
        app = create(reader, ServerSettings(key_digests=(digest("flood"), digest("other")), max_requests=16))

        async def ask(key: str) -> None:
            headers = {"Authorization": f"Bearer {key}", "Content-Disposition": f"attachment; filename={key}"}
            statuses.append((await client.post("/v1/ocr", content=PICTURE, headers=headers)).status_code)

        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://server") as client:
            asked = [asyncio.create_task(ask("flood")) for _ in range(20)]
            while len(statuses) < 12:
                await asyncio.sleep(0.001)
            asked += [asyncio.create_task(ask("other")) for _ in range(3)]
            queue = app._app.state.service.queue  # type: ignore[attr-defined]
            while len(queue._waiting.get(digest("other"), ())) < 3:
                await asyncio.sleep(0.001)
            reader.opened.set()
            await asyncio.gather(*asked)
        assert statuses == [429] * 12 + [200] * 11
        assert reader.order == ["flood", *["flood", "other"] * 3, *["flood"] * 4]

    asyncio.run(main())
