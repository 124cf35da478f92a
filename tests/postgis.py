"""A private PostGIS server for tests: started from the installed binaries in a temporary folder."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

USER, PASSWORD = "boai", "geheim@1:2/3#4"
ESCAPED = "geheim%401%3A2%2F3%234"


class Server:
    """Address of a running server; gives fresh databases."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, database: str, password: str = ESCAPED) -> str:
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple]:
        """Run one statement outside any transaction."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def new_database(self, *, postgis: bool = True) -> str:
        """Make a database and return its address."""
        name = f"t_{uuid4().hex}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {'with_postgis' if postgis else 'template0'}")
        return self.url(name)


def _binaries() -> Path:
    """Find the folder of the server's programs, or skip."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3])
    found += [Path(path) for path in [shutil.which("initdb")] if path]
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql postgresql-15-postgis-3)")
    return found[-1].resolve().parent


def _who() -> dict[str, str | int]:
    """The server refuses to run as root: run it as somebody else then."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL does not run as root, and there is nobody else")


def start_server() -> Server:
    """Start a server that ends with this process; skips with a reason where none is installed."""
    pytest.importorskip("psycopg")
    pytest.importorskip("geoalchemy2")
    programs, who = _binaries(), _who()
    folder = Path(tempfile.mkdtemp(prefix="boai-postgis-"))
    (folder / "password").write_text(PASSWORD)
    if who:
        for path in (folder, folder / "password"):
            os.chown(path, who["user"], who["group"])
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "timeout": 120, **who}
    how = ["-D", "data", "-U", USER, "--auth=scram-sha-256", "--pwfile=password", "-E", "UTF8", "--locale=C"]
    subprocess.run([programs / "initdb", *how, "--no-sync"], check=True, **quiet)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=40"
    options += " -c shared_buffers=256MB -c maintenance_work_mem=256MB -c max_wal_size=4GB"
    control = [programs / "pg_ctl", "-D", "data", "-w"]

    def stop() -> None:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, **quiet)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    subprocess.run([*control, "-l", "log", "-o", options, "start"], check=True, **quiet)
    server = Server(port)
    # Another order of letters than SQLite's, as servers of offices have it.
    server.run("CREATE DATABASE with_postgis TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'zh-CN'")
    try:
        server.run("CREATE EXTENSION postgis", "with_postgis")
    except Exception as error:
        pytest.skip(f"PostGIS is not installed: {str(error).splitlines()[0]}")
    return server


@pytest.fixture(scope="session")
def postgis_server() -> Server:
    """A PostGIS server that this test session alone uses, skipped with a reason where none is installed."""
    return start_server()
