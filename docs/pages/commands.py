"""The commands and their options."""

from __future__ import annotations

from collections.abc import Iterator

import click

from pages.tables import code, table
from raypipe.cli.main import cli
from raypipe.cli.options import FormatName


def command_line() -> Iterator[str]:
    """The commands and their options."""
    yield "# Command line\n"
    yield from _command(cli, "raypipe", None)


def _command(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, help_option_names=["-h", "--help"])
    usage = f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    yield f"\n## {context.command_path}\n\n```sh\n{usage}\n```\n\n{_help(command)}\n"
    options = [each for each in command.params if isinstance(each, click.Option)]
    if options:
        yield "\n" + table(("option", "value", "default", "what"), [_option(each, context) for each in options])
    if command.epilog:
        example = command.epilog.removeprefix("Example: ")
        yield f"\n```sh\n{example}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            if found := command.get_command(context, inner):
                yield from _command(found, inner, context)


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str, str]:
    default = option.get_default(context)
    shown = option.show_default and isinstance(default, (str, int, float, tuple, list)) and default not in ("", ())
    values = ", ".join(map(str, default)) if isinstance(default, (tuple, list)) else str(default)
    names = ", ".join([*option.opts, *option.secondary_opts])
    return code(names), "" if option.is_flag else _values(option), code(values) if shown else "", option.help or ""


def _values(option: click.Option) -> str:
    if isinstance(option.type, (click.Choice, FormatName)):
        return ", ".join(code(each) for each in option.type.choices)
    kind = "number" if isinstance(option.type, (click.types.IntParamType, click.types.FloatParamType)) else ""
    return (
        code(option.metavar) if option.metavar else kind or ("path" if isinstance(option.type, click.Path) else "text")
    )


def _help(command: click.Command) -> str:
    return "\n".join(line.strip() for line in (command.help or "").strip().splitlines()).replace("\b", "")
