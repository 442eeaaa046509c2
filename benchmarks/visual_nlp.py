"""Seconds that the program of Visual NLP's model card takes for its picture, in raypipe.visual.

Example: python benchmarks/visual_nlp.py DATA/visual_nlp_samples/images/handwritten_example.jpg
The first time counts the loading of the models, the others do not.
"""

from __future__ import annotations

import argparse
import statistics
import time

from raypipe.visual import (
    BinaryToImage,
    Color,
    ImageDrawRegions,
    ImageTextDetectorV2,
    ImageToTextV2Opt,
    ImageType,
    PipelineModel,
    start,
)


def program() -> PipelineModel:
    """The stages of the card, with its parameters and the nearest models."""
    binary_to_image = BinaryToImage().setImageType(ImageType.TYPE_3BYTE_BGR)
    detector = ImageTextDetectorV2.pretrained("image_text_detector_v2", "en", "clinical/ocr")
    detector.setInputCol("image").setOutputCol("text_regions").setWithRefiner(True)
    detector.setSizeThreshold(-1).setLinkThreshold(0.3).setWidth(500)
    reader = ImageToTextV2Opt.pretrained("ocr_base_handwritten_v2_opt", "en", "clinical/ocr")
    reader.setInputCols(["image", "text_regions"]).setGroupImages(True).setOutputCol("text")
    draw = ImageDrawRegions().setInputCol("image").setInputRegionsCol("text_regions")
    draw.setOutputCol("image_with_regions").setRectColor(Color.green).setRotated(True)
    return PipelineModel(stages=[binary_to_image, detector, reader, draw])


def main() -> None:
    """Reads the picture several times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    session = start(on_missing_model="nearest")
    model, seconds = program(), []
    for _ in range(arguments.rounds):
        begun = time.perf_counter()
        frame = session.read.format("binaryFile").load(arguments.picture)
        (row,) = model.transform(frame).select("text").collect()
        seconds.append(time.perf_counter() - begun)
    print(row.text)
    print(f"first {seconds[0]:.2f} s, then {statistics.median(seconds[1:]):.2f} s ({len(seconds) - 1} rounds)")


if __name__ == "__main__":
    main()
