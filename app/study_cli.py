"""The commands that study a siting request: all plans that no other beats, and which sites stay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from . import console
from .commands import DEMO, JsonOption, WorkspaceOption, say, tell

KindArgument = Annotated[str, typer.Argument(help="图层: warehouse 备灾仓库、team 救援队等; 中文名也可")]
LimitOption = Annotated[
    float | None, typer.Option("--limit", help="算覆盖的上限: 分钟(驾车)或米(步行); 不填按标准")
]
CandidatesOption = Annotated[
    str,
    typer.Option("--candidates", help="候选点: settlements 是居民点, seats 是县城, cells 是人口密集的网格"),
]
QuotaOption = Annotated[
    list[str] | None, typer.Option("--quota", help="新增名额: 赣州市=1-2, 各市=-1; 可重复")
]
SpacingOption = Annotated[float | None, typer.Option("--spacing", help="站点间至少相距几公里(直线)")]
RelocateOption = Annotated[int, typer.Option("--relocate", min=0, help="最多迁移几处现有站点")]
OutOption = Annotated[Path | None, typer.Option("--out", help="把表格 (Excel, CSV) 写到这个新文件夹")]


def front(
    kind: KindArgument,
    against: Annotated[
        str, typer.Option("--against", help="cost 费用与覆盖; equity 覆盖与公平(最弱的单位)")
    ] = "cost",
    number: Annotated[
        int | None, typer.Option("--number", "-n", min=0, max=2000, help="equity: 新增几处")
    ] = None,
    most: Annotated[int, typer.Option("--most", help="cost: 最多新增几处")] = 30,
    price: Annotated[float | None, typer.Option("--price", help="cost: 每处的价格; 不填则只数站点")] = None,
    unit: Annotated[str, typer.Option("--unit", help="价格的单位")] = "万元",
    by: Annotated[str, typer.Option("--by", help="equity: 看最弱的 county 县区 或 city 设区市")] = "county",
    scenario: Annotated[
        list[str] | None, typer.Option("--compare", help="cost: 与这些方案对照; 可重复")
    ] = None,
    limit: LimitOption = None,
    candidates: CandidatesOption = "",
    quota: QuotaOption = None,
    spacing: SpacingOption = None,
    relocate: RelocateOption = 0,
    time_limit: Annotated[
        float, typer.Option("--time-limit", help="全部求解最多几秒; 没求完的区间会写明")
    ] = 300.0,
    out: OutOption = None,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """前沿: 列出所有"没有别的方案处处不比它差"的方案; 精确求解, 没求完的区间写明。"""
    from . import fronts as job
    from .planning import Wanted

    wanted = Wanted(
        kind, number=number, limit=limit, candidates=candidates, quotas=quota or (), spacing=spacing,
        relocate=relocate, time_limit=time_limit, out=out,
    )  # fmt: skip
    found = job.front(
        root, wanted, against=against, most=most, price=price, unit=unit, by=by, scenarios=scenario or (),
        progress=say,
    )  # fmt: skip
    if as_json:
        console.print_json(found)
        return
    console.print_table(console.marked(found["title"], found["labels"]), found["shown"], found["headers"])
    if found["given"]:
        console.print_table("与方案对照", found["given"], found["given_headers"])
    _tell(found)


def sensitivity(
    kind: KindArgument,
    number: Annotated[
        int | None, typer.Option("--number", "-n", min=0, max=2000, help="新增几处; 不填为3")
    ] = None,
    people: Annotated[float, typer.Option("--people", help="居民增减 %; 0 为不变动")] = 10.0,
    speed: Annotated[
        list[float] | None, typer.Option("--speed", help="车速增减 %, 可重复; 不填为 10 和 20")
    ] = None,
    limits: Annotated[
        list[float] | None, typer.Option("--limits", help="时限增减 %, 可重复; 不填为 10 和 30")
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=0, help="再随机变动各县居民几次")] = 8,
    seed: Annotated[int, typer.Option("--seed", help="随机数种子")] = 1,
    by: Annotated[str, typer.Option("--by", help="逐个变动 city 设区市 或 county 县区 的居民")] = "city",
    break_even: Annotated[
        bool, typer.Option("--break-even/--no-break-even", help="也求每处站点的保本点")
    ] = True,
    limit: LimitOption = None,
    candidates: CandidatesOption = "",
    quota: QuotaOption = None,
    spacing: SpacingOption = None,
    relocate: RelocateOption = 0,
    time_limit: Annotated[float, typer.Option("--time-limit", help="每次求解最多几秒")] = 60.0,
    out: OutOption = None,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """稳定性: 居民、车速、时限、数量变动时, 哪些站点仍然入选; 每处站点的保本点。"""
    from . import sensitivity as job
    from .planning import Wanted

    wanted = Wanted(
        kind, number=number, limit=limit, candidates=candidates, quotas=quota or (), spacing=spacing,
        relocate=relocate, time_limit=time_limit, out=out,
    )  # fmt: skip
    moves: dict[str, Any] = {"people": people, "runs": runs, "seed": seed, "by": by}
    moves["break_evens"] = break_even
    moves |= {"speeds": speed} if speed else {}
    moves |= {"limits": limits} if limits else {}
    found = job.sensitivity(root, wanted, progress=say, **moves)
    if as_json:
        console.print_json(found)
        return
    for name, title in (("sites", found["title"]), ("moves", "各次变动"), ("entering", "换入的站点")):
        table = found[name]
        if table["shown"]:
            console.print_table(console.marked(title, found["labels"]), table["shown"], table["headers"])
    _tell(found)


def _tell(found: Mapping[str, Any]) -> None:
    tell(*found["sentences"])
    for path in found["files"]:
        typer.echo(path)
