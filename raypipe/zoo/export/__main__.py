"""Exports TrOCR from a PyTorch checkpoint to ONNX in Optimum's file layout: float32, int8 or float16.

    python -m raypipe.zoo.export microsoft/trocr-base-handwritten --precision int8 --output FOLDER
    raypipe models import ocr_base_handwritten_v2_opt FOLDER

The checkpoint is a local folder or a name on the Hugging Face hub. The result is compared with PyTorch on pictures of
lines, for whole texts and token by token; the export fails if a difference exceeds its limit.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from PIL import Image, ImageDraw
from transformers import AutoImageProcessor, AutoTokenizer, VisionEncoderDecoderModel

from raypipe.zoo.export import graph
from raypipe.zoo.export.parity import require
from raypipe.zoo.pulling import SUFFIXES
from raypipe.zoo.store import sha256_of

LIMITS = {"fp32": 1e-3, "int8": 0.2, "fp16": 0.02}
"""The most that the scores may differ from PyTorch's: root mean square, relative to that of the scores."""
TEXTS = ("a line of writing", "12.50 due on 3 May 1905", "?", "with kind regards, yours")


def main() -> None:
    """Export, quantise, write, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="folder of a checkpoint, or its name on the hub")
    parser.add_argument("--output", type=Path, required=True, help="folder for the model")
    parser.add_argument("--precision", choices=SUFFIXES, default="fp32", help="of the weights")
    parser.add_argument("--two-decoders", action="store_true", help="write decoder_model and decoder_with_past_model")
    arguments = parser.parse_args()
    model = load(arguments.checkpoint)
    arguments.output.mkdir(parents=True, exist_ok=True)
    export(model, arguments.output, arguments.precision, arguments.two_decoders)
    export_configuration(model, arguments.checkpoint, arguments.output)


def load(checkpoint: str | Path) -> VisionEncoderDecoderModel:
    """Return the model of a checkpoint, in float32."""
    model = VisionEncoderDecoderModel.from_pretrained(checkpoint, dtype=torch.float32).eval()
    if model.config.decoder.model_type != "trocr":
        raise SystemExit(f"{checkpoint} has a decoder of type {model.config.decoder.model_type}, not trocr.")
    places = model.decoder.model.decoder.embed_positions
    if getattr(places, "weights", None) is not None:
        # Sinusoids are not parameters: transformers 5 loads a checkpoint without filling them in.
        rows = places.weights.shape[0]
        places.weights = places.get_embedding(rows, places.embedding_dim, places.padding_idx)
    return model


def export(model: VisionEncoderDecoderModel, output: Path, precision: str, two_decoders: bool = False) -> None:
    """Write the graphs of a model and compare them with it."""
    pixels, tokens = torch.from_numpy(example_pictures(model)), example_tokens(model)
    with torch.inference_mode():
        hidden = model.encoder(pixels).last_hidden_state
        wanted = model(pixel_values=pixels, decoder_input_ids=torch.from_numpy(tokens)).logits.numpy()
    half, suffix = precision == "fp16", SUFFIXES[precision]
    kinds = (
        {"first": "decoder_model", "later": "decoder_with_past_model"}
        if two_decoders
        else {"merged": "decoder_model_merged"}
    )
    for kind, name in kinds.items():
        write(graph.decoder(model, half, kind), output / f"{name}{suffix}.onnx", precision)
    write(graph.encoder(model, half), output / f"encoder_model{suffix}.onnx", precision)
    compare(output, suffix, pixels.numpy(), tokens, hidden.numpy(), wanted, LIMITS[precision])


def example_pictures(model: VisionEncoderDecoderModel) -> np.ndarray:
    """Return pictures (n, 3, h, w) of printed lines, as the encoder takes them."""
    side = model.config.encoder.image_size
    pictures = []
    for text in TEXTS:
        image = Image.new("RGB", (12 * len(text) + 20, 40), "white")
        ImageDraw.Draw(image).text((10, 10), text, fill="black")
        pictures.append(np.asarray(image.resize((side, side), Image.Resampling.BILINEAR), np.float32))
    return (np.stack(pictures) / 127.5 - 1).transpose(0, 3, 1, 2).astype(np.float32)


def example_tokens(model: VisionEncoderDecoderModel) -> np.ndarray:
    """Return texts (n, t) of arbitrary tokens."""
    drawn = np.random.default_rng(0).integers(4, model.config.decoder.vocab_size, (len(TEXTS), 9))
    drawn[:, 0] = model.generation_config.decoder_start_token_id or model.config.decoder_start_token_id
    return drawn.astype(np.int64)


def write(model: onnx.ModelProto, path: Path, precision: str) -> None:
    """Write a graph, with its weights as int8 if that is the precision."""
    if precision == "int8":
        model = quantized(model)
    model.producer_name, model.producer_version, model.doc_string = "raypipe", "", ""
    # The exporter notes for each node which line of source made it.
    for part in (*model.graph.node, *model.graph.input, *model.graph.output, model.graph, *model.functions):
        del part.metadata_props[:]
    del model.graph.value_info[:]
    path.write_bytes(model.SerializeToString(deterministic=True))
    print(f"wrote   {path}  {path.stat().st_size} bytes  sha256 {sha256_of(path)}")


def quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with weights as int8, of which 7 bits are used, one scale per column, and inputs scaled per run.

    On a CPU without VNNI, products are added in pairs that saturate at 16 bits, which 8-bit weights may exceed.
    """
    properties = {entry.key: entry.value for entry in model.metadata_props}
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize_dynamic(
            source,
            result,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gather"],
            extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True},
        )
        made = onnx.load(result)
    onnx.helper.set_model_props(made, properties)
    return made


