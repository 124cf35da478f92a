"""The schema of the resource types: what it holds, that no header means two things, an office's own types."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from boai.geodata.errors import InputError
from boai.geodata.layers import COLUMNS, KIND_NAMES
from boai.geodata.type_docs import describe
from boai.geodata.types import COMMON, Attribute, ResourceType, find_type, load_types, normal, read_types
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
TYPES = list(load_types().values())
RESOURCES = {
    "aed": "AED",
    "aid_unit": "救护一体机",
    "home": "博爱家园",
    "warehouse": "备灾仓库",
    "team": "救援队",
    "volunteer": "志愿服务队",
    "station": "红十字服务站",
    "clinic": "博爱卫生院(站)",
    "experience": "体验馆",
    "training": "培训基地",
    "outreach": "传播阵地",
    "grassroots": "基层组织",
    "consult": "三献咨询台",
    "memorial": "纪念园",
}
HOSTS = {
    "practice_center": "新时代文明实践中心",
    "party_center": "党群服务中心",
    "community": "社区",
    "school": "学校",
    "hospital": "医院",
    "scenic": "景区",
    "park": "园区",
    "service_window": "便民服务窗口",
}
WRITTEN = {
    "id": "编号 编码 id ID 点位编号 唯一编号",
    "name": "名称 点位名称 单位名称 场所名称 name 全称",
    "city": "设区市 市 地市 城市 所属城市 地级市 市（州）",
    "county": "县区 区县 县（市、区） 所在区县 所属县市区 行政区划 区/县 所属地区",
    "county_code": "县级代码 行政区划代码 区划代码 adcode 县区代码",
    "township": "乡镇街道 乡镇(街道) 乡（镇、街道） 街道 所在乡镇",
    "address": "地址 详细地址 安装地址 安装位置 具体地址 地理位置 address",
    "lon": "经度 lng lon LONGITUDE x X 经度(E) 东经 X坐标 横坐标 经度_ 经度（°）",
    "lat": "纬度 lat latitude y 纬度N 北纬 Y坐标 纵坐标 维度",
    "crs": "坐标系 坐标系统 坐标类型 CRS",
    "level": "级别 层级 行政级别",
    "host": "场所 所在场所 依托单位",
    "status": "状态 建设状态 使用情况 运行状态",
    "year": "年份 建成年份 配置时间 投放时间 成立时间 安装日期 建设年度",
    "owner": "建设单位 产权单位 主管单位 管理单位",
    "keeper": "保管人 联系人 负责人 管理员 责任人 联系人姓名",
    "phone": "电话 联系电话 手机 手机号码 联系方式 负责人电话 固定电话",
    "hours": "开放时间 开放时段 可用时间 服务时间 营业时间 对外开放时间",
    "stock": "库存 储备物资 物资清单 物资及数量",
    "stock_date": "库存日期 盘点日期 盘点时间",
    "readiness_min": "响应准备(分) 响应时间 出动时间 准备时间（分钟） 集结时间",
    "source": "来源 数据来源",
    "verified_on": "核实日期 核实时间 更新时间 核查日期",
}
OWN = {
    "aed": {"model": "型号 规格型号", "brand": "品牌 生产厂家", "serial": "序列号 SN码 出厂编号"}
    | {"name": "AED名称 安装单位 设备名称", "id": "AED编号 设备编号", "capacity": "数量 台数 AED数量(台)"}
    | {"pads_until": "电极片有效期 电极片有效期至", "battery_until": "电池到期日期", "floor": "楼层"}
    | {"venue": "场所类型 场所类别", "spot": "具体位置 摆放位置", "public": "是否对外开放"},
    "team": {"speciality": "专业 救援类型 队伍类型", "members": "人数 队员人数 队伍人数", "keeper": "队长"},
    "volunteer": {"branch": "类别 队伍类别", "members": "志愿者人数 人数"},
    "warehouse": {"area_m2": "面积 建筑面积 仓库面积", "grade": "等级", "level": "仓库级别"}
    | {"name": "仓库名称", "contracted": "是否协议仓储", "capacity": "可保障人数"},
    "hospital": {"hospital_grade": "等级 医院等级 医院级别", "beds": "床位数 床位数（张）", "level": "级别"},
    "scenic": {"grade": "A级 景区等级 等级"},
    "school": {"students": "学生人数 在校生数", "name": "学校名称"},
}


@pytest.mark.parametrize("expected, role", [(RESOURCES, "resource"), (HOSTS, "host")])
def test_every_type_of_the_plan_is_there(expected: dict[str, str], role: str) -> None:
    assert {each.code: each.title for each in TYPES if each.role == role} == expected
    assert all(each.meaning and each.own for each in TYPES)


@pytest.mark.parametrize("rtype", TYPES, ids=lambda each: each.code)
def test_a_type_has_the_common_attributes_then_its_own(rtype: ResourceType) -> None:
    names = tuple(each.name for each in rtype.attributes)
    assert names[: len(COMMON)] == COMMON and len(set(names)) == len(names)
    assert all(each.common == (each.name in COMMON) for each in rtype.attributes)
    assert rtype.own == rtype.attributes[len(COMMON) :]
    assert rtype.attribute(names[-1]) is rtype.attributes[-1]
    with pytest.raises(KeyError):
        rtype.attribute("nothing")


def test_common_columns_are_the_same_in_all_types() -> None:
    for name in COMMON:
        assert len({(each.attribute(name).title, each.attribute(name).type) for each in TYPES}) == 1


def test_the_former_columns_of_the_layers_keep_their_titles() -> None:
    for kind, title in KIND_NAMES.items():
        rtype = load_types()[kind]
        assert rtype.title == title
        own = {"speciality": ("team",), "parent": ("warehouse",), "members": ("team",)}
        for name, header in COLUMNS.items():
            if kind in own.get(name, KIND_NAMES):
                assert rtype.attribute(name).title == header


@pytest.mark.parametrize("rtype", TYPES, ids=lambda each: each.code)
def test_no_header_means_two_attributes(rtype: ResourceType) -> None:
    """Counted here by itself, with another way to normalise than the schema's."""
    owner: dict[str, str] = {}
    for each in rtype.attributes:
        for word in (each.title, each.name, *each.synonyms):
            text = re.sub(r"[\W_]", "", word).lower()
            assert text, word
            assert owner.setdefault(text, each.name) == each.name, word
            assert rtype.headers[normal(word)] == each.name
    assert rtype.headers.keys() >= owner.keys()


