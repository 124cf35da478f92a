"""Folders written whole or not at all: killed writers, readers in the gap, locks that lead elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from boai.geodata import folders
from boai.geodata.errors import WorkspaceError
from boai.geodata.store import MANIFEST, load_arrays, read_json, save_arrays

OLD, NEW = {"x": np.zeros(5, np.int32)}, {"x": np.ones(5, np.int32)}
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def save(folder: Path, arrays: dict[str, np.ndarray] = NEW) -> None:
    save_arrays(folder, arrays, kind="thing", meta={})


def load(folder: Path) -> np.ndarray:
    return load_arrays(folder, kind="thing")[0]["x"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


WRITER = """
import os, signal, sys
from pathlib import Path
import numpy as np
from boai.geodata import folders, store
folder, where = Path(sys.argv[1]), sys.argv[2]
seen = 0
def dies(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if where == "writing":
    store.file_hash = dies
elif where == "before":
    folders.replace_folder = dies
else:
    rename = Path.replace
    def replace(self, target):
        global seen
        seen += 1
        if seen == {"between": 2, "after": 3}[where]:
            dies()
        found = rename(self, target)
        if where == "after" and seen == 2:
            dies()
        return found
    Path.replace = replace
store.save_arrays(folder, {"x": np.ones(5, np.int32)}, kind="thing", meta={})
"""


@posix
@pytest.mark.parametrize("where", ["writing", "before", "between", "after"])
@pytest.mark.parametrize("reader_first", [True, False])
def test_a_killed_writer_leaves_one_whole_folder(tmp_path: Path, where: str, reader_first: bool) -> None:
    save(tmp_path / "a", OLD)
    done = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path / "a"), where], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 2  # the rest of the dead writer
    if reader_first:
        assert load(tmp_path / "a").tolist() == (NEW if where == "after" else OLD)["x"].tolist()
    save(tmp_path / "a")
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == [MANIFEST, "x.npy"]
    assert load(tmp_path / "a").tolist() == NEW["x"].tolist()


@posix
def test_what_a_living_writer_makes_is_left_alone(tmp_path: Path) -> None:
    save(tmp_path / "a", OLD)
    with folders.unfinished(tmp_path / "a") as ready:
        (ready / "x.npy").write_bytes(b"mine")
        save(tmp_path / "a")
        assert (ready / "x.npy").read_bytes() == b"mine"
    assert (tmp_path / "a" / "x.npy").read_bytes() == b"mine"


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    for name in (".a.mybackup", ".a.x", ".ab.12345678"):
        save(tmp_path / name, OLD)
    (tmp_path / ".a.12345678").write_text("a file")
    before = names(tmp_path)
    save(tmp_path / "a")
    assert names(tmp_path) == sorted([*before, "a"])


def test_readers_in_the_gap_do_not_disturb_the_writer(tmp_path: Path) -> None:
    save(tmp_path / "a", OLD)
    stop = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not stop.is_set():
            folders.put_back(tmp_path / "a")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(60):
            save(tmp_path / "a", {"x": np.full(5, turn, np.int32)})
            if load(tmp_path / "a")[0] != turn:
                wrong.append(f"{turn}")
    finally:
        stop.set()
        reader.join()
    assert wrong == []


def test_a_folder_that_was_never_there_does_not_come_back(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="不存在"):
        load(tmp_path / "a")
    assert names(tmp_path) == []


def test_the_current_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a")
    monkeypatch.chdir(tmp_path / "a")
    assert load(Path()).tolist() == NEW["x"].tolist()
    assert load(Path("../a")).tolist() == NEW["x"].tolist()


@posix
def test_a_lock_never_leads_elsewhere(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("keep me", encoding="utf-8")
    (tmp_path / ".lock").symlink_to(letter)
    with pytest.raises(OSError), folders.locked(tmp_path / ".lock", "x"):
        pass
    assert letter.read_text(encoding="utf-8") == "keep me"
    (tmp_path / "full.lock").write_text("keep me", encoding="utf-8")
    with folders.locked(tmp_path / "full.lock", "x"):
        pass
    assert (tmp_path / "full.lock").read_text(encoding="utf-8") == "keep me"


@posix
def test_a_lock_on_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    with folders.locked(tmp_path / ".lock", "x"):
        pass


def test_a_lock_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    held = folders.locked(tmp_path / ".lock", "x")
    held.__enter__()
    threading.Timer(0.2, lambda: held.__exit__(None, None, None)).start()
    began = time.monotonic()
    with folders.locked(tmp_path / ".lock", "x", wait_s=10):
        assert time.monotonic() - began < 9


def test_a_lock_in_a_folder_that_was_replaced_is_no_lock(tmp_path: Path) -> None:
    save(tmp_path / "a", OLD)
    with folders.locked(tmp_path / "a" / ".lock", "x"):
        save(tmp_path / "a")
        with folders.locked(tmp_path / "a" / ".lock", "x"):  # the new folder is another
            pass


@posix
def test_json_that_is_a_pipe_or_endless_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name in ("pipe", "endless", "."):
        with pytest.raises(ValueError):
            read_json(tmp_path / name)
    (tmp_path / "large").write_text(" " * 50 + "{}")
    with pytest.raises(ValueError):
        read_json(tmp_path / "large", most_bytes=51)
    assert read_json(tmp_path / "large", most_bytes=52) == {}
