"""Tiles drawn on the spot by a server on this machine: each says which it is, and dots mark known places."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import atan, degrees, exp, log, pi, radians, tan

import numpy as np
import web_server
from boai.geodata import datums
from PIL import Image, ImageDraw

SIZE = 256
DOT = (255, 0, 255)
"""Colour of the dots, which nothing else has."""
_ASKED = re.compile(r"/(?P<z>\d+)/(?P<x>\d+)/(?P<y>\d+)\.png")


def pixel(lon: float, lat: float, zoom: int) -> tuple[float, float]:
    """Pixel of the tiles' world (web Mercator) of a place given in the tiles' own degrees."""
    world = SIZE * 2.0**zoom
    return (lon + 180) / 360 * world, (0.5 - log(tan(pi / 4 + radians(lat) / 2)) / (2 * pi)) * world


def place(x: float, y: float, zoom: int) -> tuple[float, float]:
    """Undo `pixel`."""
    world = SIZE * 2.0**zoom
    return x / world * 360 - 180, degrees(2 * atan(exp((0.5 - y / world) * 2 * pi)) - pi / 2)


def draw(zoom: int, x: int, y: int, dots: Sequence[tuple[float, float]], datum: str, radius: float) -> bytes:
    """Draw a tile: its numbers, a frame, and the dots (WGS84) that lie on it as its datum has them.

    The edges of the dots are soft, so that their centres can be measured to a tenth of a pixel.
    """
    image = Image.new("RGB", (SIZE, SIZE), (233, 226, 205))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, SIZE - 1, SIZE - 1), outline=(150, 150, 150))
    pen.text((12, 12), f"{zoom}/{x}/{y}", fill=(60, 60, 60))
    colours = np.asarray(image).astype(float)
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    for lon, lat in dots:
        there = datums.from_wgs84(lon, lat, system=datum)
        at_x, at_y = pixel(float(there[0][0]), float(there[1][0]), zoom)
        far = np.hypot(columns - (at_x - x * SIZE), rows - (at_y - y * SIZE))
        inside = np.clip(radius + 0.5 - far, 0, 1)[..., None]
        colours = colours * (1 - inside) + np.array(DOT) * inside
    written = io.BytesIO()
    Image.fromarray(np.rint(colours).astype(np.uint8)).save(written, "PNG", compress_level=1)
    return written.getvalue()


@contextmanager
def serving(
    dots: Sequence[tuple[float, float]] = (), *, datum: str = "WGS84", radius: float = 5.0
) -> Iterator[web_server.Server]:
    """Serve tiles at /z/x/y.png while a test runs."""
    with web_server.serving() as server:

        class Routes(dict[str, web_server.Route]):
            def get(self, path: str, default: object = None) -> web_server.Route:  # type: ignore[override]
                asked = _ASKED.fullmatch(path)
                if asked is None:
                    return web_server.status(404)
                zoom, x, y = (int(asked[name]) for name in "zxy")
                body = draw(zoom, x, y, dots, datum, radius)
                return web_server.status(200, body, Content_Type="image/png")

        server.routes = Routes()
        yield server