@pytest.mark.parametrize("rtype", TYPES, ids=lambda each: each.code)
def test_what_offices_write_is_understood(rtype: ResourceType) -> None:
    without = set(OWN.get(rtype.code, {}))
    for name, words in WRITTEN.items():
        for word in words.split():
            assert rtype.headers.get(normal(word)) == name, word
    for name, words in OWN.get(rtype.code, {}).items():
        for word in words.split():
            assert rtype.headers.get(normal(word)) == name, word
    assert without <= {each.name for each in rtype.attributes}


@pytest.mark.parametrize(
    "word", ["序号", "备注", "合计", "坐标", "经纬度", "精度", "说明", "填表人", "No.", ""]
)
def test_what_is_no_attribute_is_left_alone(word: str) -> None:
    assert all(normal(word) not in each.headers for each in TYPES)


@pytest.mark.parametrize("rtype", TYPES, ids=lambda each: each.code)
def test_values_go_with_their_attribute(rtype: ResourceType) -> None:
    for each in rtype.attributes:
        if each.type == "choice":
            assert each.allowed and set(each.words.values()) <= set(each.allowed)
            assert all(each.choices[normal(value)] == value for value in each.allowed)
        else:
            assert not each.allowed and not each.words and not each.open and not each.choices
        if each.example and each.type == "choice":
            assert each.example in each.allowed
        assert set(each.instead) <= {other.name for other in rtype.attributes}


