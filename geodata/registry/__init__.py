"""The stored layers: one GeoPackage of the workspace, or a PostGIS server that several offices share.

Reading a layer needs the standard library only (``reading``); ``open_registry`` brings SQLAlchemy and pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model import Change, Conflict, LayerInfo, Revision
from .opening import open_registry, save_layers
from .reading import check_kind, layer_hash, load_layers, read_sites, read_stock, stored_hash

if TYPE_CHECKING:
    from .registry import Registry
else:

    def __getattr__(name: str) -> object:
        """Import ``Registry`` when it is asked for: SQLAlchemy and pandas take longer than a question."""
        if name == "Registry":
            from .registry import Registry  # noqa: PLC0415

            return Registry
        raise AttributeError(name)


__all__ = [
    "Change",
    "Conflict",
    "LayerInfo",
    "Registry",
    "Revision",
    "check_kind",
    "layer_hash",
    "load_layers",
    "open_registry",
    "read_sites",
    "read_stock",
    "save_layers",
    "stored_hash",
]
