"""The commands of the emergency desk: serve it, export it as a file, who may write, marks, needs, sheets."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from . import _chinese  # noqa: F401 (must come before typer)

import typer  # isort: skip

from ..geodata.errors import InputError, Problem
from . import console
from .commands import DEMO, Command, Group, JsonOption, WorkspaceOption, say

desk_app = typer.Typer(
    cls=Group, help="应急值班台: 网页与接口、离线文件、令牌、标记、需求组合、调度单。", no_args_is_help=True
)
token_app = typer.Typer(cls=Group, help="令牌: 谁可以封路、标记、记录。", no_args_is_help=True)
desk_app.add_typer(token_app, name="token")

PASSPHRASE = "BOAI_PASSPHRASE"  # noqa: S105 (the name of a variable)
AtOption = Annotated[str, typer.Option("--at", help="地名, 或任何写法的坐标 (如 修水县黄坳乡; 115.86,28.69)")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="替换那里已有的文件")]
KindArgument = Annotated[str, typer.Argument(help="warehouse(备灾仓库) 或 team(救援队)")]


@desk_app.command("serve", cls=Command)
def desk_serve(
    host: Annotated[
        str, typer.Option("--host", help="在哪个地址上听; 不填则只有本机能打开, 0.0.0.0 为全部网卡")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="端口")] = 8642,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="进程数")] = 1,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--name", help="浏览器里用的主机名或地址, 如 desk.jx.local; 可重复 (--host 不是本机时要写)"
        ),
    ] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="前面有本机的反向代理 (负责 HTTPS)")
    ] = False,
    root: WorkspaceOption = DEMO,
) -> None:
    """启动值班台: 浏览器打开网页, 其他系统用接口; 默认只有本机能打开。"""
    from .server.serve import serve

    serve(
        root,
        host=host,
        port=port,
        workers=workers,
        allow_hosts=names or [],
        behind_proxy=behind_proxy,
        ready=say,
    )


@desk_app.command("export", cls=Command)
def desk_export(
    out: Annotated[Path, typer.Argument(help="写到哪个 html 文件")],
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help=f"给联系方式加密: 问口令, 或取自环境变量 {PASSPHRASE}")
    ] = False,
    contacts: Annotated[bool, typer.Option("--contacts/--no-contacts", help="带不带联系人和电话")] = True,
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """离线文件: 一个网页, 存到手机里, 没有网络也能查最近的仓库和队伍。"""
    from .desk.export import export

    secret = _passphrase() if encrypt else None
    found = export(root, out, passphrase=secret, contacts=contacts, overwrite=overwrite)
    if as_json:
        console.print_json(found)
        return
    size = f"{found['bytes'] / 1e6:.1f} MB"
    what = f"{found['sites']} 处站点, {found['places']} 个计算点, 联系方式{found['contacts']}"
    typer.echo(console.clean(f"已写出 {found['file']} ({size}): {what}"))
    if found["usual_left_out"]:
        typer.echo("注意: 文件太大, 没有带上平时 (道路未封闭时) 的路线, 页面不比较晚了多少")
    if found["contacts"] == "未加密":
        typer.echo(
            "注意: 文件里有联系人和电话, 拿到文件的人都能看; 要加密请加 --encrypt, 不带请加 --no-contacts"
        )


def _passphrase() -> str:
    """Get a passphrase that no list of processes shows; raises ``InputError`` where nobody can be asked."""
    given = os.environ.get(PASSPHRASE)
    if given:
        return given
    if not sys.stdin.isatty():
        fix = f"请在终端里运行, 或先设环境变量 {PASSPHRASE}"
        raise InputError(Problem("--encrypt", "没有得到口令", fix=fix))
    return str(typer.prompt("口令", hide_input=True, confirmation_prompt="再输一次"))


@desk_app.command("need", cls=Command)
def desk_need(
    at: AtOption = "",
    persons: Annotated[float | None, typer.Option("--persons", min=0, help="要救助的人数")] = None,
    item: Annotated[list[str] | None, typer.Option("--item", help="物资, 如 家庭包=200; 可重复")] = None,
    area: Annotated[
        str,
        typer.Option("--area", help="受灾范围: 多边形文件, 或角点 116.0,28.9 116.2,28.9 …; 按其中的居民算"),
    ] = "",
    share: Annotated[float, typer.Option("--share", help="其中要救助的比例, 大于 0, 至多 1")] = 1.0,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """需求: 哪几处仓库合起来最先送齐, 最少要几处, 还缺什么。"""
    from . import desk_commands

    found = desk_commands.need(root, at, persons=persons, items=item or [], area=area, share=share)
    if as_json:
        console.print_json(found)
        return
    for line in _need_lines(found):
        typer.echo(console.clean(line))


def _need_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Write a need and its plans."""
    items = "、".join(f"{name} {amount:,}" for name, amount in found["items"].items()) or "无"
    people = "" if found["persons"] is None else f"{found['persons']:,} 人, "
    yield console.marked(f"{found['place']['name']}: {people}需要 {items}", found["labels"])
    for key, title in (("first", "最先送齐"), ("fewest", "最少仓库")):
        plan = found["plans"][key]
        yield f"{title}: {plan['text']}"
        for store in plan["stores"]:
            takes = "、".join(f"{name} {amount:,}" for name, amount in store["takes"].items())
            yield f"   {store['name']}  {_eta(store['eta_min'])}  {takes}  电话: {store['phone'] or '未填'}"
    yield from (f"  注意: {note}" for note in found["notes"])