@pytest.mark.parametrize(
    "kind, name, word, value",
    [
        ("aed", "status", "拟建", "规划"),
        ("aed", "status", "正常使用", "已建"),
        ("aed", "status", "报废", "停用"),
        ("aed", "level", "设区市级", "市级"),
        ("aed", "level", "Ⅲ级", "三级"),
        ("aed", "level", "县(市、区)级", "县级"),
        ("aed", "indoor", "户外", "室外"),
        ("aed", "position", "位置近似", "近似"),
        ("team", "speciality", "水上救援", "水上救生"),
        ("team", "speciality", "心理救援队", "心理"),
        ("volunteer", "branch", "南丁格尔志愿服务队", "南丁格尔"),
        ("hospital", "hospital_grade", "三甲", "三级甲等"),
        ("scenic", "grade", "AAAAA级", "5A"),
    ],
)
def test_words_of_a_choice(kind: str, name: str, word: str, value: str) -> None:
    assert load_types()[kind].attribute(name).choices[normal(word)] == value


def test_only_built_sites_and_exact_positions_are_assumed() -> None:
    defaults = {
        each.name: each.default for each in load_types()["home"].attributes if each.default is not None
    }
    assert defaults == {"position": "精确", "status": "已建"}
    assert load_types()["aed"].attribute("capacity").default == 1
    required = {each.name for rtype in TYPES for each in rtype.attributes if each.required}
    assert required == {"name"}


@pytest.mark.parametrize(
    "text, code",
    [
        ("aed", "aed"),
        (" AED ", "aed"),
        ("ＡＥＤ", "aed"),
        ("博爱卫生院（站）", "clinic"),
        ("党群中心", "party_center"),
    ]
    + [(each.title, each.code) for each in TYPES]
    + [(word, each.code) for each in TYPES for word in each.synonyms],
)
def test_find_type(text: str, code: str) -> None:
    assert find_type(text).code == code


@pytest.mark.parametrize("text", ["", "  ", "火箭", "\x1b[31m"])
def test_an_unknown_type_is_refused_naming_all(text: str) -> None:
    with pytest.raises(InputError) as error:
        find_type(text)
    assert all(f"{each.code}({each.title})" in str(error.value) for each in TYPES)
    assert str(error.value).isprintable()


def test_types_cannot_be_changed() -> None:
    types = load_types()
    assert types is load_types()
    with pytest.raises(TypeError):
        types["aed"] = types["team"]  # type: ignore[index]
    with pytest.raises(TypeError):
        types["aed"].attribute("level").words["省"] = "市级"  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        types["aed"].title = "别的"  # type: ignore[misc]


