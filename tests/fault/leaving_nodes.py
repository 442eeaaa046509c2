"""Reads pages on a cluster of several nodes of this machine, some of which leave.

Prints as JSON the rows and what some tallies have counted.

Usage: leaving_nodes.py FOLDER SEED kill|drain ...
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from pipelines import Killer
from ray.cluster_utils import Cluster

import raypipe as rp
from raypipe.run.tally import start_tally

SECONDS_A_PAGE = 0.4
NOTICE_SECONDS = 8
TALLIES = 4


def add_node(cluster: Cluster) -> None:
    """Adds a node; Ray waits 30 seconds for one, which a busy machine may miss."""
    for attempt in range(4):
        try:
            cluster.add_node(num_cpus=2)
            return
        except Exception as error:
            if attempt == 3 or "timed out" not in str(error):
                raise


def drain(cluster: Cluster, node: Any) -> None:
    """Gives a node notice, as a cloud does with spot machines, and takes it away when the time is up."""
    words = ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "test"]
    deadline = ["--deadline-remaining-seconds", str(NOTICE_SECONDS)]
    where = ["--address", cluster.address, "--node-id", node.node_id]
    subprocess.run(
        [Path(sys.executable).with_name("ray"), "drain-node", *where, *words, *deadline],
        check=True,
        capture_output=True,
    )
    time.sleep(NOTICE_SECONDS)


def lose_nodes(cluster: Cluster, ways: Sequence[str], chance: random.Random, reading: threading.Thread) -> list[str]:
    """Takes one node after the other from the cluster, and adds another for each; how they left before all was read."""
    left = list[str]()
    for how in ways:
        if not reading.is_alive():
            break
        node = chance.choice(sorted(cluster.worker_nodes, key=lambda each: each.node_id))
        if how == "drain":
            drain(cluster, node)
        cluster.remove_node(node, allow_graceful=False)
        add_node(cluster)
        left.append(how)
        reading.join(chance.uniform(0.5, 4))
    reading.join()
    return left


def main(folder: str, seed: str, *ways: str) -> None:
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _ in range(2):
        add_node(cluster)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    tallies = [start_tally() for _ in range(TALLIES)]
    ray.get([each.finish.remote([], {"counted": 1}) for each in tallies])
    begun, rows = threading.Event(), list[dict[str, Any]]()

    def read() -> None:
        pipeline = rp.Pipeline([Killer(seconds=SECONDS_A_PAGE)])
        for row in pipeline.transform(rp.read(folder), batch_size=2).iter_rows():
            begun.set()
            rows.append({name: row[name] for name in ("path", "pagenum", "text", "exception")})

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    begun.wait(60)
    left = lose_nodes(cluster, ways, random.Random(seed), reading)
    counts = ray.get([each.sums.remote() for each in tallies])
    print(json.dumps({"rows": rows, "left": left, "counts": counts}))
    ray.shutdown()
    cluster.shutdown()


main(*sys.argv[1:])
