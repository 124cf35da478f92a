"""What is made before anybody asks for it, behind the first answers: a server answers as soon as it can."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable

from ..desk import assets, dispatch_sheet, drawing
from ..desk.ground import Ground, warm_up

_LOG = logging.getLogger(__name__)
_CALM_S = 5.0


class Warmer:
    """Makes ready in a thread what later requests need; failing does no harm."""

    def __init__(self, ground: Ground, openapi: Callable[[], object]) -> None:
        self._stop = threading.Event()
        self._steps: tuple[Callable[[], object], ...] = (
            lambda: warm_up(ground),
            assets.script,
            openapi,
            lambda: drawing.drawing(ground.root),
        )
        self._thread = threading.Thread(target=self._run, name="boai-warm", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        for step in self._steps:
            self._do(step)
        gc.collect()
        gc.freeze()  # what is loaded stays: a collection that looks through it holds an answer up for 50 ms
        if not self._stop.wait(_CALM_S):
            self._do(self._font)

    def _do(self, step: Callable[[], object]) -> None:
        if self._stop.is_set():
            return
        try:
            step()
        except Exception as error:  # what is missing is said to whoever asks for it
            _LOG.warning("warming: %s", error)

    def _font(self) -> None:
        """Derive the font of the sheets, once on a machine, in a process of its own."""
        if dispatch_sheet.has_font():
            return
        with dispatch_sheet.prepare_font() as made:
            while made.poll() is None and not self._stop.wait(0.5):
                pass
            if made.poll() is None:
                made.terminate()
