"""CER, WER and bag-of-words F1 of raypipe on sets of pages or lines with ground truth.

Example: python benchmarks/accuracy.py DATA --sets phone_pages letters1905_pages
A set is a folder with images/, gt.tsv and, where only some of it is to be measured, splits.tsv (its dev rows count).
Sets of lines or words (by their names) are read without a detector.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from pathlib import Path
from types import ModuleType

import raypipe as rp
from raypipe import presets

PAGE_SETS = ["visual_nlp_samples", "phone_pages", "forms_and_board", "letters1905_pages"]
LINE_SETS = ["phone_lines", "phone_words", "letters1905_lines", "wills1914_lines_fr"]


def scorer(data: Path) -> ModuleType:
    """The data's own score.py as a module."""
    spec = importlib.util.spec_from_file_location("score", data / "score.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def truth_of(folder: Path, score: ModuleType) -> dict[str, str]:
    """Transcripts by file name; of sets with splits, the dev part."""
    truth: dict[str, str] = score.read_truth(folder)
    splits = folder / "splits.tsv"
    if not splits.exists():
        return truth
    rows = [line.split("\t") for line in splits.read_text(encoding="utf-8").splitlines()]
    dev = {row[0] for row in rows if row[1] == "dev"}
    return {name: text for name, text in truth.items() if name in dev}


def pipeline_for(name: str, arguments: argparse.Namespace) -> rp.Pipeline:
    """The standard pipeline, or for lines its recognizer alone."""
    chosen = presets.PRESETS[arguments.preset]
    detector, recognizer = arguments.detector or chosen.detector, arguments.recognizer or chosen.recognizer
    chosen = chosen._replace(detector=detector, recognizer=recognizer, width=arguments.width or chosen.width)
    standard = presets.standard(**chosen._asdict(), language=arguments.language, use_gpu=False)
    decode, detect, recognize = standard.stages
    recognize = recognize.model_copy(update={"decoder": arguments.decoder})
    if "lines" not in name and "words" not in name:
        return rp.Pipeline([decode, detect, recognize])
    return rp.Pipeline([decode, recognize.model_copy(update={"regions_column": None})])


def main() -> None:
    """Measure each set, print a row each, and write the predictions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=PAGE_SETS + LINE_SETS)
    parser.add_argument("--preset", choices=list(presets.PRESETS), default=presets.STANDARD)
    parser.add_argument("--detector", help="default: the preset's")
    parser.add_argument("--recognizer", help="default: the preset's")
    parser.add_argument("--width", type=int, help="default: the preset's")
    parser.add_argument("--language", default=presets.LANGUAGE)
    parser.add_argument("--decoder", choices=["greedy", "beam"], default="beam")
    parser.add_argument("--predictions", type=Path, help="folder for SET.jsonl")
    arguments = parser.parse_args()
    score = scorer(arguments.data)
    print("| set | pages | CER | WER | P | R | F1 | seconds |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in arguments.sets:
        truth = truth_of(arguments.data / name, score)
        files = [arguments.data / name / "images" / file for file in sorted(truth)]
        start = time.perf_counter()
        texts = {Path(page.path).name: page.text for page in pipeline_for(name, arguments).run(files)}
        seconds = time.perf_counter() - start
        found = score.score(truth, {file: score.fold(text) for file, text in texts.items()})
        values = [found[key] for key in ("files", "cer", "wer", "words_p", "words_r", "words_f")]
        print(f"| {name} | {' | '.join(str(value) for value in values)} | {seconds:.1f} |", flush=True)
        if arguments.predictions:
            arguments.predictions.mkdir(parents=True, exist_ok=True)
            rows = (json.dumps({"file": file, "text": text}) for file, text in texts.items())
            (arguments.predictions / f"{name}.jsonl").write_text("\n".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
