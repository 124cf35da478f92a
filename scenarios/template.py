"""A new scenario file: every section explained in Chinese and commented out, so that it loads as it is."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from .schema import from_content


def new_scenario(name: str, *, title: str = "", extends: str | Sequence[str] | None = None) -> str:
    """Write the text of a new scenario file.

    Parameters
    ----------
    name
        Code of the scenario, and of its file: ``name.yaml``.
    title
        By default the name.
    extends
        Presets, or files in the same folder, whose content comes first.

    Raises
    ------
    InputError
        The name, the title or a parent cannot stand in a file.

    Examples
    --------
    >>> print(new_scenario("flood", title="汛期").splitlines()[3])
    title: 汛期
    """
    parents = [extends] if isinstance(extends, str) else list(extends or ())
    content = {"name": name, "title": title or name, **({"extends": parents} if parents else {})}
    from_content(content, "新方案", None, file="新方案")
    lines = {key: yaml.safe_dump({key: value}, allow_unicode=True, width=10_000).strip()
             for key, value in content.items() if key != "extends"}  # fmt: skip
    inherited = "# extends: plan_2022_2024"
    if parents:
        inherited = yaml.safe_dump({"extends": parents}, default_flow_style=None, width=10_000).strip()
    return _TEXT.format(name=lines["name"], title=lines["title"], extends=inherited)


_TEXT = """\
# boai 方案: 与现状有什么不同。去掉行首的 # 即生效; 没有写的都同现状。
# 检查: boai scenario check 本文件; 运行: boai scenario run 本文件; 每个键的含义见 docs/scenarios.zh.md。
{name}
{title}
# description: 用几句话说明这个方案

# 先采用别的方案的内容: 预设 (baseline, plan_2022_2024, every_county) 或同一文件夹里的文件 (不写 .yaml)。
# 可写一个, 也可写几个: [plan_2022_2024, flood]; 两处改动同一事物会报错。
{extends}

# 改动: 一项一行, 每项恰好一种。
# kind 可写 aed、home、warehouse、team、training, 或 AED、博爱家园、备灾仓库、救援队、培训基地。
# 经纬度为 WGS84 十进制度数, 经度在前; 编号用 boai layers show 查看。
# changes:
#   # 新设一处站点 (id、level、hours、capacity、stock、readiness_min、members、cost 可不写)
#   - open: {{kind: warehouse, name: 甲仓, lon: 115.90, lat: 28.70, year: 2025, level: 县级, capacity: 5000}}
#   # 撤销一处现有的站点
#   - close: {{kind: warehouse, id: w-2}}
#   # 迁移一处站点, 其他不变
#   - move: {{kind: team, id: t-1, lon: 116.10, lat: 28.90}}
#   # 改变容量、库存 (备灾仓库) 或人数 (救援队)
#   - resize: {{kind: warehouse, id: w-3, capacity: 8000, stock: "帐篷:200; 棉被:500"}}
#   # 改变开放时间: 一处 (id)、几处 (ids)、全部 (all: true), 或按 level、county、city 挑选现有的站点
#   - retime: {{kind: aed, city: 南昌市, hours: 24小时}}
#   # 封闭道路: road 名称或编号、way、near、area、classes 恰好一种
#   - block: {{road: G60}}
#   - block: {{near: {{lon: 115.90, lat: 28.70, within_m: 200}}}}
#   # 减速: speed 是剩下的车速比例, 另可写 all: true; 几处重叠时取最严的
#   - slow: {{road: [G45, G70], speed: 0.5}}
#   # 受淹: 相接的道路中断, 范围内的站点停用, 居民仍计在原处;
#   # 范围写各角的坐标, 或文件名 (放在本文件旁边或下层文件夹, 例如 flood.geojson)
#   - flood: {{area: [[115.80, 28.60], [116.00, 28.60], [116.00, 28.80]]}}
#   # 居民增减: 全省、设区市或县区; percent 百分之几, 或 residents 新的总数
#   - grow: {{unit: 南昌市, percent: 10}}

# 选址: 由模型建议新站点放在哪里。
# siting:
#   - {{kind: warehouse, year: 2025, number: 3, level: 县级}}
#   - {{kind: team, year: 2025, rule: each_county, level: 县级}}
#   - kind: home
#     phases: {{2025: 40, 2026: 30}}
#     quotas: {{赣州市: 1-20}}
#     spacing_km: 2

# 标准: 只写要改的。数字是主要上限 (驾车为分钟, 步行为米); 也可写 main、limits、target_share (百分数)、
# backup、mobilisation (分钟)、unknown_hours (open 或 closed)、detour、min_density。
# standards:
#   warehouse: 120
#   aed: {{main: 160, target_share: 80, unknown_hours: closed}}

# 价格: 没有写的不计价, 不会编造。按资源类型写, 也可再按级别写。
# costs:
#   unit: 万元
#   open: {{warehouse: {{县级: 80, 其他: 200}}, home: 10}}
#   close: {{warehouse: 5}}
#   move: {{warehouse: 20}}
"""
