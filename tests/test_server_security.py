"""The gate of the desk's server: hostile names, bodies, headers and clients are refused; nothing leaks."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from boai.app.server import security, serve, tokens
from boai.app.server.settings import Settings
from boai.geodata.errors import InputError
from deskserver import NOON, Client, Desk, make_desk, settings

HOSTILE = [
    "../../etc/passwd",
    "..%2f..%2fboai.json",
    "/etc/passwd",
    "' OR 1=1 --",
    "'; DROP TABLE marks; --",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "\x00\x1b[31m",
    "\u202e名",
    "\ud800",
    "😀" * 30,
    "{{7*7}}",
    "%n%s%x",
    "修水县\n2026-11-22 admin 完成",
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = make_desk(tmp_path_factory.mktemp("secure") / "tiny")
    yield made
    made.close()


def check_refusal(answer) -> None:
    assert 400 <= answer.status < 500, (answer.status, answer.body)
    error = answer.json()["error"]
    assert error["message"]
    assert re.search("[一-鿿]", error["message"])
    assert "Traceback" not in answer.body.decode()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_refused_or_looked_up(desk: Desk, text: str) -> None:
    plain = text.encode("utf-8", "replace").decode()
    for path, query in (
        ("/where", {"at": plain}),
        ("/nearest", {"at": "115.0,28.0", "kind": plain}),
        ("/nearest", {"at": "115.0,28.0", "avoid": plain}),
        ("/nearest", {"at": "115.0,28.0", "empty": plain}),
        ("/reach", {"site": plain}),
        ("/layers/warehouse", {"bbox": plain}),
    ):
        check_refusal(desk.anyone.get(path, **query))
    assert desk.anyone.get("/places", q=plain).status == 200
    check_refusal(desk.anyone.get(f"/layers/{plain}"))
    check_refusal(desk.desk.delete(f"/marks/warehouse/{plain}"))
    check_refusal(desk.desk.put(f"/marks/warehouse/{plain}", {"state": "空"}))
    check_refusal(desk.admin.delete(f"/tokens/{plain}"))
    check_refusal(desk.desk.post("/closures", {"roads": [text]}))
    check_refusal(desk.anyone.post("/text", {"at": "115.0,28.0", "chosen": [text]}))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_notes_are_kept_as_text(desk: Desk, text: str) -> None:
    wanted = {"near": {"lon": 115.05, "lat": 28.0, "within_m": 10}, "reason": text, "reporter": text[:40]}
    made = desk.desk.post("/closures", wanted)
    if text == "\ud800":  # half of a character is no text
        assert made.status == 422
        return
    assert made.status == 201, made.body
    listed = desk.anyone.get("/closures")
    assert listed.status == 200
    assert listed.header("x-content-type-options") == "nosniff"
    assert desk.desk.delete(f"/closures/{made.json()['number']}").status == 200
    marked = desk.desk.put("/marks/team/team-0", {"state": "可用", "note": text, "who": text[:40]})
    assert marked.status == 200, marked.body
    assert desk.anyone.get("/nearest", at="115.0,28.0", kind="team").status == 200
    assert desk.desk.delete("/marks/team/team-0").status == 200
    for entry in desk.admin.get("/audit", limit=10).json()["entries"]:
        assert all(value.isprintable() for value in entry.values() if isinstance(value, str))


@pytest.mark.parametrize(
    "token",
    ["x", "", "boai_00000000_" + "a" * 43, "' OR 1=1", "boai_" + "0" * 10_000, "a\tb", "Bearer", "é" * 50],
)
def test_wrong_tokens_are_refused(desk: Desk, token: str) -> None:
    for form in (f"Bearer {token}", token, f"Basic {token}", f"bearer  {token}"):
        headers = [("authorization", form.encode("utf-8").decode("latin-1"))]
        for method, path in (("GET", "/me"), ("POST", "/closures"), ("DELETE", "/closures/1")):
            answer = desk.anyone.ask(method, path, headers=headers, body={} if method == "POST" else None)
            assert answer.status == 401, (form[:40], path)
            assert token not in answer.body.decode() or len(token) < 7


def test_a_token_of_another_hash_or_length_is_none(desk: Desk) -> None:
    own = desk.admin.token
    for text in (own[:-1], own + "a", own.upper(), own.replace("boai_", ""), own + "\n", " " + own):
        assert tokens.holder_of(desk.store, text, at=NOON) is None
    assert tokens.holder_of(desk.store, own, at=NOON) is not None


def test_wrong_tokens_are_counted(tmp_path: Path) -> None:
    own = make_desk(tmp_path / "tiny", wrong_tokens="3/minute")
    try:
        guess = Client(own.app, "boai_00000000_" + "a" * 43)
        assert [guess.get("/me").status for _ in range(5)] == [401, 401, 401, 429, 429]
        assert own.desk.get("/me").status == 200, (
            "who guesses must not lock out who sits behind the same address"
        )
        assert int(guess.get("/me").header("retry-after") or 0) in range(1, 61)
        assert Client(own.app, own.desk.token, address="10.0.0.9").get("/me").status == 200
        assert own.anyone.get("/health").status == 200
    finally:
        own.close()


def test_reading_and_writing_are_limited_for_each_client(tmp_path: Path) -> None:
    own = make_desk(tmp_path / "tiny", reads="5/minute", writes="2/minute")
    try:
        answers = [own.anyone.get("/health") for _ in range(7)]
        assert [one.status for one in answers] == [200] * 5 + [429] * 2
        assert int(answers[-1].header("retry-after") or 0) in range(1, 61)
        check_refusal(answers[-1])
        assert Client(own.app, address="2001:db8::1").get("/health").status == 200
        writes = []
        for number in range(4):
            client = Client(own.app, own.desk.token, address=f"10.0.0.{number}")
            writes.append(client.put("/marks/team/team-0", {"state": "可用"}).status)
        assert writes == [200, 200, 429, 429]
    finally:
        own.close()


def test_ipv6_clients_are_counted_by_their_network() -> None:
    names = [security.client_of({"client": (f"2001:db8:0:1::{n}", 1)}) for n in range(3)]
    assert len(set(names)) == 1
    assert security.client_of({"client": ("2001:db8:0:2::1", 1)}) not in names


def test_long_bodies_are_refused_before_they_are_read(desk: Desk) -> None:
    stated = desk.anyone.ask(
        "POST", "/nearest", raw=[b"x" * 65536] * 800, headers=[("content-length", str(50 << 20))]
    )
    assert (stated.status, stated.code, desk.anyone.sent) == (413, "too_large", 0)
    unstated = desk.anyone.ask("POST", "/nearest", raw=[b"x" * 65536] * 800)
    assert unstated.status == 413
    assert desk.anyone.sent <= (1 << 20) + 65536
    lying = desk.anyone.ask("POST", "/nearest", raw=[b"x" * 65536] * 800, headers=[("content-length", "5")])
    assert lying.status == 413
    assert desk.anyone.ask("GET", "/health", raw=[b"x" * 65536] * 800).status == 200


def test_a_body_that_trickles_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "_BODY_S", 0.05)

    async def ask() -> list[dict]:
        out: list[dict] = []

        async def receive() -> dict:
            await asyncio.sleep(0.02)
            return {"type": "http.request", "body": b"{", "more_body": True}

        async def send(message: dict) -> None:
            out.append(message)

        scope = {
            **{"type": "http", "method": "POST", "path": "/nearest", "raw_path": b"/nearest"},
            **{"scheme": "http", "query_string": b"", "root_path": "", "http_version": "1.1"},
            **{"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1), "asgi": {"version": "3.0"}},
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
            "state": {},
        }
        await desk.app(scope, receive, send)
        return out

    assert asyncio.run(ask())[0]["status"] == 400


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b"null", b'"x"', b"\xff\xfe", b"NaN", b'{"at": 1}', b'{"at": "x", "more": 1}',
     b'{"lon": NaN, "lat": 1}', b'{"lon": 1e999, "lat": 28}', b'{"k": true}', b'{"k": "3"}', b"[" * 100_000,
     b'{"k": 1' + b"0" * 5000 + b"}", b'{"at":"\\ud800"}'],
)  # fmt: skip
def test_bodies_that_are_no_question_are_refused(desk: Desk, body: bytes) -> None:
    check_refusal(desk.anyone.ask("POST", "/nearest", raw=body))


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/x", ""])
def test_only_json_is_taken(desk: Desk, kind: str) -> None:
    told = desk.desk.ask("POST", "/closures", raw=b'{"roads": ["G1"]}', headers=[("content-type", kind)])
    assert told.status == 415
    check_refusal(told)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "a b"])
def test_other_names_of_the_server_are_refused(desk: Desk, host: str) -> None:
    told = Client(desk.app, host=host).get("/health")
    assert (told.status, told.code) == (400, "wrong_host")


def test_names_of_the_server_are_listed(desk: Desk) -> None:
    for host in ("localhost", "127.0.0.1:8642", "[::1]:8642", "LOCALHOST:1"):
        assert Client(desk.app, host=host).get("/health").status == 200
    two = desk.anyone.ask("GET", "/health", headers=[("host", "localhost")])
    assert (two.status, two.code) == (400, "wrong_host")
    with pytest.raises(InputError, match="允许的主机名"):
        serve._hosts("0.0.0.0", [])
    assert "desk.example.org" in serve._hosts("0.0.0.0", ["desk.example.org"])


@pytest.mark.parametrize(
    "headers",
    [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("origin", "http://localhost:9999")],
        [("origin", "http://[")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site"), ("origin", "http://localhost:8642")],
    ],
)
def test_other_sites_cannot_write(desk: Desk, headers: list[tuple[str, str]]) -> None:
    body = {"near": {"lon": 115.05, "lat": 28.0, "within_m": 10}}
    assert desk.desk.ask("POST", "/closures", body=body, headers=headers).status == 403
    assert desk.desk.ask("DELETE", "/closures/1", headers=headers).status == 403
    assert desk.desk.ask("PUT", "/marks/team/team-0", body={"state": "空"}, headers=headers).status == 403


def test_the_own_page_can_write(desk: Desk) -> None:
    headers = [("origin", "http://localhost:8642"), ("sec-fetch-site", "same-origin")]
    told = desk.desk.ask("PUT", "/marks/team/team-0", body={"state": "可用"}, headers=headers)
    assert told.status == 200


def test_no_answer_invites_other_sites(desk: Desk) -> None:
    asked = [("origin", "https://evil.example"), ("access-control-request-method", "POST")]
    told = [
        desk.anyone.ask("GET", "/nearest?at=115.0,28.0", headers=asked[:1]),
        desk.anyone.ask("OPTIONS", "/closures", headers=asked),
        desk.anyone.get("/nope"),
        desk.anyone.post("/closures", {"roads": ["G1"]}),
        desk.anyone.get("/"),
    ]
    for one in told:
        assert not [key for key, _ in one.headers if key.startswith("access-control")]
        assert "frame-ancestors 'none'" in str(one.header("content-security-policy"))
        assert "unsafe" not in str(one.header("content-security-policy"))
        assert one.header("x-content-type-options") == "nosniff"
        assert one.header("referrer-policy") == "no-referrer"
        assert "geolocation=(self)" in str(one.header("permissions-policy"))
        assert one.header("cross-origin-opener-policy") == "same-origin"
        assert one.header("server") is None
    assert told[1].status == 403 or told[1].status == 405
    for path in ("/nearest?at=115.0,28.0", "/layers/warehouse", "/marks", "/offline.json", "/closures"):
        assert desk.anyone.ask("GET", path).header("cache-control") == "no-store", path


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "X" * 100])
def test_other_methods_are_refused(desk: Desk, method: str) -> None:
    for path in ("/nearest", "/health", "/"):
        assert desk.admin.ask(method, path).status == 405


def test_pages_need_nothing_from_outside(desk: Desk) -> None:
    for path in ("/", "/docs"):
        text = desk.anyone.get(path).body.decode()
        assert not re.search(r"""(src|href|action)=["']?(https?:)?//""", text)
        assert not re.search(r"<script>|\son\w+=|style=", text)


