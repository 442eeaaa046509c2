"""Seconds a line and memory of TrOCR, with random weights of the published size and texts of a fixed length.

    python benchmarks/trocr.py make --folder trocr/           # a checkpoint; exports it to fp32/ and int8/
    python benchmarks/trocr.py run fp32 --folder trocr/ --batch 8
    python benchmarks/trocr.py run int8 --folder trocr/ --batch 8 --beams 4
    python benchmarks/trocr.py run transformers --folder trocr/ --batch 8

Each run is a process of its own, so that its peak memory is its own. `make` and `run transformers` need the packages of
models/recipes/requirements.txt.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

RECIPE = Path(__file__).parent.parent / "models" / "recipes" / "trocr.py"
TOKENIZER = Path(__file__).parent.parent / "tests" / "data" / "trocr" / "merged"
IDS = {"decoder_start_token_id": 2, "eos_token_id": 2, "pad_token_id": 1, "bos_token_id": 0}
ENDLESS = 50264
"""A token that is taken for the end so that every text is as long as asked."""


def make(folder: Path) -> None:
    """Draw a checkpoint of the size of trocr-base-handwritten, and export it."""
    import torch
    from transformers import (
        GenerationConfig,
        TrOCRConfig,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
        ViTConfig,
    )

    torch.manual_seed(0)
    encoder = ViTConfig(image_size=384, qkv_bias=False)
    decoder = TrOCRConfig(vocab_size=50265, cross_attention_hidden_size=768, tie_word_embeddings=False)
    model = VisionEncoderDecoderModel(VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder))
    model.generation_config = GenerationConfig(**IDS)
    model.config.decoder_start_token_id, model.config.pad_token_id = 2, 1
    checkpoint = folder / "checkpoint"
    model.save_pretrained(checkpoint)
    for name in ("tokenizer.json", "preprocessor_config.json"):
        shutil.copy(TOKENIZER / name, checkpoint)
    settings = json.loads((checkpoint / "preprocessor_config.json").read_text("utf-8")) | {"size": 384}
    (checkpoint / "preprocessor_config.json").write_text(json.dumps(settings), "utf-8")
    (checkpoint / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}', "utf-8")
    for precision in ("fp32", "int8"):
        command = [sys.executable, RECIPE, checkpoint, "--precision", precision, "--output", folder / precision]
        subprocess.run(command, check=True)


def ours(folder: Path, length: int, caching: bool, beams: int, threads: int) -> Callable[[np.ndarray], list[int]]:
    """Return a function from pictures (n, 3, 384, 384) to the lengths of their texts, on raypipe."""
    from raypipe.engine.session import Session
    from raypipe.metrics import Metrics
    from raypipe.recognition.base import RecognizerOptions
    from raypipe.recognition.trocr.model import Seq2SeqRecognizer

    path = folder / "generation_config.json"
    path.write_text(json.dumps(IDS | {"eos_token_id": ENDLESS, "max_length": length + 1}), "utf-8")
    options = RecognizerOptions(use_caching=caching, num_beams=beams)
    reader = Seq2SeqRecognizer(folder, options, lambda source: Session(source, False, threads, Metrics()))
    return lambda pixels: [len(tokens.ids) for tokens in reader.generate(pixels)]


def theirs(folder: Path, length: int, caching: bool, beams: int, threads: int) -> Callable[[np.ndarray], list[int]]:
    """Return the same function on transformers and PyTorch."""
    import torch
    from transformers import VisionEncoderDecoderModel

    torch.set_num_threads(threads)
    model = VisionEncoderDecoderModel.from_pretrained(folder / "checkpoint").eval()
    settings = {"max_new_tokens": length, "eos_token_id": ENDLESS, "num_beams": beams, "use_cache": caching}

    def read(pixels: np.ndarray) -> list[int]:
        with torch.inference_mode():
            return [len(row) - 1 for row in model.generate(torch.from_numpy(pixels), **settings)]

    return read


def measure(read: Callable[[np.ndarray], list[int]], batch: int, length: int, runs: int) -> float:
    """Return the least seconds a line of some runs, after one that does not count."""
    pixels = np.random.default_rng(0).standard_normal((batch, 3, 384, 384)).astype(np.float32)
    lengths = read(pixels[:1])
    assert lengths == [length], f"texts of {lengths} tokens"
    least = np.inf
    for _ in range(runs):
        start = time.perf_counter()
        assert read(pixels) == [length] * batch
        least = min(least, time.perf_counter() - start)
    return least / batch


def main() -> None:
    """Make the models, or measure one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("make", "run"))
    parser.add_argument("what", nargs="?", choices=("fp32", "int8", "transformers"), default="fp32")
    parser.add_argument("--folder", type=Path, required=True, help="where the models lie")
    parser.add_argument("--batch", type=int, default=8, help="lines read together")
    parser.add_argument("--length", type=int, default=24, help="tokens of each text")
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--no-cache", action="store_true", help="run the decoder over all tokens each time")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=2)
    args = parser.parse_args()
    if args.verb == "make":
        return make(args.folder)
    folder = args.folder if args.what == "transformers" else args.folder / args.what
    opener = theirs if args.what == "transformers" else ours
    read = opener(folder, args.length, not args.no_cache, args.beams, args.threads)
    seconds = measure(read, args.batch, args.length, args.runs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    cache = "not cached" if args.no_cache else "cached"
    print(f"{args.what}, batch {args.batch}, {args.beams} beams, {cache}: {seconds:.3f} s a line, peak {peak:.0f} MiB")


if __name__ == "__main__":
    main()
