"""Fixtures that many tests share: the demo workspace is built once for all workers."""

from __future__ import annotations

import gc
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onecompiler
import pytest
from examples import many
from hypothesis import settings

# A busy machine is no defect of boai: an example may take as long as it takes. The examples are the same in
# every run, so that a run says something about the change; HYPOTHESIS_PROFILE=explore draws new ones.
settings.register_profile("boai", deadline=None, derandomize=True, max_examples=many(100))
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "boai"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect the tests without the garbage collector, and keep it off what they are made of afterwards.

    It would look through some millions of objects that live as long as the run, again and again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _one_compiler(tmp_path_factory: pytest.TempPathFactory) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        onecompiler.share(tmp_path_factory.getbasetemp().parent / "compiling")


SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data that lies beside the project on the developers' machines."""
    if not (SHARED / "data").is_dir():
        pytest.skip("../shared/data is not here")
    return SHARED


def _once(folder: Path, make) -> Path:
    """Make a folder in one of the test workers while the others wait for it."""
    done, lock = folder.with_name(f"{folder.name}.done"), folder.with_name(f"{folder.name}.lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        deadline = time.monotonic() + 600
        while not done.exists():
            if time.monotonic() > deadline:
                pytest.fail(f"another worker did not finish {folder}")
            time.sleep(0.2)
        if done.read_text() != "ok":
            pytest.fail(f"another worker failed to make {folder}")
        return folder
    result = "failed"
    try:
        make(folder)
        result = "ok"
    finally:
        done.write_text(result)
    return folder


@pytest.fixture(scope="session")
def workspace_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The demo workspace, built from the embedded data; read-only by agreement."""
    from boai.app import workspace

    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent
    return _once(base / "workspace", workspace.init)


@pytest.fixture(scope="session")
def world(workspace_folder: Path):
    """All data of the demo workspace."""
    from boai.app import workspace

    return workspace.load_world(workspace.open_workspace(workspace_folder))


@pytest.fixture(scope="session")
def font(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A derived font with some rare characters, alone in its folder, made once for all workers."""
    from boai.maps import fonts

    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent
    folder = _once(base / "fonts", lambda folder: fonts.derive_font(["修水县塅崠鄣"], folder=folder))
    return next(folder.glob("*.ttf"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser of this module's tests: playwright's loop would be in the way of others in its thread."""
    import deskpage

    with deskpage.browsing() as found:
        yield found


@pytest.fixture(scope="session")
def desk_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The desk's server on `deskpage`'s world, with a token: tests leave no closures and marks behind."""
    import deskpage
    import deskprocess
    from boai.app.desk.store import Store

    root = deskpage.make(tmp_path_factory.mktemp("desk") / "workspace")
    Store(root).make()
    with deskprocess.serving(root, token=deskprocess.make_token(root)) as server:
        yield server


@pytest.fixture(scope="session")
def small_province(shared: Path, tmp_path_factory: pytest.TempPathFactory):
    """Real roads as a small province (`smallprovince`), made once for each worker; read-only by agreement."""
    import smallprovince

    file = shared / "data" / "osm" / "liechtenstein.osm.pbf"
    return smallprovince.make_world(file, tmp_path_factory.mktemp("province"))


@pytest.fixture(scope="session")
def run_workspace(workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A copy of the demo workspace with the baseline's result, in which commands may save others."""
    from boai.app.runs import run_many

    def make(folder: Path) -> None:
        shutil.copytree(workspace_folder, folder)
        run_many(folder, ["baseline"])

    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent
    return _once(base / "runs", make)


@pytest.fixture
def own_workspace(workspace_folder: Path, tmp_path: Path) -> Path:
    """A copy of the demo workspace that a test may break."""
    return Path(shutil.copytree(workspace_folder, tmp_path / "own"))
