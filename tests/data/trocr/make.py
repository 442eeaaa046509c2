"""Makes this folder: a TrOCR of the real architecture at toy size with random weights, and what `transformers` reads.

    python tests/data/trocr/make.py

Needs the packages of models/recipes/requirements.txt. The weights are drawn until the pictures get texts of different
lengths that end by themselves, greedy and with beams.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    TrOCRConfig,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTImageProcessor,
)

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "models" / "recipes"))

SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "greedy_without_repeats": {"no_repeat_ngram_size": 2},
    "beam": {"num_beams": 4},
    "beam_short": {"num_beams": 3, "length_penalty": 0.0, "early_stopping": True},
    "beam_long": {"num_beams": 4, "length_penalty": 2.0, "early_stopping": True, "no_repeat_ngram_size": 3},
    "beam_never": {"num_beams": 2, "early_stopping": "never"},
}
LENGTH = 24


def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer, as that of TrOCR, with few merges."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(["the line of the letter and the text that is in it, with kind regards"] * 9, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def network(seed: int, end: float = 1.6, learned: bool = True) -> VisionEncoderDecoderModel:
    """A TrOCR with random weights, large enough for the picture to matter, and an end that is easily reached."""
    encoder = ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, image_size=32, patch_size=8
    )
    decoder = TrOCRConfig(
        vocab_size=300,
        d_model=32,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        use_learned_position_embeddings=learned,
        cross_attention_hidden_size=24,
        scale_embedding=not learned,
        tie_word_embeddings=False,
    )
    torch.manual_seed(seed)
    model = VisionEncoderDecoderModel(VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name.lower():
                weight.normal_(0, 0.25 if "embed" not in name else 0.5)
        model.decoder.output_projection.weight[2] *= end
    ids = {"decoder_start_token_id": 2, "eos_token_id": 2, "pad_token_id": 1, "bos_token_id": 0}
    model.generation_config = GenerationConfig(**ids, max_length=LENGTH)
    model.config.decoder_start_token_id, model.config.pad_token_id, model.config.eos_token_id = 2, 1, 2
    return model


def pictures() -> list[np.ndarray]:
    """Line pictures (h, w, 3), BGR, of many widths."""
    random = np.random.default_rng(5)
    drawn = []
    for width in (40, 7, 64, 33, 90, 51, 64, 20, 77, 48, 12, 100):
        coarse = random.integers(0, 256, (4, max(width // 8, 2), 3), np.uint8)
        drawn.append(np.asarray(Image.fromarray(coarse).resize((width, 24), Image.Resampling.BICUBIC)))
    return drawn


def read(model: VisionEncoderDecoderModel, pixels: torch.Tensor, search: dict[str, Any]) -> list[list[int]]:
    """What `generate` reads, without the tokens that begin, end and pad."""
    found = model.generate(pixels, **search)
    texts = []
    for row in found[:, 1:].tolist():
        ends = [n for n, token in enumerate(row) if token == 2]
        texts.append([token for token in row[: ends[0] if ends else len(row)] if token != 1])
    return texts


def varied(texts: list[list[int]]) -> bool:
    """Whether texts have many lengths, and most end before they must."""
    lengths = sorted(len(text) for text in texts)
    return len(set(lengths)) >= 7 and lengths[2] > 0 and lengths[len(lengths) // 2] >= 4 and lengths[-2] < LENGTH - 1


def search(pixels: torch.Tensor) -> tuple[int, VisionEncoderDecoderModel, dict[str, list[list[int]]]]:
    """Draw networks until all searches give varied texts."""
    for seed in range(6000):
        model = network(seed, 1 + seed % 10 / 5)
        if not varied(read(model, pixels, {})):
            continue
        found = {name: read(model, pixels, kind) for name, kind in SEARCHES.items()}
        if (
            all(len(set(map(len, texts))) >= 5 for texts in found.values())
            and found["beam"] != found["greedy"]
            and found["beam_short"] != found["beam_long"]
        ):
            return seed, model, found
    raise SystemExit("No seed will do.")


def checkpoint(model: VisionEncoderDecoderModel, folder: Path) -> None:
    """Write a checkpoint as it comes from the hub."""
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    ViTImageProcessor(size=32, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=2).save_pretrained(folder)


def main() -> None:
    """Write the model in both layouts, the pictures and the texts."""
    import trocr

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder for the PyTorch checkpoint")
    folder = parser.parse_args().checkpoint
    torch.set_num_threads(1)
    processor = ViTImageProcessor(size=32, image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=2)
    pixels = processor([picture[:, :, ::-1].copy() for picture in pictures()], return_tensors="pt").pixel_values
    seed, model, texts = search(pixels)
    checkpoint(model, folder)
    for name, two in (("merged", False), ("two", True)):
        (HERE / name).mkdir(exist_ok=True)
        trocr.export(trocr.load(folder), HERE / name, "fp32", two)
    (HERE / "two" / "encoder_model.onnx").unlink()
    trocr.export_configuration(model, str(folder), HERE / "merged")
    np.savez_compressed(HERE / "pictures.npz", *pictures(), pixels=pixels.numpy().astype(np.float32))
    words = tokenizer().batch_decode(texts["greedy"])
    expected = {"seed": seed, "searches": SEARCHES, "tokens": texts, "text": words}
    (HERE / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
    print({name: [len(text) for text in found] for name, found in texts.items()})


if __name__ == "__main__":
    main()
