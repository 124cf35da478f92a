"""Rows of bench_osm.py from a file to a saved network, and OSMnx beside them."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from osm_copies import _encoded, _field, _framed, multiply

COPIES = {"network-large": 13, "network-1.5M": 30}
"""Copies of Porto: 41.3 MB; and 1.5 million junctions for driving."""

Job = tuple[Callable[[], str], Callable[[], object]]

_COLD = """
import sys
from pathlib import Path
from boai.geodata.network import save_network
from boai.geodata.roads import read_osm
save_network(read_osm(Path(sys.argv[1])), Path(sys.argv[2]))
"""


def joined(source: Path, folder: Path, copies: int) -> Path:
    """Return copies of a file with one road from each to the next, so that they are one network."""
    path = folder / f"joined_x{copies}.osm.pbf"
    if not path.exists():
        folder.mkdir(exist_ok=True)
        making = path.with_suffix(".making")
        multiply(source, making, copies)
        with making.open("ab") as file:
            file.write(_framed("OSMData", _bridges(_junction(source), copies)))
        making.replace(path)
    return path


def _junction(source: Path) -> int:
    """Return the id of a junction of the largest component."""
    from boai.geodata.roads import read_osm

    return int(read_osm(source).source_id.min())


def _bridges(node: int, copies: int) -> bytes:
    """Encode a block of primary roads from the node of each copy to that of the next."""
    texts = b"".join(_field(1, text) for text in (b"", b"highway", b"primary"))
    ways = []
    for copy in range(copies - 1):
        refs = _zigzag(node + (copy << 33)) + _zigzag(1 << 33)
        content = _field(1, (copies << 33) + copy) + _field(2, b"\x01") + _field(3, b"\x02") + _field(8, refs)
        ways.append(_field(3, content))
    return _field(1, texts) + _field(2, b"".join(ways))


def _zigzag(value: int) -> bytes:
    return _encoded(value * 2 if value >= 0 else -value * 2 - 1)


def save(path: Path, **options: str) -> str:
    """Read a file and save its network."""
    from boai.geodata.network import save_network
    from boai.geodata.roads import read_osm

    target = Path(tempfile.mkdtemp(prefix="boai-bench-"))
    try:
        network = read_osm(path, **options)  # type: ignore[arg-type]
        save_network(network, target / "network")
        size = sum(file.stat().st_size for file in (target / "network").iterdir())
    finally:
        shutil.rmtree(target)
    kept = network.meta["report"]["components"]
    return (
        f"{path.stat().st_size / 1e6:.1f} MB → {network.n_nodes} junctions, {network.n_edges} edges, "
        f"{size / 1e6:.0f} MB saved ({kept['others_count']} components left out)"
    )


def save_cold(path: Path) -> str:
    """Do the same in a fresh process; the remark tells the processor seconds and memory of all of it."""
    target = Path(tempfile.mkdtemp(prefix="boai-bench-"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        subprocess.run([sys.executable, "-c", _COLD, str(path), str(target / "network")], check=True)
    finally:
        shutil.rmtree(target)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"fresh process with imports: processor {busy:.2f} s, peak {after.ru_maxrss / 1024:.0f} MiB in all"


def osmnx(path: Path) -> str:
    """Let OSMnx make the same of the file: its filter (by pyosmium), its reader, its folding, its GraphML."""
    import osmnx as ox

    sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
    import osmnx_oracle

    target = Path(tempfile.mkdtemp(prefix="boai-bench-"))
    try:
        graph = osmnx_oracle.read(path, "drive", target).simple
        ox.save_graphml(graph, target / "graph.graphml")
    finally:
        shutil.rmtree(target)
    return f"OSMnx {ox.__version__}: {len(graph)} junctions, {graph.number_of_edges()} edges"


def rows(porto: Path, folder: Path, small: Path) -> dict[str, Job]:
    """Return name → (job, what to do before the clock starts)."""

    def warm() -> str:
        return save(small)

    def many(name: str, **options: str) -> Job:
        return (
            lambda: save(joined(porto, folder, COPIES[name]), **options),
            lambda: (warm(), joined(porto, folder, COPIES[name])),
        )

    return {
        "network-porto": (lambda: save(porto), warm),
        "network-porto-cold": (lambda: save_cold(porto), warm),
        "network-porto-walk": (lambda: save(porto, mode="walk"), warm),
        "network-large": many("network-large"),
        "network-large-osmium": many("network-large", reader="osmium"),
        "network-1.5M": many("network-1.5M"),
        "osmnx-porto": (lambda: osmnx(porto), lambda: __import__("osmnx")),
    }