def test_a_fault_is_a_number_that_the_log_knows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret /home/path")

    monkeypatch.setattr(type(desk.app.state.desk.keeper), "is_stale", fail)
    with caplog.at_level(logging.ERROR):
        told = desk.anyone.get("/health")
    assert told.status == 500
    number = re.search("编号 ([0-9a-f]{8})", told.message)
    assert number
    assert number[1] in caplog.text
    assert "secret" not in told.body.decode()


def test_logs_have_no_control_characters() -> None:
    record = logging.LogRecord("boai", logging.WARNING, "f", 1, "a\nb %s", ("\x1b[31mc\r\n",), None)
    text = serve._Clean("%(levelname)s: %(message)s").format(record)
    assert text == "WARNING: a b  [31mc  "


def test_areas_that_would_take_minutes_are_refused(desk: Desk) -> None:
    zigzag = [[115 + (7 * n % 101) / 500, 28 + (13 * n % 103) / 500] for n in range(150)]
    comb = [[114.9, 27.9], *([114.9 + n / 1000, 27.95 + n % 2] for n in range(200)), [115.2, 27.9]]
    for ring in (zigzag, comb):
        for path, body in (
            ("/nearest", {"at": "115.0,28.0", "what_if": {"areas": [ring]}}),
            ("/need", {"area": ring}),
            ("/closures/preview", {"area": ring}),
        ):
            check_refusal(desk.anyone.post(path, body))
    bow = [[114.9, 27.9], [115.2, 28.2], [115.2, 27.9], [114.9, 28.2]]
    assert desk.anyone.post("/closures/preview", {"area": bow}).status == 200


