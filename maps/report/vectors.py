"""Charts as lines and text of the page itself: what matplotlib draws goes to a PDF canvas.

So a chart is sharp at every size, its text is found and copied, and it shares the one font of the document,
which neither an inserted picture nor an inserted PDF would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.colors import to_rgba
from matplotlib.font_manager import weight_dict
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IMAGE_DPI = 300
"""Of what is an image in a chart too."""
_HATCH_TILE = 72.0
"""Points that a pattern of matplotlib's hatches measures, as in its own PDF."""
_CAPS = {"butt": 0, "round": 1, "projecting": 2}
_JOINS = {"miter": 0, "round": 1, "bevel": 2}

Write = Callable[[str, float, bool], None]
"""Writes a text at the origin: text, size in points, whether it is bold."""
Paint = Callable[[NDArray[np.uint8]], None]
"""Paints an image (rows, columns, RGBA), the first row on top, over the unit square."""


def draw_figure(figure: Figure, canvas: Any, *, write: Write, paint: Paint) -> None:
    """Draw a figure with its lower left corner at the origin of a canvas.

    Parameters
    ----------
    canvas
        Of reportlab (``pdfgen.canvas.Canvas``).
    """
    figure.set_dpi(72)
    width, height = figure.get_size_inches() * 72
    figure.draw(_Renderer(canvas, write, paint, (float(width), float(height))))


