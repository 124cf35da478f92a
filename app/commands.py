"""What all commands share: Chinese help, the options that every command has, progress on standard error."""

from __future__ import annotations

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
