"""A tiny workspace whose sites have keepers, telephones, opening hours and hostile names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import tinyspace
from boai.geodata.layers import Kind

SECRETS = ("熊建国", "13812345678", "万小红", "13987654321")
HOSTILE = "</script><script>document.title='x'</script><!--\u2028<img src=x onerror=alert(1)>"
STOCK = ('{"家庭包": 30, "棉被": 500}', '{"家庭包": 50}', '{"家庭包": 80}', '{"家庭包": 0}')


def make(
    root: Path,
    *,
    name: str = "",
    warehouses: tuple[int, ...] = (0, 3, 10, 15),
    teams: tuple[int, ...] = (5, 12),
) -> Path:
    """Write the workspace; ``name`` is that of the first store."""
    layers = tinyspace.sites(warehouses, teams)
    facts: dict[Kind, dict[str, Any]] = {
        "warehouse": {
            "name": [name or "甲库", *(f"{each}库" for each in "乙丙丁"[: len(warehouses) - 1])],
            "keeper": SECRETS[0],
            "phone": SECRETS[1],
            "stock": list(STOCK[: len(warehouses)]),
            "stock_date": "2026-11-01",
            "hours": "周一至周五 08:00-17:30",
            "level": ["省级", "市级", "县级", "县级"][: len(warehouses)],
        },
        "team": {"name": [f"队{row}" for row in teams], "speciality": ["医疗", "搜救"][: len(teams)]},
    }
    changed = {
        kind: replace(own, table=own.table.assign(**facts.get(kind, {}))) for kind, own in layers.items()
    }
    tinyspace.make(root, changed)
    return root
