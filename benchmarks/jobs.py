"""A job of many pages whose server is killed while it reads: every page comes once, and little is read twice.

Example: python benchmarks/jobs.py --pages 500 --kills 3
The document is a PDF of small pages that say their number. The server is killed with SIGKILL when a share of the pages
is read, and started again on the same folder; a client follows the job's events across all starts with Last-Event-ID.
Prints a JSON object; the exit status is 1 if a page is missing, doubled or in another's place.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from serving import serve


def pdf(pages: int) -> bytes:
    """A document whose pages say their number, from 0."""
    font, pictures = ImageFont.load_default(40), []
    for number in range(pages):
        picture = Image.new("L", (300, 120), 255)
        ImageDraw.Draw(picture).text((20, 30), f"number {number}", 0, font)
        pictures.append(picture)
    file = io.BytesIO()
    pictures[0].save(file, "PDF", save_all=True, append_images=pictures[1:])
    return file.getvalue()


class Client:
    """A client that follows a job.

    Args:
        port: Where the server is, until it is another one.
    """

    def __init__(self, port: int) -> None:
        self.port, self.last = port, ""
        self.seen = Counter[str]()

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request(method, path, body)
        return connection.getresponse().read()

    def follow(self, place: str, until: int) -> int:
        """Follows the events until so many pages are read, or the job has ended; returns how many are."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request("GET", f"{place}/events", headers={"Last-Event-ID": self.last})
        done = 0
        for line in connection.getresponse():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                self.last = value
                self.seen[value] += 1
            elif name == "data":
                done = json.loads(value)["done"]
                if done >= until:
                    break
        connection.close()
        return done

    def pages_read(self) -> int:
        """Pages that this server has read."""
        lines = self.ask("GET", "/metrics").decode().splitlines()
        return int(float(next(line.split()[1] for line in lines if line.startswith("raypipe_pages_total"))))


def rounds(arguments: argparse.Namespace, folder: str) -> dict[str, Any]:
    """The job, from its beginning to its end."""
    options = [*arguments.serve.split(), "--jobs", folder]
    process, port = serve(options)
    client, begun, read = Client(port), time.monotonic(), 0
    place = f"/v1/jobs/{json.loads(client.ask('POST', '/v1/jobs', pdf(arguments.pages)))['id']}"
    for kill in range(1, arguments.kills + 1):
        client.follow(place, arguments.pages * kill // (arguments.kills + 1))
        read += client.pages_read()
        process.kill()
        process.wait(60)
        process, client.port = serve(options)
    try:
        client.follow(place, arguments.pages + 1)
        read += client.pages_read()
        seconds = time.monotonic() - begun
        pages = json.loads(client.ask("GET", f"{place}/result"))["pages"]
    finally:
        stop(process)
    texts = sum(page["text"].split()[-1:] == [str(page["pagenum"])] for page in pages)
    return {
        "pages": arguments.pages,
        "kills": arguments.kills,
        "in_order_and_once": [page["pagenum"] for page in pages] == list(range(arguments.pages)),
        "that_say_their_number": texts,
        "read_at_least": read,
        "events": client.seen.total(),
        "events_twice": client.seen.total() - len(client.seen),
        "seconds": round(seconds, 1),
    }


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a server."""
    process.terminate()
    process.wait(90)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--kills", type=int, default=1)
    parser.add_argument("--serve", default="--engine local", help="arguments of raypipe serve")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = rounds(arguments, folder)
    print(json.dumps(found))
    sys.exit(not (found["in_order_and_once"] and found["that_say_their_number"] > 0.9 * arguments.pages))


if __name__ == "__main__":
    main()
