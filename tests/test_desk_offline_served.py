"""The served page when the server goes and comes back: its worker keeps the page and its data."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import deskpage
import pytest
import uvicorn
from boai.app.desk import assets
from boai.app.network import Choice, close
from boai.app.server.app import create_app
from boai.app.server.settings import Settings

pytestmark = pytest.mark.browser
FREE = "100000/second"


class Server:
    """The desk's server in a thread, on a port that stays its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.running = root, None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        settings = Settings(str(self.root), reads=FREE, writes=FREE, wrong_tokens=FREE)
        app = create_app(self.root, settings=settings, warm=False)
        config = uvicorn.Config(
            app, port=self.port, log_level="error", lifespan="on", timeout_graceful_shutdown=1
        )
        self.running = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.running.run, daemon=True)
        self.thread.start()
        while not self.running.started:
            time.sleep(0.02)

    def stop(self) -> None:
        if self.running:
            self.running.should_exit = True
            self.thread.join(20)
            self.running = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(deskpage.make(tmp_path / "w"))
    found.start()
    yield found
    found.stop()


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    context = browser.new_context(**deskpage.SIZES["phone"])
    found = context.new_page()
    asked = list[str]()
    found.on("request", lambda one: asked.append(one.url))
    yield found
    context.close()
    assert [url for url in asked if not url.startswith((server.url, "data:", "blob:", "about:"))] == []


KEPT = "caches.open('boai-data-1').then((cache) => cache.match('offline.json')).then((one) => !!one)"


def read(name: str) -> str:
    """Script that reads what is kept under a name."""
    return f"caches.open('boai-data-1').then((all) => all.match('{name}')).then((one) => one.json())"


def load(page: Any, server: Server) -> None:
    """Open the page and wait until its worker has kept the data."""
    page.goto(server.url)
    page.wait_for_selector("html[data-ready]")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    until(page, KEPT)


def until(page: Any, script: str, *, seconds: float = 30) -> Any:
    """Ask the page again until something is true."""
    end = time.monotonic() + seconds
    while not (found := page.evaluate(script)):
        assert time.monotonic() < end, script
        page.wait_for_timeout(100)
    return found


ASK = "boai.source.ask('nearest', { at: '镇5', k: 3 }).then((one) => [!!one.offline, one.sites[0].name])"


def test_the_page_answers_while_the_server_is_gone_and_goes_back_to_it(page: Any, server: Server) -> None:
    load(page, server)
    assert page.evaluate(ASK) == [False, "五号库"]
    server.stop()
    assert page.evaluate(ASK) == [True, "五号库"]
    assert page.evaluate("boai.local.health().then((one) => Date.parse(one.synced_at) > 0)")
    assert page.wait_for_selector("#banner:not([hidden])").inner_text()
    page.evaluate("location.hash = '#at=镇5&kind=warehouse'")  # the page keeps its question there
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate(ASK) == [True, "五号库"]
    server.start()
    until(page, "boai.source.look().then(() => boai.source.state.online)")
    assert page.evaluate(ASK) == [False, "五号库"]


@pytest.mark.slow
def test_newer_data_are_fetched_when_the_server_has_them(page: Any, server: Server) -> None:
    load(page, server)
    version = page.evaluate(read("boai-synced.json"))["version"]
    close(server.root, Choice(roads=["G60"]), reason="塌方")
    until(page, f"boai.server.health().then((now) => now.version !== '{version}')")
    page.evaluate("navigator.serviceWorker.controller.postMessage('refresh')")
    until(page, f"{read('offline.json')}.then((now) => now.version !== '{version}')")
    server.stop()
    kept = page.evaluate("boai.local.open().then(() => boai.local.closures())")["features"][0]
    assert kept["properties"]["reason"] == "塌方"
    assert kept["geometry"]["type"] == "MultiLineString"


@pytest.mark.slow
def test_newer_data_are_fetched_where_the_clock_was_put_back(page: Any, server: Server) -> None:
    load(page, server)
    ahead = "{ version: 'old', synced_at: '', fetched_at: Date.now() + 86400000 }"
    page.evaluate(
        "caches.open('boai-data-1').then((all) => all.put('boai-synced.json',"
        f" new Response(JSON.stringify({ahead}))))"
    )
    until(
        page,
        f"boai.server.health().then(() => {read('boai-synced.json')}).then((now) => now.version !== 'old')",
    )


@pytest.mark.slow
def test_nothing_but_the_page_and_its_data_is_kept(page: Any, server: Server) -> None:
    load(page, server)
    page.evaluate("sessionStorage.setItem('boai-token', 'secret-token')")
    for script in (
        ASK,
        "boai.server.map()",
        "boai.server.marks()",
        "boai.server.need({ at: '镇5', persons: 9 })",
    ):
        page.evaluate(f"{script}.then(() => 1, () => 0)")
    names = page.evaluate(
        "(async () => { const all = []; for (const name of await caches.keys())"
        " for (const one of await (await caches.open(name)).keys())"
        " all.push([new URL(one.url).pathname, one.method, one.headers.get('authorization')]);"
        " return all; })()"
    )
    kept = {"/", "/desk.js", "/desk.css", "/icon.svg", "/manifest.webmanifest", "/offline.json", "/map.json"}
    assert {path for path, *_ in names} == kept | {"/boai-synced.json"}
    assert {(method, token) for _, method, token in names} == {("GET", None)}


@pytest.mark.slow
def test_a_new_version_takes_over_as_a_whole(
    page: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(page, server)
    page.evaluate("caches.open('boai-shell-old').then((cache) => cache.put('x', new Response('x')))")
    server.stop()
    script = assets.script()
    for name, value in (("script", f"{script}\n;boai.second = true;"), ("version", "second")):
        monkeypatch.setattr(assets, name, lambda value=value: value)
    assets.worker.cache_clear()
    server.start()
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.evaluate("navigator.serviceWorker.getRegistration().then((one) => one.update()).then(() => 1)")
    until(
        page,
        "navigator.serviceWorker.getRegistration().then((one) => !!one.waiting || !one.installing)",
    )
    until_s = time.monotonic() + 30  # a busy machine takes its time to install it
    while time.monotonic() < until_s:
        page.reload()
        page.wait_for_selector("html[data-ready]")
        if page.evaluate("boai.second === true"):
            break
        page.wait_for_timeout(300)
    assert page.evaluate("boai.second === true")
    shells = until(page, "caches.keys().then((all) => all.length === 2 && all)")
    assert sorted(shells) == ["boai-data-1", "boai-shell-second"]
    assets.worker.cache_clear()