def test_the_common_names_need_no_yaml() -> None:
    code = (
        "import sys; from boai.geodata import types; assert len(types.COMMON) == 29; "
        "print([m for m in ('yaml', 'pandas', 'openpyxl', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_page_is_current() -> None:
    page = (ROOT / "docs" / "types.md").read_text(encoding="utf-8")
    assert page == describe(load_types()), "run python -m boai.geodata.type_docs docs/types.md"
    for rtype in TYPES:
        assert f"## {rtype.title} `{rtype.code}`" in page
        assert all(f"| `{each.name}` | {each.title}" in page for each in rtype.own)


@given(st.text(max_size=20))
def test_normal_is_stable(text: str) -> None:
    once = normal(text)
    assert normal(f" ({text})*") == once and all(char.isalnum() or not char.isascii() for char in once)


# An office's own types

BOAT = """
types:
  boat:
    title: 冲锋舟
    meaning: 救援用的冲锋舟, 一行一艘
    synonyms: [救生艇]
    without: [hours]
    common:
      capacity: {meaning: 一次能载的人数, synonyms: [载员], except: [承载量]}
    own:
      brand:
      model: {synonyms: [艇型], except: [规格]}
      engine_kw: {title: 功率(千瓦), type: number, unit: 千瓦, minimum: 0, meaning: 功率, synonyms: [功率]}
      hull: {title: 艇体, type: choice, allowed: [橡胶, 玻璃钢], words: {橡皮: 橡胶}, meaning: 材料}
"""


def _read(tmp_path: Path, text: str) -> dict[str, ResourceType]:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return dict(read_types(path))


def _problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as error:
        _read(tmp_path, text)
    return [str(problem) for problem in error.value.problems]


def test_a_new_type_is_a_new_entry(tmp_path: Path) -> None:
    types = _read(tmp_path, BOAT)
    assert list(types) == [*load_types(), "boat"]
    boat = find_type("救生艇", types)
    assert (boat.title, boat.role, boat.without) == ("冲锋舟", "resource", ("hours",))
    assert [each.name for each in boat.own] == ["brand", "model", "engine_kw", "hull"]
    assert boat.headers["载员"] == "capacity" and "承载量" not in boat.headers
    assert (
        boat.headers["艇型"] == "model"
        and "规格" not in boat.headers
        and "规格" in load_types()["aed"].headers
    )
    assert boat.headers["功率千瓦"] == boat.headers["功率"] == "engine_kw"
    assert boat.attribute("capacity").meaning == "一次能载的人数"
    assert boat.attribute("hull").choices == {"橡皮": "橡胶", "橡胶": "橡胶", "玻璃钢": "玻璃钢"}
    assert types["aed"] == load_types()["aed"] and "boat" not in load_types()
    with pytest.raises(InputError):
        find_type("救生艇")


def test_the_example_of_the_page_is_understood(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "types.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert "boat" in _read(tmp_path, example)


def test_the_top_of_a_file_is_checked_first(tmp_path: Path) -> None:
    assert _problems(tmp_path, "tpyes: {}\ntypes: {aed: 1}") == [
        "own.yaml: 未知的键, 得到 tpyes; 是否想写 types?"
    ]


def test_all_mistakes_are_told_at_once_with_the_path_of_the_key(tmp_path: Path) -> None:
    told = "\n".join(
        _problems(
            tmp_path,
            """
types:
  aed: {title: 我的AED, meaning: 重复}
  Bad-Code: {title: 坏, meaning: 坏}
  sites: {title: 站点表, meaning: 与数据库冲突}
  boat:
    title: 冲锋舟
    meaning: "=1+1"
    role: thing
    without: [hour]
    common:
      level: {title: 换名}
      lonn: {meaning: 没有}
    own:
      name: {title: 名, type: text, meaning: 占用}
      extras: {title: 其余, type: text, meaning: 占用}
      nothing:
      a: {title: 甲, type: tekst, meaning: 甲, foo: 1}
      b: {title: 乙, type: choice, meaning: 乙, allowed: [yes, 2]}
      c: {title: 丙, type: choice, meaning: 丙}
      d: {title: 丁, type: number, meaning: 丁, minimum: 3, maximum: 1, default: 9}
      e: {title: 戊, type: text, meaning: 戊, allowed: [是]}
      f: {title: 己, type: choice, meaning: 己, allowed: [好], words: {行: 差}}
      g: {title: 庚, type: longitude, meaning: 庚}
      h: {title: 辛, type: text, meaning: 辛, synonyms: [联系电话, 壬]}
      i: {title: 壬, type: text, meaning: 壬, instead: [zzz]}
  ship: {title: 备灾仓库, meaning: 重名}
shared:
  brand: {title: 品牌, type: text, meaning: 已有}
  loose: {title: 松, type: text}
""",
        )
    )
    for part in [
        "shared.brand: 已有这个共用属性",
        "shared.loose: 缺少必填项, 得到 meaning",
        "types.aed: 已有类型 aed(AED)",
        "types.Bad-Code: 类型的代码应为小写字母开头",
        "types.sites: 这个代码留给数据库自用",
        "types.boat.meaning: 应为一行文字",
        "types.boat.role: 应为 resource(资源) 或 host",
        "types.boat.without: 没有这个共有属性, 得到 hour",
        "types.boat.common.level: 未知的键, 得到 title",
        "types.boat.common: 没有这个共有属性, 得到 lonn",
        "types.boat.own.name: 这是共有属性",
        "types.boat.own.extras: 这个代码留给系统自用",
        "types.boat.own.nothing: 没有说明",
        "types.boat.own.a.type: 应为 text、",
        "types.boat.own.a: 未知的键, 得到 foo",
        "types.boat.own.b.allowed: 应为文字的列表",
        "types.boat.own.c.allowed: choice 应列出可选的值",
        "types.boat.own.d.minimum: 不应大于 maximum, 得到 3 > 1",
        "types.boat.own.d.default: 不是这个属性能有的值, 得到 9",
        "types.boat.own.e.type: 只有 choice 可以有",
        "types.boat.own.f.words: 应指向 allowed 里的值, 得到 行: 差",
        "types.boat.own.g.type: 经纬度是共有属性",
        "types.boat.own.h: 表头同时是 phone(电话) 的写法, 得到 联系电话",
        "types.boat.own.i: 表头同时是 h(辛) 的写法, 得到 壬",
        "types.boat.own.i.instead: 没有这个属性, 得到 zzz",
        "types.ship: 名称同时是类型 warehouse(备灾仓库) 的写法, 得到 备灾仓库",
    ]:
        assert part in told, f"{part}\n---\n{told}"
    assert all(line.startswith("own.yaml ") for line in told.splitlines())


@pytest.mark.parametrize(
    "text, part",
    [
        ("", "应为键值对"),
        ("- 1", "应为键值对"),
        ("types: [1]", "types: 应为键值对"),
        ("types: {}\ntypes: {}", "重复的键 types"),
        ("types: {a: &x {title: 甲, meaning: 甲}, b: *x}", "不允许使用别名"),
        ("types: !!python/object/apply:os.system ['true']", "不是有效的 YAML"),
        ("types: " + "[" * 50 + "]" * 50, "嵌套过深"),
        ("types: {a: 1}", "types.a: 应为键值对"),
        ("types: {boat: {title: '=冲锋', meaning: 甲}}", "types.boat.title: 应为一行文字"),
        ("types: {boat: {title: ＝冲锋, meaning: 甲}}", "types.boat.title: 应为一行文字"),
        ("types: {boat: {title: '<b>', meaning: 甲}}", "types.boat.title: 应为一行文字"),
        ("types: {boat: {title: '!!!', meaning: 甲}}", "types.boat.title: 应为一行文字"),
        ("types: {boat: {title: 甲, meaning: 甲, own: [1]}}", "types.boat.own: 应为键值对"),
        ("types: {boat: {title: 甲, meaning: 甲, own: {1: {}}}}", "types.boat.own.1: 属性的代码应为"),
        ("types: {1: {title: 甲, meaning: 甲}}", "types.1: 类型的代码应为"),
        ("types: {gpkg_x: {title: 甲, meaning: 甲}}", "留给数据库自用"),
        ("types: {boat: {title: 甲, meaning: 甲, own: {a: {title: 乙, type: [x]}}}}", "own.a.type"),
        ("types: {boat: {title: 甲, meaning: 甲, own: {a: {minimum: .nan}}}}", "own.a.minimum: 应为数字"),
    ],
)
def test_files_that_are_no_schema_are_refused(tmp_path: Path, text: str, part: str) -> None:
    assert any(part in problem for problem in _problems(tmp_path, text))


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_bytes(b"#" * 300_000)
    (tmp_path / "gbk.yaml").write_bytes("types: 冲锋舟".encode("gb18030"))
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, part in {"big": "文件过大", "gbk": "UTF-8", "pipe": "不是文件", "none": "文件不存在"}.items():
        with pytest.raises(InputError, match=part):
            read_types(tmp_path / f"{name}.yaml")
    with pytest.raises(InputError, match="不是文件"):
        read_types(tmp_path)


def test_a_file_of_very_many_types_is_refused_soon(tmp_path: Path) -> None:
    text = "types:\n" + "".join(f"  t{n}: {{title: 类型{n}, meaning: 甲}}\n" for n in range(5000))
    start = time.perf_counter()
    assert _problems(tmp_path, text) == ["own.yaml: 最多 100 项, 得到 5000 项"]
    assert time.perf_counter() - start < 5


def test_a_description_is_whole() -> None:
    """Every key that the schema reads is a field of the dataclass, and the other way round."""
    from boai.geodata.type_schema import ATTRIBUTE_KEYS

    assert {field.name for field in fields(Attribute)} == {*ATTRIBUTE_KEYS, "name", "common"}
