"""Contacts in a file that may be lost: under a passphrase, so that a browser can open them without a network.

The key comes from the passphrase by PBKDF2-HMAC-SHA-256 with the rounds that OWASP asks for since 2023
(Password Storage Cheat Sheet: 600 000); the contacts are encrypted with AES-256-GCM (NIST SP 800-38D), which
also tells a wrong passphrase. So many rounds let one graphics card (RTX 4090) try some 15 000 passphrases a
second (tobtu.com/minimum-password-settings, 2022): a telephone number falls within days, so passphrases of
digits alone are refused. Salt and nonce are new in every file. ``web/vault.js`` undoes it by WebCrypto.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ...geodata.errors import InputError, Problem

ITERATIONS = 600_000
LEAST_LENGTH = 12
"""Characters that a passphrase must have, each Chinese one counted as two (an assumption, 假设)."""

PERSONAL = ("keeper", "phone", "deputy", "deputy_phone")
"""What of a site identifies or reaches a person."""
_PARTS = (("sites", PERSONAL), ("marks", ("note", "who")), ("closures", ("reason", "reporter")))
"""Parts of a bundle and their columns that go: free texts may name people."""
_LEAST_DISTINCT = 5
_LETTER = re.compile(r"[^\W\d_]")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")
_SALT_BYTES, _IV_BYTES = 16, 12


def sealed(bundle: Mapping[str, Any], passphrase: str) -> dict[str, Any]:
    """Move all that identifies persons from a bundle into its ``vault``; the rest stays as it is.

    Raises
    ------
    InputError
        The passphrase is too short.
    """
    text = checked(passphrase)
    hidden = {
        part: [{name: row[name] for name in names if row.get(name)} for row in bundle[part]]
        for part, names in _PARTS
    }
    about = f"boai {bundle['version']} {bundle['made_at']}"
    return {**without_people(bundle), "vault": _encrypted(hidden, text, about)}


def without_people(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """Blank all that identifies persons in a bundle."""
    blank = {
        part: [{**row, **{name: "" for name in names if name in row}} for row in bundle[part]]
        for part, names in _PARTS
    }
    return {**bundle, **blank}


def checked(passphrase: str) -> str:
    """Return a passphrase in the form that both sides use (NFKC); raises ``InputError`` for a weak one."""
    text = unicodedata.normalize("NFKC", passphrase).strip()
    if _length(text) < LEAST_LENGTH or len(set(text)) < _LEAST_DISTINCT or not _LETTER.search(text):
        fix = (
            f"至少 {LEAST_LENGTH} 个字符 (汉字一个算两个; 连号如 1234、qwer 只算头两个), "
            "不能全是数字或只重复几个字符; 例如几个不相干的词连写"
        )
        raise InputError(Problem("口令", "太短或太简单, 没有写出", f"{len(text)} 个字符", fix))
    return text


def _length(text: str) -> int:
    """Count characters, Chinese ones twice; of 1234 and qwer only the first two."""
    steps = [_step(one, other) for one, other in pairwise(text.lower())]
    runs = sum(first == then != 0 for first, then in pairwise(steps))
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text) - runs


def _step(one: str, other: str) -> int:
    """Tell whether the second follows the first (1), precedes it (-1) or equals it (2), by letter or key."""
    if one == other:
        return 2
    for row in _ROWS:
        if one in row and other in row and abs(step := row.index(other) - row.index(one)) == 1:
            return step
    step = ord(other) - ord(one)
    return step if abs(step) == 1 else 0


def _encrypted(hidden: Mapping[str, Any], passphrase: str, about: str) -> dict[str, Any]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 (only this needs it)

    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_IV_BYTES)
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ITERATIONS, 32)
    plain = json.dumps(hidden, ensure_ascii=False, separators=(",", ":")).encode()
    data = AESGCM(key).encrypt(nonce, plain, about.encode())
    texts = {"salt": salt, "iv": nonce, "data": data}
    return {
        "kdf": "PBKDF2-HMAC-SHA-256",
        "cipher": "AES-256-GCM",
        "iterations": ITERATIONS,
        "about": about,
        **{name: base64.b64encode(raw).decode() for name, raw in texts.items()},
    }
