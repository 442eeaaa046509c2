"""One key floods a server while another asks for page after page: what the second one gets, alone and then.

Example: python benchmarks/fairness.py PAGES/*.jpg --flood 32
Prints a JSON object a line: the second key alone, and both together. With fair turns the second key, one request at a
time, gets its pages while the first has all the rest.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
from pathlib import Path
from typing import Any

from serving import Load, serve


def main() -> None:
    """Run the phases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--flood", type=int, default=32, help="connections of the key that floods")
    parser.add_argument("--seconds", type=float, default=40, help="of each phase")
    parser.add_argument("--serve", default="--engine local", help="arguments of raypipe serve")
    arguments = parser.parse_args()
    bodies = [page.read_bytes() for page in arguments.pages]
    with tempfile.NamedTemporaryFile("w", suffix=".keys") as keys:
        keys.write("flood\nother\n")
        keys.flush()
        process, port = serve([*arguments.serve.split(), "--api-key-file", keys.name])
    try:
        Load(port, bodies, "other").closed(2, len(bodies) / 2)
        alone = Load(port, bodies, "other").closed(1, arguments.seconds)
        print(json.dumps({"phase": "other key alone", **alone}), flush=True)
        found: dict[str, Any] = {}

        def flood() -> None:
            found.update(Load(port, bodies, "flood").closed(arguments.flood, arguments.seconds))

        thread = threading.Thread(target=flood)
        thread.start()
        beside = Load(port, bodies, "other").closed(1, arguments.seconds)
        thread.join()
        print(json.dumps({"phase": "other key beside the flood", **beside}), flush=True)
        print(json.dumps({"phase": f"flood of {arguments.flood} connections", **found}), flush=True)
    finally:
        process.terminate()
        process.wait(90)


if __name__ == "__main__":
    main()