def _eta(minutes: float | None) -> str:
    from .desk.question import duration

    return "不可达" if minutes is None else f"{duration(minutes)}后到达"


@desk_app.command("sheet", cls=Command)
def desk_sheet(
    out: Annotated[Path, typer.Argument(help="写到哪个 PDF 文件")],
    at: AtOption,
    kind: Annotated[str, typer.Option("--kind", help="warehouse(备灾仓库) 或 team(救援队)")] = "warehouse",
    site: Annotated[
        list[str] | None, typer.Option("--site", help="派出的站点编号; 可重复; 不填则最先到的")
    ] = None,
    count: Annotated[int, typer.Option("-k", min=1, max=20, help="不写 --site 时派出几处")] = 1,
    item: Annotated[
        list[str] | None, typer.Option("--item", help="第一处要带的物资, 如 家庭包=200; 可重复")
    ] = None,
    persons: Annotated[float | None, typer.Option("--persons", min=0, help="要救助的人数")] = None,
    who: Annotated[str, typer.Option("--who", help="下达人")] = "",
    note: Annotated[str, typer.Option("--note", help="备注")] = "",
    overwrite: OverwriteOption = False,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """调度单: A4 的 PDF, 另给一段可以粘贴到聊天里的文字; 不写入值班记录。"""
    from . import desk_commands

    options = {"kind": kind, "chosen": site or [], "count": count, "carry": item or [], "persons": persons}
    found = desk_commands.sheet(root, at, out, **options, who=who, note=note, overwrite=overwrite)  # type: ignore[arg-type]
    if as_json:
        console.print_json(found)
        return
    typer.echo(console.clean(console.marked(f"已写出 {found['file']}", found["labels"])))
    for line in found["text"].splitlines():
        typer.echo(console.clean(line))


@desk_app.command("marks", cls=Command)
def desk_marks(root: WorkspaceOption = DEMO, as_json: JsonOption = False) -> None:
    """标记: 哪些仓库或队伍问过了, 是空的还是能发。"""
    from . import desk_commands

    found = desk_commands.marks(root)
    if as_json:
        console.print_json(found)
        return
    headers = {
        "kind": "图层",
        "id": "编号",
        "name": "名称",
        "state": "状态",
        "note": "说明",
        "who": "谁说的",
        "at": "时间",
        "until": "到",
    }
    console.print_table("标记", found["marks"], headers)


@desk_app.command("mark", cls=Command)
def desk_mark(
    kind: KindArgument,
    site: Annotated[str, typer.Argument(help="站点编号")],
    state: Annotated[str, typer.Argument(help="空: 没有东西可发; 可用: 已问过, 能发")],
    note: Annotated[str, typer.Option("--note", help="说明")] = "",
    who: Annotated[str, typer.Option("--who", help="谁说的")] = "",
    hours: Annotated[
        float | None, typer.Option("--hours", min=0.1, max=8760, help="几小时后自动取消; 不填则到取消为止")
    ] = None,
    root: WorkspaceOption = DEMO,
) -> None:
    """标记一处仓库或队伍为空或可用, 各值班台都看得到。"""
    from . import desk_commands

    made = desk_commands.mark(root, kind, site, state, note=note, who=who, hours=hours)
    typer.echo(console.clean(f"已标记 {made['kind']}/{made['id']} 为 {made['state']}"))


@desk_app.command("unmark", cls=Command)
def desk_unmark(
    kind: KindArgument,
    site: Annotated[str, typer.Argument(help="站点编号")],
    root: WorkspaceOption = DEMO,
) -> None:
    """取消一处的标记。"""
    from . import desk_commands

    desk_commands.unmark(root, kind, site)
    typer.echo(console.clean(f"已取消 {kind}/{site} 的标记"))


@desk_app.command("water", cls=Command)
def desk_water(
    file: Annotated[
        Path | None, typer.Argument(help="OSM 文件, 或水面多边形 (GeoPackage、Shapefile、GeoJSON)")
    ] = None,
    layer: Annotated[str | None, typer.Option("--layer", help="GeoPackage 里的图层名")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="去掉水面")] = False,
    root: WorkspaceOption = DEMO,
) -> None:
    """水面: 让值班台在地点落在湖、水库、河面上时说出来; 随包数据里没有水面。"""
    from .desk.water import use_water, without_water

    if (file is None) != remove:
        raise InputError(
            Problem("命令", "请给一个水面文件, 或写 --remove", fix="例如 boai desk water 水面.gpkg")
        )
    found = without_water(root) if file is None else use_water(root, file, layer=layer)
    typer.echo(console.clean(found["sentence"]))