def export_configuration(model: VisionEncoderDecoderModel, checkpoint: str, output: Path) -> None:
    """Write tokenizer.json, preprocessor_config.json, generation_config.json and config.json."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer.backend_tokenizer.save(str(output / "tokenizer.json"))
    AutoImageProcessor.from_pretrained(checkpoint).save_pretrained(output)
    config, generation = model.config, model.generation_config
    for key in ("decoder_start_token_id", "eos_token_id", "pad_token_id"):
        if getattr(generation, key) is None:
            setattr(generation, key, getattr(config, key, None) or getattr(config.decoder, key, None))
    generation.save_pretrained(output)
    (output / "config.json").write_text(json.dumps(config.to_dict(), indent=2, default=str), encoding="utf-8")


def compare(
    output: Path,
    suffix: str,
    pixels: np.ndarray,
    tokens: np.ndarray,
    hidden: np.ndarray,
    wanted: np.ndarray,
    limit: float,
) -> None:
    """Stop unless the files give the scores `wanted` (n, t, tokens), for whole texts and token by token."""
    encoder = ort.InferenceSession(output / f"encoder_model{suffix}.onnx", providers=["CPUExecutionProvider"])
    (found,) = encoder.run(None, {"pixel_values": pixels})
    require("encoder", relative(found, hidden), limit)
    first, later = decoders(output, suffix)
    scores, _ = run(first, tokens, found, {})
    require("scores of whole texts", relative(scores, wanted), limit)
    steps: list[np.ndarray] = []
    cache: dict[str, np.ndarray] = {}
    for place in range(tokens.shape[1]):
        scores, cache = run(later if cache else first, tokens[:, place : place + 1], found, cache)
        steps.append(scores)
    require("scores token by token", relative(np.concatenate(steps, 1), wanted), limit)


def decoders(output: Path, suffix: str) -> tuple[ort.InferenceSession, ort.InferenceSession]:
    """Open the decoder of the first step and that of later ones."""
    names = [f"decoder_model{suffix}.onnx", f"decoder_with_past_model{suffix}.onnx"]
    if not (output / names[0]).exists():
        names = [f"decoder_model_merged{suffix}.onnx"]
    opened = [ort.InferenceSession(output / name, providers=["CPUExecutionProvider"]) for name in names]
    return opened[0], opened[-1]


def run(
    session: ort.InferenceSession, tokens: np.ndarray, hidden: np.ndarray, cache: dict[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the scores of some tokens, and the cache extended by them."""
    feed: dict[str, np.ndarray] = {}
    for argument in session.get_inputs():
        if argument.name in cache:
            feed[argument.name] = cache[argument.name]
        elif argument.name.startswith("past_key_values"):
            # As Optimum does: a past of one token, which must be ignored.
            kind = np.float16 if "16" in argument.type else np.float32
            feed[argument.name] = np.ones((len(tokens), argument.shape[1], 1, argument.shape[3]), kind)
    feed |= {"input_ids": tokens, "encoder_hidden_states": hidden, "use_cache_branch": np.array([bool(cache)])}
    wanted = {argument.name for argument in session.get_inputs()}
    values = session.run(None, {name: value for name, value in feed.items() if name in wanted})
    found = dict(zip([output.name for output in session.get_outputs()], values, strict=True))
    scores = found.pop("logits")
    new = {name.replace("present", "past_key_values", 1): value for name, value in found.items()}
    return scores, cache | {name: value for name, value in new.items() if not (cache and ".encoder." in name)}


def relative(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the root mean square of the difference relative to that of the expected values."""
    found = found.astype(np.float32)
    return float(np.sqrt(np.square(found - wanted).mean() / np.square(wanted).mean()))


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
