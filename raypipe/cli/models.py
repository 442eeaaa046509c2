"""The commands `raypipe models ...`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from raypipe import presets
from raypipe.cli.paths import LocalPath
from raypipe.cli.table import print_table
from raypipe.errors import ExitStatus
from raypipe.zoo import manifest, pulling, store


@click.group()
def models() -> None:
    """Lists, downloads and checks models."""


@models.command("list", epilog="Example: raypipe models list")
def list_models() -> None:
    """Lists the models and their aliases."""
    rows = [(model.name, _use(model), model.task, model.family, *_size(model), model.licence, ", ".join(model.aliases))
            for model in manifest.models()]  # fmt: skip
    print_table(("name", "use", "task", "family", "MB", "where", "licence", "also called"), *rows)


@models.command(epilog="Example: raypipe models info text_detector_db")
@click.argument("name")
def info(name: str) -> None:
    """Prints a model's entry and card: size, licence, data, error rates, speed."""
    model = manifest.find(name)
    for key, value in model.model_dump(exclude={"card"}).items():
        if value:
            click.echo(f"{key}: {', '.join(value) if isinstance(value, tuple) else value}")
    record = None if model.file else store.record(model.name)
    if record:
        click.echo(f"stored: {model.path}, {_bytes(model)} bytes of {record.source} {record.revision}".rstrip())
    elif not model.file:
        click.echo("stored: no")
    if model.card:
        click.echo(f"\n{(manifest.models_folder() / model.card).read_text(encoding='utf-8').strip()}")


@models.command(epilog="Example: raypipe models pull ocr_base_handwritten_v2_opt")
@click.argument("name")
@click.option("--revision", help="Commit, tag or branch of the repository; default: as recorded, else the newest.")
@click.option("--update", is_flag=True, help="Download the newest revision even if another is recorded.")
@click.option("--record", type=LocalPath(exists=True, dir_okay=False),
              help="raypipe.json from another machine's store: download the same bytes.")  # fmt: skip
def pull(name: str, revision: str | None, update: bool, record: Path | None) -> None:
    """Downloads a model from the Hugging Face Hub into the local store, and checks its size and SHA-256.

    RAYPIPE_MODELS sets the folder of the store. HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and proxies are
    honoured. After an interruption, the same command resumes, even in the middle of a file.
    """
    model = manifest.find(name)
    like = store.read_record(record) if record else None
    recorded = store.record(model.name)
    if recorded and not (update or revision or like):
        if manifest.damage(model) is None:
            click.echo(f"{model.name} is already here: {model.path}")
            return
        like = recorded
    _stored(pulling.pull(model, revision, like))


@models.command("import", epilog="Example: raypipe models import ocr_base_handwritten_v2_opt trocr-base-handwritten/")
@click.argument("name")
@click.argument("folder", type=LocalPath(exists=True, file_okay=False))
def import_model(name: str, folder: Path) -> None:
    """Copies a model from a folder that Optimum's ONNX exporter wrote into the local store."""
    _stored(pulling.import_folder(manifest.find(name), folder))


@models.command(epilog="Example: raypipe models verify")
def verify() -> None:
    """Checks the size and SHA-256 of every model on this machine."""
    damages = [(model.name, manifest.damage(model)) for model in manifest.models() if model.file or model.is_here]
    for name, damage in damages:
        click.echo(f"{name}: {damage or 'sound'}")
    sys.exit(ExitStatus.MODEL if any(damage for _, damage in damages) else ExitStatus.DONE)


def _use(model: manifest.Model) -> str:
    uses = [name for name, chosen in presets.PRESETS.items() if model.name in chosen[:2]]
    return ", ".join("default" if name == presets.STANDARD else name for name in uses)


def _size(model: manifest.Model) -> tuple[str, str]:
    """A model's size in megabytes, and where the model is."""
    if not model.is_here:
        return f"~{model.pull_bytes / 1e6:.0f}" if model.pull_bytes else "", "not here"
    return f"{_bytes(model) / 1e6:.1f}", "in the package" if model.file else "pulled"


def _bytes(model: manifest.Model) -> int:
    """The size of a model's files."""
    record = None if model.file else store.record(model.name)
    if record:
        return sum(file.bytes for file in record.files.values())
    return model.bytes or model.path.stat().st_size


def _stored(record: store.Record) -> None:
    """Prints what the store now holds."""
    for name, file in record.files.items():
        click.echo(f"{name}: {file.bytes} bytes, sha256 {file.sha256}")
    click.echo(f"{record.name}: {store.location(record.name)}, from {record.source} {record.revision}".rstrip())
