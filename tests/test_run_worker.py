"""Processes that start while somebody presses Ctrl-C."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from boai.app.run_worker import sheltered

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "pthread_sigmask"), reason="this system cannot block a signal"
)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell in the background has its children ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _interrupted(*, shelter: bool) -> int | None:
    """Start a process, interrupt it at once (it is importing still) and return how it ended."""
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    if shelter:
        with sheltered():
            process.start()
    else:
        process.start()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join(60)
    return process.exitcode


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_does_not_end_a_process_that_is_only_starting() -> None:
    assert _interrupted(shelter=True) == 0
    assert _interrupted(shelter=False) != 0  # else this test could not fail


@pytest.mark.usefixtures("interruptible")
def test_this_process_is_told_of_ctrl_c_when_the_shelter_ends() -> None:
    inside = False
    with pytest.raises(KeyboardInterrupt), sheltered():
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # to the process: any thread may take it
        inside = True
    assert inside
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
