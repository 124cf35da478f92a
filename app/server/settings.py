"""How a server of the desk is set up; it travels to worker processes as text."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Names by which this machine calls itself: others are refused unless they are listed (DNS rebinding)."""


@dataclass(frozen=True)
class Settings:
    """Choices of who runs the server."""

    root: str
    """Workspace."""
    hosts: tuple[str, ...] = LOOPBACK
    """Names and addresses by which browsers may call the server, without port; ``*``: any."""
    reads: str = "200/4 seconds"
    """Rate of reading per client (`rates.parse`): 200 at once, and 50 a second."""
    writes: str = "10/5 seconds"
    """Rate of writing per token."""
    wrong_tokens: str = "10/minute"
    """Rate of wrong tokens per client."""
    body_bytes: int = 1 << 20
    """Longest body of a request."""
    behind_proxy: bool = False
    """A reverse proxy on this machine stands before the server: it says who the client is, and does TLS."""

    def as_text(self) -> str:
        """Write the settings for another process."""
        return json.dumps(asdict(self))

    @property
    def folder(self) -> Path:
        """Workspace as a path."""
        return Path(self.root)


def from_text(text: str) -> Settings:
    """Read what `Settings.as_text` wrote."""
    found = json.loads(text)
    return Settings(**{**found, "hosts": tuple(found["hosts"])})
