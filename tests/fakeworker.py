"""A worker that computes nothing: what the description of a scenario says becomes of it, in no time."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from boai.app.run_worker import Begun, Done


def work(root: Path, _: float, pipe: Connection) -> None:
    """Serve as `run_worker.work` does; ``stillborn`` holds how many workers die before their first job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    unborn = root / "stillborn"
    if unborn.exists() and int(unborn.read_text()):
        unborn.write_text(str(int(unborn.read_text()) - 1))
        os._exit(1)
    while (job := pipe.recv()) is not None:
        pipe.send(Begun())
        pipe.send("在算")
        marker = root / f"{job.name}.killed"
        if job.description == "always" or (job.description == "once" and not marker.exists()):
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        pipe.send(Done(0.1, ("不行",) if job.description == "wrong" else ()))
