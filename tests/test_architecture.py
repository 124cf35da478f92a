"""The house keeps its shape: imports point left, one owner per library, coverage.py stays coverage.py."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ORDER = ("geodata", "coverage", "scenarios", "maps", "app")
OWNERS = {
    "osmnx": {"geodata/roads.py", "geodata/osm/place.py"},
    "networkx": {"geodata/roads.py", "geodata/osm/place.py"},
    "osmium": {"geodata/osm/osmium_reader.py", "geodata/osm/water_areas.py"},
    "requests": {"geodata/osm/place.py"},
    "pyarrow": {"geodata/osm/line_parquet.py"},
    "folium": {"maps/page.py"},
    "sklearn": {"coverage/gaps.py"},
    "contourpy": {"coverage/areas.py"},
    "highspy": {
        f"coverage/siting/{name}.py"
        for name in ("linear", "program_compact", "program_completion", "program_master", "solve")
    },
    "typer": {
        f"app/{name}.py"
        for name in (
            "cli",
            "commands",
            "assess_cli",
            "desk_cli",
            "layers_cli",
            "maps_cli",
            "network_cli",
            "siting_cli",
            "scenario_cli",
            "standards_cli",
            "study_cli",
            "targets_cli",
        )
    },
    "openpyxl": {
        "geodata/templates.py",
        "geodata/export.py",
        "geodata/intake/report.py",
        "scenarios/ledger/sheets.py",
    },
    "sqlalchemy": {
        f"geodata/registry/{name}.py"
        for name in ("changes", "geopackage", "history", "postgis", "registry", "tables")
    },
    "geoalchemy2": {"geodata/registry/postgis.py"},
    "uvicorn": {"app/server/serve.py"},
    "reportlab": {"maps/report/pdf.py"},
    "docx": {"maps/report/word.py"},
    "pypdf": {"maps/sheets/bind.py"},
    "xlsxwriter": {"maps/workbook.py", "maps/workbook_charts.py"},
    "cryptography": {"app/desk/vault.py"},
}
SERVER = {"fastapi", "starlette", "anyio"}
"""Only `app/server` knows them: the desk answers without HTTP, from a command as from a file."""
DOORS = {"app/desk_cli.py", "app/desk_commands.py"}
"""Beside itself, only these know of the server."""


def _modules() -> Iterator[Path]:
    for folder in ORDER:
        yield from sorted((ROOT / folder).rglob("*.py"))


class Facts(NamedTuple):
    """What is asked of a module; the tree itself, some ten thousand objects, is not kept."""

    imports: tuple[str, ...]
    """Every imported module, absolute, relative imports resolved below the repository's root."""
    calls: frozenset[str]
    """Names of the functions that are called by their name alone."""


@cache
def _facts(path: Path) -> Facts:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    package = path.relative_to(ROOT).parent.parts
    calls = (node.func for node in nodes if isinstance(node, ast.Call))
    names = frozenset(each.id for each in calls if isinstance(each, ast.Name))
    return Facts(tuple(_imported(nodes, package)), names)


def _imported(nodes: Iterable[ast.AST], package: tuple[str, ...]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            if node.module:
                yield ".".join([*base, node.module])
            else:
                yield from (".".join([*base, alias.name]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_imports_point_left() -> None:
    wrong = []
    for path in _modules():
        own = ORDER.index(path.relative_to(ROOT).parts[0])
        for name in _facts(path).imports:
            top = name.removeprefix("boai.").split(".")[0]
            if top in ORDER and ORDER.index(top) > own:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_every_library_has_one_owner() -> None:
    wrong = []
    for path in _modules():
        here = path.relative_to(ROOT).as_posix()
        for name in _facts(path).imports:
            owners = OWNERS.get(name.split(".")[0])
            if owners is not None and here not in owners:
                wrong.append(f"{here} imports {name}")
    assert not wrong


def test_only_the_doors_know_of_the_server() -> None:
    wrong = []
    for path in _modules():
        here = path.relative_to(ROOT).as_posix()
        if here.startswith("app/server/"):
            continue
        names = {name.removeprefix("boai.") for name in _facts(path).imports}
        wrong += [f"{here} imports {name}" for name in names if name.split(".")[0] in SERVER]
        if here not in DOORS:
            wrong += [f"{here} imports {name}" for name in names if name.startswith("app.server")]
    assert not wrong


def test_coverage_py_is_found_from_the_checkout() -> None:
    how = ["-c", "import coverage; print(coverage.__file__)"]
    found = subprocess.run([sys.executable, *how], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "site-packages" in found.stdout
    how = ["-m", "coverage", "--version"]
    tool = subprocess.run([sys.executable, *how], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Coverage.py" in tool.stdout


def test_every_folder_with_code_is_packaged() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT).as_posix() for path in _modules()}
    assert {f"boai.{folder.replace('/', '.')}" for folder in folders} == set(settings["packages"])
    assert set(settings["package-dir"].values()) == folders


def test_data_files_are_packaged() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    data = settings["package-data"]
    for folder in ORDER:
        inside = [name.removeprefix("boai.") for name in data if f"{name}.".startswith(f"boai.{folder}.")]
        listed = {
            path
            for name in inside
            for pattern in data[f"boai.{name}"]
            for path in (ROOT / name.replace(".", "/")).glob(pattern)
        }
        there = {
            path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts
        }
        assert not {path for path in there - listed if path.suffix != ".py"}


def test_printing_only_in_app() -> None:
    for path in _modules():
        if path.relative_to(ROOT).parts[0] == "app":
            continue
        assert "print" not in _facts(path).calls, path


def test_nothing_unsafe_is_called() -> None:
    """No pickle, no eval, no unsafe YAML: every file is taken as hostile."""
    for path in _modules():
        text = path.read_text(encoding="utf-8")
        assert not _facts(path).calls & {"eval", "exec", "__import__"}, path
        assert not {"pickle", "marshal", "shelve"} & set(_facts(path).imports), path
        assert "yaml.load(" not in text or "SafeLoader" in text, path
        assert "allow_pickle=True" not in text, path


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    reasons = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for requirement in project["dependencies"]:
        name = requirement.split(">")[0].split("=")[0].strip()
        assert name in reasons, f"docs/dependencies.md has no reason for {name}"


def test_locked_versions_have_no_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        assert line.startswith("#") or ("==" in line and "/" not in line and "@" not in line), line
