"""What the commands on fronts and sensitivity answer: plain rows, Chinese headers, files, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from boai.app import fronts, sensitivity
from boai.app.planning import Wanted
from boai.geodata.errors import InputError
from tinyworld import drive_world

RESIDENTS = [1000 * one for one in (10, 7, 5, 3, 9, 8, 2, 6, 4, 3, 8, 7, 6, 5, 9, 2)]


@pytest.fixture(autouse=True)
def _world(monkeypatch: pytest.MonkeyPatch) -> None:
    world = drive_world([0], residents=RESIDENTS)
    for module in (fronts, sensitivity):
        monkeypatch.setattr(module, "open_workspace", lambda root: root)
        monkeypatch.setattr(module, "load_world", lambda _: world)


def test_front_is_rows_and_files(tmp_path: Path) -> None:
    wanted = Wanted("备灾仓库", out=tmp_path / "表")
    found = fronts.front(tmp_path, wanted, most=2, price=80)
    assert [row["cost"] for row in found["rows"]] == [0, 80, 160] and found["complete"]
    assert found["headers"]["cost"] == "费用" and found["shown"][0]["supported"] == "是"
    assert found["title"] == "备灾仓库: 费用与覆盖的前沿, 10分钟以内算覆盖" and "示例数据" in found["labels"]
    assert json.loads(json.dumps(found))["missing"] == []
    assert {Path(path).name for path in found["files"]} == {"前沿.xlsx", "前沿.csv"}
    text = (tmp_path / "表" / "前沿.csv").read_text("utf-8-sig")
    assert text.startswith("新增(处),费用,覆盖居民") and "示例数据" in text
    assert "gini" not in found["headers"] and "nan" not in text
    with pytest.raises(InputError, match="已存在"):
        fronts.front(tmp_path, wanted, most=2)


def test_front_of_equity(tmp_path: Path) -> None:
    found = fronts.front(tmp_path, Wanted("warehouse", number=1), against="equity", by="city")
    assert found["rows"] and found["headers"]["gini"] == "基尼系数" and "cost" not in found["headers"]
    assert any("基尼系数" in text for text in found["sentences"])


def test_sensitivity_is_rows_and_files(tmp_path: Path) -> None:
    found = sensitivity.sensitivity(
        tmp_path, Wanted("warehouse", number=2, out=tmp_path / "表"), speeds=(), limits=(20.0,), runs=2
    )
    assert len(found["sites"]["rows"]) == 2 and found["plan"]["status"] == "optimal"
    assert found["sites"]["shown"][0]["share"].endswith(" %")
    assert len(found["moves"]["rows"]) == len(found["moves"]["shown"]) > 8
    assert "随机数种子为 1" in "".join(found["sentences"])
    assert "稳定性.xlsx" in {Path(path).name for path in found["files"]}
    json.dumps(found)


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    asked = Wanted("warehouse", number=1)
    for options in (
        {"against": "x"},
        {"by": "x"},
        {"most": -1},
        {"price": -1.0},
        {"against": "equity", "price": 3.0},
    ):
        with pytest.raises(InputError):
            fronts.front(tmp_path, asked, **options)
    for options in ({"people": 100.0}, {"speeds": (0.0,)}, {"limits": (100.0,)}, {"runs": -1}, {"by": "x"}):
        with pytest.raises(InputError):
            sensitivity.sensitivity(tmp_path, asked, **options)
