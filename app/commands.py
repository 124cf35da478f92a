"""What all commands share: Chinese help, the options that every command has, how they answer and report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from . import console

DEMO = Path("demo")
"""The workspace that commands use where none is named."""


class Command(typer.core.TyperCommand):
    """A command whose --help option speaks Chinese."""

    def get_help_option(self, ctx: Any) -> Any:
        return _in_chinese(super().get_help_option(ctx))


class Group(typer.core.TyperGroup):
    """A group whose --help option speaks Chinese."""

    def get_help_option(self, ctx: Any) -> Any:
        return _in_chinese(super().get_help_option(ctx))


def _in_chinese(option: Any) -> Any:
    if option is not None:
        option.help = "显示这份说明。"
    return option


WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", envvar="BOAI_WORKSPACE", help="工作区文件夹")
]
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON, 供程序读取")]


def say(text: str) -> None:
    """Progress goes to standard error, so that --json output stays clean."""
    typer.echo(console.clean(text), err=True)


def tell(*lines: object) -> None:
    """Write lines of an answer to standard output; a name from a file steers no terminal."""
    for line in lines:
        typer.echo(console.clean(line))


def reply(found: object, lines: Iterable[object], *, as_json: bool) -> None:
    """Give an answer that is said in lines: to programs as one JSON document.

    Parameters
    ----------
    found
        What JSON holds, see `console.jsonable`.
    lines
        The same in words; a generator is run only where people read it.
    """
    if as_json:
        console.print_json(found)
    else:
        tell(*lines)