class _Renderer(RendererBase):
    """Turns the calls by which artists draw themselves into those of a canvas; one point is one pixel."""

    def __init__(self, canvas: Any, write: Write, paint: Paint, size: tuple[float, float]) -> None:
        super().__init__()
        self.width, self.height = size
        self._canvas, self._write, self._paint = canvas, write, paint

    def flipy(self) -> bool:
        return False

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self.width, self.height

    def points_to_pixels(self, points: Any) -> Any:
        return points

    def get_image_magnification(self) -> float:
        return IMAGE_DPI / 72

    def draw_path(self, gc: GraphicsContextBase, path: Path, transform: Any, rgbFace: Any = None) -> None:  # noqa: N803
        fill_alpha, line_alpha = _alphas(gc, rgbFace)
        drawn = gc.get_linewidth() > 0 and line_alpha > 0
        filled = rgbFace is not None and fill_alpha > 0
        if not (drawn or filled or gc.get_hatch()):
            return
        with self._state(gc) as canvas:
            if filled:
                canvas.setFillColorRGB(*rgbFace[:3], alpha=fill_alpha)
            if drawn:
                self._set_line(gc, line_alpha)
            simplify = None if rgbFace is None and path.should_simplify else False
            outline = self._outline(path, transform, simplify=simplify)
            canvas.drawPath(outline, stroke=int(drawn), fill=int(filled), fillMode=1)
        if gc.get_hatch():
            self._draw_hatch(gc, path, transform)

    def draw_image(self, gc: GraphicsContextBase, x: float, y: float, im: Any, transform: Any = None) -> None:
        height, width = im.shape[:2]
        with self._state(gc) as canvas:
            canvas.translate(x, y)
            if transform is not None:
                canvas.transform(*transform.frozen().to_values())
            else:
                canvas.scale(width * 72 / IMAGE_DPI, height * 72 / IMAGE_DPI)
            self._paint(np.ascontiguousarray(im[::-1]))

    def draw_text(  # noqa: PLR0917
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,  # noqa: ARG002
    ) -> None:
        if ismath:
            self._draw_text_as_path(gc, x, y, s, prop, angle, ismath, None)  # type: ignore[attr-defined]
            return
        weight = prop.get_weight()
        with self._state(gc) as canvas:
            colour, alpha = gc.get_rgb()[:3], _alphas(gc, None)[1]
            canvas.setFillColorRGB(*colour, alpha=alpha)
            canvas.setStrokeColorRGB(*colour, alpha=alpha)
            canvas.translate(x, y)
            canvas.rotate(angle)
            self._write(s, prop.get_size_in_points(), weight_dict.get(weight, weight) >= 600)

    @contextmanager
    def _state(self, gc: GraphicsContextBase) -> Iterator[Any]:
        """Give the canvas, with the clip of a graphics context, for some drawing."""
        canvas = self._canvas
        canvas.saveState()
        rectangle = gc.get_clip_rectangle()
        if rectangle is not None:
            frame = canvas.beginPath()
            frame.rect(*rectangle.bounds)
            canvas.clipPath(frame, stroke=0, fill=0)
        clip, clip_transform = gc.get_clip_path()
        if clip is not None:
            canvas.clipPath(self._outline(clip, clip_transform), stroke=0, fill=0)
        yield canvas
        canvas.restoreState()

    def _outline(self, path: Any, transform: Any, *, simplify: bool | None = False) -> Any:
        """Turn a path into one of the canvas; quadratic curves become cubic."""
        outline = self._canvas.beginPath()
        here = np.zeros(2)
        points: Any
        for points, code in path.iter_segments(transform, simplify=simplify, remove_nans=True):
            if code == Path.MOVETO:
                outline.moveTo(*points)
            elif code == Path.LINETO:
                outline.lineTo(*points)
            elif code == Path.CURVE3:
                control, end = points[:2], points[2:]
                outline.curveTo(*(here + 2 * control) / 3, *(end + 2 * control) / 3, *end)
            elif code == Path.CURVE4:
                outline.curveTo(*points)
            elif code == Path.CLOSEPOLY:
                outline.close()
            here = points[-2:]
        return outline

    def _set_line(self, gc: GraphicsContextBase, alpha: float) -> None:
        canvas = self._canvas
        canvas.setStrokeColorRGB(*gc.get_rgb()[:3], alpha=alpha)
        canvas.setLineWidth(gc.get_linewidth())
        canvas.setLineCap(_CAPS[gc.get_capstyle()])
        canvas.setLineJoin(_JOINS[gc.get_joinstyle()])
        offset, dashes = cast(tuple[float, Any], gc.get_dashes())
        if dashes is not None:
            canvas.setDash([float(dash) for dash in dashes], offset)

    def _draw_hatch(self, gc: GraphicsContextBase, path: Path, transform: Any) -> None:
        """Repeat the pattern over what a path encloses."""
        pattern = gc.get_hatch_path()
        box = path.get_extents(transform)
        with self._state(gc) as canvas:
            canvas.clipPath(self._outline(path, transform), stroke=0, fill=0)
            red, green, blue, alpha = to_rgba(gc.get_hatch_color())
            alpha = gc.get_alpha() if gc.get_forced_alpha() else alpha
            canvas.setStrokeColorRGB(red, green, blue, alpha=alpha)
            canvas.setFillColorRGB(red, green, blue, alpha=alpha)
            canvas.setLineWidth(gc.get_hatch_linewidth())
            for column in np.arange(np.floor(box.x0 / _HATCH_TILE), np.ceil(box.x1 / _HATCH_TILE)):
                for row in np.arange(np.floor(box.y0 / _HATCH_TILE), np.ceil(box.y1 / _HATCH_TILE)):
                    canvas.saveState()
                    tile = canvas.beginPath()
                    tile.rect(column * _HATCH_TILE, row * _HATCH_TILE, _HATCH_TILE, _HATCH_TILE)
                    canvas.clipPath(tile, stroke=0, fill=0)  # lines reach into the neighbours
                    place = Affine2D().translate(column, row).scale(_HATCH_TILE)
                    canvas.drawPath(self._outline(pattern, place), stroke=1, fill=1)
                    canvas.restoreState()


def _alphas(gc: GraphicsContextBase, face: Any) -> tuple[float, float]:
    """Opacity of areas and of lines."""
    if gc.get_forced_alpha():
        return gc.get_alpha(), gc.get_alpha()
    return (face[3] if face is not None and len(face) > 3 else 1.0), gc.get_rgb()[3]
