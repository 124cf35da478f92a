"""The desk's real server in processes of its own, to be asked, filled up, cut off and killed by tests."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from boai.app.desk.parts import CHINA
from boai.app.desk.store import Store
from boai.app.server.tokens import Role, add_token
from boai.geodata.network import load_network
from boai.geodata.overlay import load_overlay

PARTS = ("boai.json", "boundaries.gpkg", "outline", "gazetteer", "demand", "network", "layers.gpkg")
AT = "/nearest?at=115.86,28.69"
_START_S = 60.0
_DEATH = 1
"""PR_SET_PDEATHSIG of Linux: the signal a process gets when who started it is gone."""
_CODE = f"""
import ctypes, resource, signal, sys
from pathlib import Path
if sys.platform == "linux":  # tests that are killed leave no server behind
    ctypes.CDLL(None).prctl({_DEATH}, signal.SIGTERM)
root, workers, most = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if most:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
if __name__ == "__main__":
    from boai.app.server.serve import serve
    serve(root, port=0, workers=workers, reads="100000/second", writes="100000/second",
          ready=lambda address: print(address, flush=True))
"""


def copy_workspace(root: Path, to: Path) -> Path:
    """Copy what a desk needs of a workspace."""
    to.mkdir()
    for part in PARTS:
        path = root / part
        (shutil.copytree if path.is_dir() else shutil.copy)(path, to / part)
    (to / "network" / "closures.json").unlink(missing_ok=True)
    return to


def make_token(root: Path, role: Role = "desk") -> str:
    """Make a token as the administrator of a workspace does."""
    return add_token(Store(root), name=f"测试{role}", role=role, at=datetime.now(CHINA), made_by="测试")[0]


@dataclass
class DeskProcess:
    """A running server."""

    root: Path
    port: int
    process: subprocess.Popen[str]
    token: str = ""

    def ask(self, method: str, path: str, body: Any = None, *, timeout: float = 30) -> tuple[int, Any]:
        """Ask over a connection of its own: (status, content). Raises ``OSError`` where it breaks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Content-Type": "application/json"}
        if self.token and method != "GET":
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            sent = None if body is None else json.dumps(body).encode()
            connection.request(method, path, sent, headers)
            response = connection.getresponse()
            content = response.read()
            return response.status, json.loads(content) if content else None
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from None
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """Ask for something that must be there."""
        status, content = self.ask("GET", path)
        assert status == 200, (path, status, content)
        return content

    def eventually(self, path: str, ready: Callable[[Any], bool], *, seconds: float = 10) -> Any:
        """Ask again until the answer is ready; the last answer in any case."""
        until = time.monotonic() + seconds
        while True:
            content = self.ask("GET", path)[1]
            if ready(content) or time.monotonic() > until:
                return content
            time.sleep(0.05)

    def workers(self) -> list[int]:
        """Process ids of the workers (Linux)."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = []
        for pid in children:
            with suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
        return found

    def raw(self, content: bytes) -> socket.socket:
        """Send bytes over a connection that the caller closes, or cuts."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        sock.sendall(content)
        return sock


def cut(sock: socket.socket) -> None:
    """Break a connection as a lost network does: reset, nothing more is sent or read."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    sock.close()


@contextmanager
def serving(
    root: Path, *, workers: int = 1, most_file_bytes: int = 0, token: str = ""
) -> Iterator[DeskProcess]:
    """Run a server until the end of the block; ``most_file_bytes``: no file may grow beyond."""
    command = [sys.executable, "-W", "ignore", "-c", _CODE, str(root), str(workers), str(most_file_bytes)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, "the server did not start"
        server = DeskProcess(root, int(address.rstrip("/").rpartition(":")[2]), process, token)
        _wait(server)
        yield server
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also workers whose parent a test has killed
        process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


def _wait(server: DeskProcess) -> None:
    until = time.monotonic() + _START_S
    while True:
        with suppress(OSError):
            if server.ask("GET", "/health")[0] == 200:
                return
        assert server.process.poll() is None, "the server ended"
        assert time.monotonic() < until, "the server did not answer"
        time.sleep(0.05)


def close_one(server: DeskProcess, edge: int, reason: str) -> int | None:
    """Close a road: its number where that was acknowledged, None where it was refused or the line broke."""
    with suppress(OSError):
        status, made = server.ask("POST", "/closures", {"edges": [edge], "reason": reason})
        if status == 201:
            return int(made["number"])
        assert status == 503, made
        assert made["error"]["message"]
    return None


def kept(root: Path) -> dict[int, str]:
    """Closures in the file: {number: reason}."""
    network = load_network(root / "network", verify=False)
    return {one.number: one.reason for one in load_overlay(root / "network", network).measures}


def record_one(server: DeskProcess, key: str, chosen: list[str]) -> str | None:
    """Record a dispatch: its number where that was acknowledged."""
    body = {"at": "115.86,28.69", "chosen": chosen, "key": key, "note": key}
    with suppress(OSError):
        status, made = server.ask("POST", "/log", body)
        if status in (200, 201):
            return str(made["number"])
        assert status == 503, made
    return None
