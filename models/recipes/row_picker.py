"""Build the models that pick rows on whatever device they run: `values` and `rows` to `picked` = values[rows].

Usage: python models/recipes/row_picker.py [--output FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from onnx import TensorProto, helper

FOLDER = Path(__file__).parents[2] / "raypipe" / "recognition" / "trocr"
KINDS = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}


def main() -> None:
    """Write a file for each element type; the only node is a Gather."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder for the files")
    output = parser.parse_args().output
    for name, kind in KINDS.items():
        # No shapes: the keys and values of a decoder and of an encoder may differ in rank.
        values, rows, picked = (
            helper.make_tensor_value_info(tensor, of, None)
            for tensor, of in (("values", kind), ("rows", TensorProto.INT64), ("picked", kind))
        )
        gather = helper.make_node("Gather", ["values", "rows"], ["picked"])
        graph = helper.make_graph([gather], "rows", [values, rows], [picked])
        opsets = [helper.make_opsetid("", 13)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="raypipe")
        path = output / f"row_picker_{name}.onnx"
        path.write_bytes(model.SerializeToString(deterministic=True))
        print(f"wrote   {path.name}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
