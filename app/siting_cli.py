"""The commands on siting: where new sites should go, and any model on the arrays of a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from . import console
from .commands import DEMO, Command, Group, JsonOption, WorkspaceOption, reply, say, tell

siting_app = typer.Typer(cls=Group, no_args_is_help=True, help="选址模型: 在数组文件上求解, 附证明的界。")

_SAY_EVERY_S = 1.0


# The help breaks lines at spaces only, and cuts longer words off.
_MODELS = (
    "模型: mclp 最大覆盖; lscp 全覆盖最少站点; partial 达到比例最少站点; backup 双重覆盖; "
    "expected 期望覆盖; p-median 总路程最短; p-center 最远路程最短"
)
_SOLVERS = (
    "模型: mclp 最大覆盖; lscp 全覆盖最少站点; partial 达到比例最少站点; backup 双重覆盖; k-cover 多重覆盖; "
    "expected 期望覆盖; fair 最弱单位最好; capacitated-mclp 有容量的最大覆盖; p-median 总路程最短; "
    "p-center 最远路程最短; capacitated-p-median 有容量的总路程最短; p-dispersion 分散选址"
)


def _once_a_second(
    line: Callable[[float, float, float], str],
) -> Callable[[float, float, float, float], None]:
    """Make a progress of a search that speaks once a second at most.

    ``line`` puts into words what was found, its bound and the gap (a share).
    """
    said = time.monotonic()

    def progress(found: float, bound: float, gap: float, seconds: float) -> None:
        nonlocal said
        if time.monotonic() - said >= _SAY_EVERY_S:
            said = time.monotonic()
            say(f"{seconds:.0f} 秒: {line(found, bound, gap)}")

    return progress


def _for_the_office(_found: float, _bound: float, gap: float) -> str:
    return f"已有方案, 离最优最多差 {100 * gap:.2f} %"


def _for_modellers(found: float, bound: float, gap: float) -> str:
    return f"方案 {found:,.10g}, 界 {bound:,.10g}, 相差 {100 * gap:.2f} %"


def plan(
    kind: Annotated[
        str, typer.Argument(help="图层: aed, home(博爱家园), warehouse, team, training, 也可写中文名")
    ],
    number: Annotated[
        int | None, typer.Option("--number", "-n", min=0, max=2000, help="新增几处; 不填为3")
    ] = None,
    model: Annotated[str, typer.Option("--model", help=_MODELS)] = "mclp",
    share: Annotated[float | None, typer.Option("--share", help="partial: 要覆盖居民的 %")] = None,
    limit: Annotated[
        float | None, typer.Option("--limit", help="算覆盖的上限: 分钟(驾车)或米(步行); 不填按标准")
    ] = None,
    candidates: Annotated[
        str,
        typer.Option(
            "--candidates", help="候选点: settlements 是居民点, seats 是县城, cells 是人口密集的网格"
        ),
    ] = "",
    quota: Annotated[
        list[str] | None,
        typer.Option(
            "--quota",
            help="新增名额: 赣州市=1-2 是一到两处, 修水县=1 是至少一处, 各市=-1 是每市至多一处; 可重复",
        ),
    ] = None,
    spacing: Annotated[float | None, typer.Option("--spacing", help="站点间至少相距几公里(直线)")] = None,
    relocate: Annotated[int, typer.Option("--relocate", min=0, help="最多迁移几处现有站点")] = 0,
    failure: Annotated[
        float | None, typer.Option("--failure", help="expected: 每处失效的可能, %; 不填为10")
    ] = None,
    others: Annotated[int, typer.Option("--others", min=0, max=100, help="mclp: 再列出几个次优方案")] = 0,
    time_limit: Annotated[
        float, typer.Option("--time-limit", help="求解最多几秒; 到时给出最好的方案和界")
    ] = 60.0,
    out: Annotated[Path | None, typer.Option("--out", help="把表格 (Excel, CSV) 写到这个新文件夹")] = None,
    scenario: Annotated[
        Path | None, typer.Option("--scenario", help="方案写成 YAML 文件, 供 compare 和 map 使用")
    ] = None,
    year: Annotated[
        int | None, typer.Option("--year", min=2000, max=2100, help="方案文件里的年份; 不填为今年")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="方案文件已存在时覆盖")] = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """选址: 新站点该设在哪里; 保留现有站点(或允许迁移), 附证明的界、每处的作用和替代点。"""
    from . import planning as job

    wanted = job.Wanted(
        kind, model, number, share, limit, candidates, quota or (), spacing, relocate, failure, others,
        time_limit, year, out, scenario, overwrite,
    )  # fmt: skip
    found = job.plan(root, wanted, progress=say, tell=_once_a_second(_for_the_office))
    if as_json:
        console.print_json(found)
        return
    headers = {
        "rank": "序号", "name": "建议位置", "city": "设区市", "county": "县区", "gain": "新增覆盖居民",
        "cumulative": "累计新增", "twice": "新增两处可达", "mean": "平均多覆盖", "sole": "只靠它的居民",
        "other": "最好的替代点", "loss": "替代少覆盖", "lon": "经度", "lat": "纬度",
    }  # fmt: skip
    headers = {key: text for key, text in headers.items() if key in found["columns"]}
    console.print_table(console.marked(found["title"], found["labels"]), found["sites"], headers)
    if found["others"]:
        rows = {"rank": "次序", "fewer": "比最优少覆盖", "changed": "与本方案的不同"}
        console.print_table("其他方案", found["others"], rows)
    tell(*found["sentences"])
    for path in found["files"]:
        typer.echo(path)


@siting_app.command("solve", cls=Command)
def solve(
    model: Annotated[str, typer.Option("--model", help=_SOLVERS)],
    reach: Annotated[
        Path | None,
        typer.Option(
            "--reach",
            help=".npz 文件: indptr, indices, weight, n_sites; 可有 cost, site_cost, capacity, group",
        ),
    ] = None,
    orlib: Annotated[Path | None, typer.Option("--orlib", help="OR-Library 的 p-median 文件")] = None,
    p: Annotated[int | None, typer.Option("--p", min=0, help="开设几处; OR-Library 文件自带")] = None,
    budget: Annotated[
        float | None, typer.Option("--budget", help="预算; 费用取文件的 site_cost, 没有则每处 1")
    ] = None,
    share: Annotated[float | None, typer.Option("--share", help="要覆盖的比例, %")] = None,
    limit: Annotated[
        float | None, typer.Option("--limit", help="OR-Library 文件: 路程在此以内算覆盖")
    ] = None,
    times: Annotated[
        int | None, typer.Option("--times", min=0, help="lscp、k-cover: 每处居民要有几处可达")
    ] = None,
    failure: Annotated[float | None, typer.Option("--failure", help="expected: 每处失效的可能, %")] = None,
    forced: Annotated[str, typer.Option("--forced", help="必选的候选点序号, 如 0,3")] = "",
    forbidden: Annotated[str, typer.Option("--forbidden", help="禁选的候选点序号")] = "",
    time_limit: Annotated[
        float, typer.Option("--time-limit", min=0, help="最多几秒; 到时给出最好的方案和界")
    ] = 60.0,
    as_json: JsonOption = False,
) -> None:
    """求解一个选址模型: 目标值、证明的界、站点、用时和化简; 不需要工作区。"""
    from . import siting_solve as job

    wanted = job.Wanted(
        model,
        reach,
        orlib,
        p,
        budget,
        share,
        limit,
        times,
        failure,
        forced=forced,
        forbidden=forbidden,
        time_limit_s=time_limit,
    )
    found = job.solve(wanted, progress=_once_a_second(_for_modellers))
    reply(found, job.lines(found), as_json=as_json)