@desk_app.command("log", cls=Command)
def desk_log(
    dispatches: Annotated[bool, typer.Option("--dispatches", help="列出派出记录, 而不是问答")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="最多几条, 新的在前")] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, help="跳过几条")] = 0,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """值班记录: 问了什么, 答了什么, 派了谁, 按哪一版数据。"""
    from . import desk_commands

    found = desk_commands.log(root, dispatches=dispatches, offset=offset, limit=limit)
    if as_json:
        console.print_json(found)
        return
    typer.echo(f"共 {found['total']:,} 条")
    for row in found["rows"]:
        typer.echo(console.clean(_dispatch_line(row) if dispatches else _question_line(row)))


def _question_line(row: Mapping[str, Any]) -> str:
    place = (row["answer"].get("place") or {}).get("name", "")
    sites = "; ".join(
        f"{id_} {_eta(eta)}" if status != "空" else f"{id_} 空"
        for id_, eta, status in row["answer"].get("sites", [])
    )
    return f"{row['number']}  {console.moment(row['at'])}  {place}  {sites}  数据 {row['version']}"


def _dispatch_line(row: Mapping[str, Any]) -> str:
    sites = "、".join(str(one.get("name", one.get("id", ""))) for one in row.get("sites", []))
    place, at = (row.get("place") or {}).get("name", ""), console.moment(str(row.get("at", "")))
    return f"{row['number']}  {at}  {place} ← {sites}  {row.get('who', '')}  数据 {row['version']}"


@token_app.command("add", cls=Command)
def token_add(
    name: Annotated[str, typer.Argument(help="给谁用, 如 九江值班室")],
    role: Annotated[
        str, typer.Option("--role", help="desk(值班员)、planner(规划员) 或 admin(管理员)")
    ] = "desk",
    days: Annotated[
        float | None, typer.Option("--days", min=0.01, max=3650, help="几天后失效; 不填则到撤销为止")
    ] = None,
    root: WorkspaceOption = DEMO,
    as_json: JsonOption = False,
) -> None:
    """发一个令牌; 令牌只显示这一次, 工作区里只存它的摘要。"""
    from . import desk_commands

    found = desk_commands.add_token(root, name, role, days=days)
    if as_json:
        console.print_json(found)
        return
    typer.echo(console.clean(f"令牌 {found['id']} ({found['name']}): {found['token']}"))
    typer.echo("请现在就交给持有人; 它不会再显示, 丢了就撤销重发。")


@token_app.command("list", cls=Command)
def token_list(root: WorkspaceOption = DEMO, as_json: JsonOption = False) -> None:
    """列出令牌: 给谁, 什么角色, 最近何时用过; 令牌本身不显示。"""
    from . import desk_commands

    rows = desk_commands.list_tokens(root)
    if as_json:
        console.print_json(rows)
        return
    headers = {
        "id": "编号",
        "name": "给谁",
        "role": "角色",
        "made": "发放",
        "until": "失效",
        "used": "最近使用",
        "revoked": "撤销",
    }
    console.print_table("令牌", rows, headers)


@token_app.command("revoke", cls=Command)
def token_revoke(
    id_: Annotated[str, typer.Argument(metavar="编号", help="令牌的编号, 见 boai desk token list")],
    root: WorkspaceOption = DEMO,
) -> None:
    """撤销一个令牌, 立即生效。"""
    from . import desk_commands

    desk_commands.revoke_token(root, id_)
    typer.echo(console.clean(f"已撤销令牌 {id_}"))
