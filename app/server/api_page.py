"""The API described: for machines (OpenAPI), and as a page of plain HTML with nothing from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from threading import Lock
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi

from ...geodata.errors import Problem
from ...geodata.shown import shown
from .errors import Refusal

_HEAD = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="UTF-8"><title>博爱应急值班台 · 接口</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="desk.css"></head><body class="api"><main>
<h1>博爱应急值班台 · 接口</h1>
<p>不带令牌只能查询; 改动须带 <code>Authorization: Bearer boai_…</code>。错误一律为
<code>{"error": {code, message, problems, candidates}}</code>。机器可读的描述:
<a href="openapi.json">openapi.json</a>。</p>
"""


_ABOUT = "哪个仓库、哪支队伍先到。不带令牌只能查询。时间为 +08:00, 坐标为 WGS84 十进制度数。"


_DESCRIBING = Lock()


def describe(app: FastAPI) -> dict[str, Any]:
    """Describe an application in OpenAPI; every error is JSON, also of routes that answer something else."""
    with _DESCRIBING:  # the first request asks for it while it is made behind it
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema


def _described(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=app.routes)
    answers = [
        (status, answer)
        for methods in made["paths"].values()
        for facts in methods.values()
        for status, answer in facts["responses"].items()
    ]
    for status, answer in answers:
        if int(status) >= 400:
            answer["content"] = {"application/json": {"schema": _ERROR}}
    made["paths"]["/me"]["get"]["security"].append({})  # without a token it tells so
    return made


async def check_query(request: Request) -> None:
    """Refuse parameters that a route does not know, and one value given twice; a dependency of all routes.

    Whoever misspells ``kind`` or ``avoid`` must not get the answer to another question.
    """
    known = _parameters(request.app).get((request.method.lower(), request.scope["route"].path))
    if known is None:
        return
    given = [name for name, _ in request.query_params.multi_items()]
    names = "、".join(known) or "无"
    problems = [
        Problem(f"参数 {shown(name)[:40]}", "没有这个参数", fix=f"可用的有 {names}")
        for name in dict.fromkeys(given)
        if name not in known
    ]
    twice = [name for name, many in known.items() if not many and given.count(name) > 1]
    problems += [Problem(f"参数 {name}", "写了不止一次", fix="请只写一次") for name in twice]
    if problems:
        raise Refusal(422, problems)


def _parameters(app: FastAPI) -> dict[tuple[str, str], dict[str, bool]]:
    """List the parameters of the query of each route, and whether they may be repeated; kept."""
    if not hasattr(app.state, "parameters"):
        app.state.parameters = {
            (method, path): {
                one["name"]: one["schema"].get("type") == "array"
                for one in facts.get("parameters", [])
                if one["in"] == "query"
            }
            for path, methods in describe(app)["paths"].items()
            for method, facts in methods.items()
        }
    found: dict[tuple[str, str], dict[str, bool]] = app.state.parameters
    return found


_ERROR = {"$ref": "#/components/schemas/ErrorBody"}


def api_page(described: Mapping[str, Any]) -> str:
    """Write the page from an OpenAPI description."""
    return _page(json.dumps(described, sort_keys=True, ensure_ascii=False))


@lru_cache(2)
def _page(text: str) -> str:
    parts = [_HEAD]
    for path, methods in json.loads(text)["paths"].items():
        for method, facts in methods.items():
            parts.append(_entry(path, method, facts))
    return "\n".join([*parts, "</main></body></html>"]) + "\n"


def _entry(path: str, method: str, facts: Mapping[str, Any]) -> str:
    rows = [_parameter(one) for one in facts.get("parameters", [])]
    body = facts.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    name = str(body.get("$ref", "")).rpartition("/")[2]
    token = " · 需要令牌" if facts.get("security") else ""
    return "\n".join(
        [
            f"<section><h2>{escape(method.upper())} {escape(path)}</h2>",
            f"<p>{escape(str(facts.get('description', '')))}{token}</p>",
            f"<ul>{''.join(rows)}</ul>" if rows else "",
            f"<p>JSON: {escape(name)}</p>" if name else "",
            "</section>",
        ]
    )


def _parameter(one: Mapping[str, Any]) -> str:
    schema = one.get("schema", {})
    facts = [str(schema.get(key)) for key in ("type", "default") if schema.get(key) not in (None, "")]
    words = "; ".join([*facts, str(one.get("description", ""))]).strip("; ")
    return f"<li><code>{escape(str(one['name']))}</code> {escape(words)}</li>"
