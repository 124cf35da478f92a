"""Errors of the API: one JSON form in Chinese, whatever went wrong, and never a traceback."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ...geodata.errors import BoaiError, InputError, PlaceError, Problem, UnavailableError, WorkspaceError
from .words import said

_LOG = logging.getLogger(__name__)

_STATUS = {
    400: ("bad_request", "请求看不懂"),
    401: ("token_missing", "这一步需要令牌"),
    403: ("forbidden", "令牌的权限不够"),
    404: ("not_found", "没有这个地址"),
    405: ("method_not_allowed", "这个地址不支持这种请求方法"),
    406: ("not_acceptable", "没有这种格式"),
    409: ("conflict", "与现有内容冲突"),
    413: ("too_large", "请求内容太大"),
    415: ("unsupported_type", "请求内容应为 JSON"),
    421: ("wrong_host", "这个主机名不在允许之列"),
    422: ("invalid", "请求里的值不对"),
    429: ("too_many", "请求太频繁"),
    500: ("internal", "服务器内部出错"),
    503: ("unavailable", "现在不能用"),
}


class Refusal(Exception):  # noqa: N818 (it is an answer)
    """A request that is answered with an error, and what it says."""

    def __init__(
        self,
        status: int,
        problems: Problem | Sequence[Problem] = (),
        *,
        code: str = "",
        headers: Mapping[str, str] | None = None,
        candidates: Sequence[Any] = (),
    ) -> None:
        self.status, self.code = status, code or _STATUS[status][0]
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        self.headers, self.candidates = dict(headers or {}), list(candidates)
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """Chinese sentences."""
        return "\n".join(map(str, self.problems)) or _STATUS[self.status][1]


def response(refusal: Refusal) -> Response:
    """Write a refusal as JSON."""
    error = {
        "code": refusal.code,
        "message": refusal.message,
        "problems": [vars(problem) for problem in refusal.problems],
        "candidates": refusal.candidates,
    }
    text = json.dumps({"error": error}, ensure_ascii=False)
    return Response(
        text.encode("utf-8", "replace"),
        status_code=refusal.status,
        headers=refusal.headers,
        media_type="application/json",
    )


def refusal_of(error: BoaiError) -> Refusal:
    """Tell how an error of boai is answered: 503 for data that cannot be used, else 400."""
    problems = error.problems if isinstance(error, InputError) else (Problem("请求", str(error)[:200]),)
    if isinstance(error, WorkspaceError):
        problems = tuple(map(without_path, problems))
    if isinstance(error, UnavailableError):
        return Refusal(503, problems, headers={"Retry-After": "2"})
    if isinstance(error, WorkspaceError):
        return Refusal(503, problems, code="workspace", headers={"Retry-After": "10"})
    code = "place" if isinstance(error, PlaceError) else "input"
    return Refusal(400, problems, code=code, candidates=getattr(error, "candidates", ()))


def without_path(problem: Problem) -> Problem:
    """Name a file of the workspace without its folder, which is nobody's business.

    Examples
    --------
    >>> print(without_path(Problem("/srv/boai/jx/network/closures.json", "读不出来")))
    closures.json: 读不出来
    """
    return replace(problem, where=PurePath(problem.where).name or problem.where)


def internal(error: BaseException) -> Refusal:
    """Log an error that nobody foresaw under a number, and say nothing but the number."""
    number = secrets.token_hex(4)
    _LOG.error("error %s", number, exc_info=error)
    fix = f"请把编号 {number} 告诉管理员, 详情在服务器日志里"
    return Refusal(500, Problem("服务器", "内部出错, 这次没有办成", fix=fix))


def handle(app: FastAPI) -> None:
    """Answer every error of an app in the one form."""

    async def refused(_: Request, error: Exception) -> Response:
        return response(error if isinstance(error, Refusal) else internal(error))

    async def boai(_: Request, error: Exception) -> Response:
        return response(refusal_of(error) if isinstance(error, BoaiError) else internal(error))

    async def invalid(_: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        return response(Refusal(422, [said(one) for one in found[:20]]))

    async def http(request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 500)
        where = Problem(request.url.path[:80], _STATUS.get(status, _STATUS[400])[1], fix=_hint(status))
        headers = getattr(error, "headers", None)
        return response(Refusal(status if status in _STATUS else 400, where, headers=headers))

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(BoaiError, boai)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _hint(status: int) -> str:
    return "接口列表见 /docs" if status in {404, 405} else ""
