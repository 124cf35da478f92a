"""Put a layer of water into a workspace: the desk then says of a point that it lies on water.

Results do not depend on it, so it stands beside the parts that the workspace's manifest lists; its own
manifest vouches for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...geodata import outline
from ...geodata.folders import remove
from ...geodata.water import save_water
from ..workspace import open_workspace, writing

FOLDER = "water"
MARGIN_DEG = 0.35
"""Water so far beyond the province's box is kept, as places there are answered for too (about 35 km)."""


def use_water(root: Path, file: Path, *, layer: str | None = None) -> dict[str, Any]:
    """Put the water of an OSM file or a file of polygons into a workspace, and say what it is.

    Raises
    ------
    InputError
        The file is missing, damaged, or holds no water in the province.
    WorkspaceError
        The workspace is damaged, or another process writes.
    """
    from ...geodata.water_files import read_water  # noqa: PLC0415 (slow to import)

    open_workspace(root)
    area = outline.load_outline(root / "outline")
    low = np.array([area["lon"].min(), area["lat"].min()]) - MARGIN_DEG
    high = np.array([area["lon"].max(), area["lat"].max()]) + MARGIN_DEG
    found = read_water(file, layer=layer, within=(*low.tolist(), *high.tolist()))
    with writing(root):
        digest = save_water(found, root / FOLDER)
    count, named = len(found.name), int(np.count_nonzero(found.name != ""))
    sentence = f"已导入 {file.name} 的 {count:,} 个水面 (其中 {named:,} 个有名称)。点在水面上时会提示。"
    return {"workspace": str(root), "hash": digest, "polygons": count, "sentence": sentence}


def without_water(root: Path) -> dict[str, Any]:
    """Take the layer of water out of a workspace."""
    open_workspace(root)
    with writing(root):
        had = (root / FOLDER).exists()
        remove(root / FOLDER)
    return {
        "workspace": str(root),
        "removed": had,
        "sentence": "已去掉水面数据。" if had else "本来就没有水面数据。",
    }
