"""Keys: the hash of all that a result depends on, computable without loading any of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..coverage.standards import Rule, Standard
from ..geodata.layers import Kind

_LIBRARIES = ("h3", "highspy", "numba", "numpy", "pandas", "scikit-learn", "scipy", "shapely")
"""Libraries whose arithmetic enters a result."""
_FOLDERS = ("geodata", "coverage", "scenarios")
_READ = (".py", ".yaml", ".csv")


@cache
def code_key() -> str:
    """Hash the code and tables that results are made by, and the versions of the libraries below them.

    A version number alone would call a result of yesterday's checkout a result of today's.
    """
    digest = hashlib.sha256()
    for name in _LIBRARIES:
        digest.update(f"{name}=={_version(name)}\n".encode())
    top = Path(__file__).resolve().parent.parent
    for folder in _FOLDERS:
        for path in sorted(top.joinpath(folder).rglob("*")):
            if path.suffix in _READ and path.is_file():
                digest.update(path.relative_to(top).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def key_of_result(
    hashes: Mapping[str, str],
    standards: Mapping[Kind, Standard],
    rules: Sequence[Rule] | None,
    scenario_key: str,
) -> str:
    """Hash all that a result depends on: SHA-256, hex digits.

    Parameters
    ----------
    hashes
        Of the parts of the world, as ``World.hashes``: the version of boai among them.
    """
    content = [dict(hashes), {kind: repr(one) for kind, one in standards.items()}]
    text = [*content, None if rules is None else repr(tuple(rules)), scenario_key, code_key()]
    return hashlib.sha256(json.dumps(text, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