def test_no_answer_names_a_folder_of_the_machine(desk: Desk) -> None:
    path = desk.root / "gazetteer"
    path.rename(desk.root / "away")
    try:
        desk.app.state.desk.keeper.renew(force=True)
        told = desk.anyone.get("/nearest", at="115.0,28.0")
        assert "数据有变动但不能用" in told.body.decode()
        assert str(desk.root) not in told.body.decode()
        assert str(desk.root.parent) not in desk.anyone.get("/health").body.decode()
    finally:
        (desk.root / "away").rename(path)
        desk.app.state.desk.keeper.renew(force=True)


def test_the_notebook_is_not_for_everybody_on_the_machine(desk: Desk) -> None:
    for path in desk.root.glob("desk.sqlite*"):
        assert not path.stat().st_mode & 0o007, path


def test_a_head_is_answered(desk: Desk) -> None:
    assert desk.anyone.ask("HEAD", "/health").status == 200
    assert desk.anyone.ask("HEAD", "/nope").status == 404


# Over sockets: what uvicorn and its protocol do


@contextmanager
def running(root: Path, **more: float) -> Iterator[tuple[str, int]]:
    """A server of its own thread."""
    import uvicorn
    from boai.app.server.app import create_app

    own = settings(root)
    config = serve.config_of(create_app(root, settings=own, warm=False), own)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        yield listener.getsockname()[:2]
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def talk(address: tuple[str, int], *parts: bytes, wait_s: float = 10.0) -> bytes:
    with closing(socket.create_connection(address, timeout=wait_s)) as line:
        try:
            for part in parts:
                line.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        found = b""
        try:
            while piece := line.recv(65536):
                found += piece
        except ConnectionResetError:
            pass
        return found


