"""Processes that draw nothing: what the name of a job's unit says becomes of it, in no time."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from boai.app.publish.batch_worker import Done, Setting, follow_parent
from boai.maps.sheets.job import Job, stem


def start(setting: Setting) -> None:
    """Prepare as `batch_worker.start` does; a file ``stillborn`` in the workspace kills it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow_parent()
    if (setting.root / "stillborn").exists():
        os._exit(1)


def draw_one(job: Job, folder: Path) -> Done:
    """Write the name of the sheet into its files, or die as the name of the unit says."""
    marker = folder.parent / f"{stem(job)}.killed"
    if job.unit_name == "always" or (job.unit_name == "once" and not marker.exists()):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if job.unit_name == "slow":
        (folder.parent / "begun").touch()
        time.sleep(1.0)
    if job.unit_name == "wrong":
        return Done(0.1, problem="不行", process=os.getpid())
    files = [folder / f"{stem(job)}.{form}" for form in job.formats]
    for path in files:
        path.write_text(f"{stem(job)} {path.suffix}", encoding="utf-8")
    return Done(0.1, tuple(files), memory_mb=100.0, process=os.getpid())
