"""Wrong calls end in one Chinese sentence: where, what was given, what may be given."""

from __future__ import annotations

import pytest
from boai.app import cli


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            "network close 目录 --near 115,28 --within -5",
            "错误: --within: 参数值不对, 得到 -5.0; "
            "应为不小于 0、不大于 100000 的数字; 请看 boai network close --help",
        ),
        (
            "plan warehouse -n abc",
            "错误: --number: 参数值不对, 得到 abc; 应为不小于 0、不大于 2000 的整数; 请看 boai plan --help",
        ),
        ("plan warehouse --nothing", "错误: 命令: 没有这个选项, 得到 --nothing; 请看 boai plan --help"),
        ("nearest", "错误: 命令: 缺少参数, 得到 --at; 请看 boai nearest --help"),
        ("nowhere", "错误: 命令: 没有这个命令, 或参数太多, 得到 nowhere; 请看 boai --help"),
    ],
)
def test_sentence(capsys: pytest.CaptureFixture[str], call: str, sentence: str) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(call.split())
    assert end.value.code == 2
    assert capsys.readouterr().err.strip() == sentence
