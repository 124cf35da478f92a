"""Typos that are safe to mend: swapped, doubled or look-alike characters, one letter of a longer word."""

from __future__ import annotations

_ALIKE = (
    "址扯止纸", "称秤", "话活诂", "型形", "系糸西", "帐账", "副付", "库裤", "管官", "联连", "镇填慎",
    "县悬", "街衔", "度渡", "积机绩", "状壮", "态泰", "年午", "份分粉", "号好", "编遍偏篇", "码吗玛",
    "级极集", "别另", "源原元", "期其斯", "放方", "区曲", "乡香", "详祥", "员圆", "责则", "保报",
    "任仁", "负付", "场厂", "所锁",
)  # fmt: skip
_GROUP = {sign: number for number, group in enumerate(_ALIKE) for sign in group}
_LEAST, _LEAST_LATIN = 3, 5


def is_typo(text: str, known: str) -> bool:
    """Whether a text is a known header with one typo.

    Chinese characters may be swapped, doubled, or replaced by one that looks or sounds alike: any other
    single character changes the meaning too often (开放时间, 开始时间). Latin words may differ by one letter.

    Examples
    --------
    >>> is_typo("联系电活", "联系电话"), is_typo("开始时间", "开放时间"), is_typo("adress", "address")
    (True, False, True)
    """
    if text == known or abs(len(text) - len(known)) > 1:
        return False
    if text.isascii() and known.isascii():
        return min(len(text), len(known)) >= _LEAST_LATIN and not text.isdigit() and _one_edit(text, known)
    return len(known) >= _LEAST and (_swapped(text, known) or _doubled(text, known) or _alike(text, known))


def _swapped(text: str, known: str) -> bool:
    """Whether two neighbours are exchanged."""
    if len(text) != len(known):
        return False
    apart = [place for place, (a, b) in enumerate(zip(text, known, strict=True)) if a != b]
    return (
        len(apart) == 2
        and apart[1] == apart[0] + 1
        and text[apart[0]] == known[apart[1]]
        and text[apart[1]] == known[apart[0]]
    )


def _doubled(text: str, known: str) -> bool:
    """Whether one character stands twice."""
    return len(text) == len(known) + 1 and any(
        text[place] == text[place + 1] and text[:place] + text[place + 1 :] == known
        for place in range(len(known))
    )


def _alike(text: str, known: str) -> bool:
    """Whether one character is replaced by one that looks or sounds alike."""
    if len(text) != len(known):
        return False
    apart = [(a, b) for a, b in zip(text, known, strict=True) if a != b]
    return len(apart) == 1 and _GROUP.get(apart[0][0], -1) == _GROUP.get(apart[0][1], -2)


def _one_edit(text: str, known: str) -> bool:
    """Whether one letter is missing, too many, wrong or swapped."""
    if len(text) == len(known):
        return _swapped(text, known) or sum(a != b for a, b in zip(text, known, strict=True)) == 1
    long, short = (text, known) if len(text) > len(known) else (known, text)
    return any(long[:place] + long[place + 1 :] == short for place in range(len(long)))