@pytest.fixture(scope="module")
def served(desk: Desk) -> Iterator[tuple[str, int]]:
    with running(desk.root) as address:
        yield address


def test_smuggled_requests_are_refused(served: tuple[str, int]) -> None:
    both = b"POST /nearest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n"
    two = b"POST /nearest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 40\r\n"
    odd = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n"
    line = b"GET /health HTTP/1.1\r\nHost : localhost\r\n"
    for head in (two, odd, line):
        found = talk(served, head + b"Connection: close\r\n\r\n0\r\n\r\n")
        assert found.startswith(b"HTTP/1.1 400"), head
    found = talk(
        served, both + b"Connection: close\r\n\r\n0\r\n\r\nGET /me HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    assert found.count(b"HTTP/1.1 ") == 1


def test_a_head_without_end_is_refused(served: tuple[str, int]) -> None:
    found = talk(served, b"GET /health HTTP/1.1\r\nHost: localhost\r\n", b"X: " + b"a" * 200_000)
    assert found == b"" or found.startswith(b"HTTP/1.1 4")


def test_chunks_without_end_are_refused(served: tuple[str, int]) -> None:
    head = b"POST /nearest HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    found = talk(served, head + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 100)
    assert found == b"" or found.startswith(b"HTTP/1.1 413")  # the line may be cut before it is read


def test_a_slow_head_is_given_up(served: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve.Impatient, "head_s", 0.2)
    assert talk(served, b"GET /health HTTP/1.1\r\nHo") == b""
    assert talk(served) == b""


def test_a_line_is_used_again(served: tuple[str, int]) -> None:
    one = b"GET /me HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    found = talk(served, one, one, last)
    assert found.count(b"HTTP/1.1 200") == 3
    assert b"\r\nserver:" not in found.lower()


def test_a_port_in_use_is_one_sentence(served: tuple[str, int], desk: Desk) -> None:
    with pytest.raises(InputError, match="已被别的程序占用"):
        serve.serve(desk.root, port=served[1])
    with pytest.raises(InputError, match="--port"):
        serve.serve(desk.root, host="no such\nhost", allow_hosts=["x"])
    with pytest.raises(InputError, match="workers"):
        serve.serve(desk.root, workers=0)


def test_settings_travel_to_workers() -> None:
    from boai.app.server.settings import from_text

    own = Settings("/x", hosts=("a", "b"), reads="1/second")
    assert from_text(own.as_text()) == own
