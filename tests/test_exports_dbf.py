"""Tables of shapefiles: GDAL reads them, and they are no wider than what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import shapely
from boai.maps.exports.dbf import Field, write_dbf
from test_exports import texts_of


def test_a_dbf_is_as_wide_as_what_it_says(tmp_path: Path) -> None:
    gone = np.array([False, True, False])
    fields = [
        Field("whole", np.array([-12, 0, 7], np.int64), gone),
        Field("number", np.array([115.85306, 0.0, -0.1]), gone),
        Field("text", np.array(["修水", None, "a"], object), gone),
        Field("nothing", np.array([None] * 3, object), np.ones(3, bool)),
    ]
    points = shapely.to_wkb(shapely.points([[115, 28], [116, 28], [117, 28]]))
    none = np.array([], object)
    pyogrio.raw.write(tmp_path / "a.shp", points, [], none, driver="ESRI Shapefile", geometry_type="Point",
                      crs="EPSG:4326", layer_options={"ENCODING": "UTF-8"})  # fmt: skip
    write_dbf(tmp_path / "a.dbf", fields)
    found = pyogrio.read_dataframe(tmp_path / "a.shp")
    assert [texts_of(found[each.name]) for each in fields] == [
        ["-12", "", "7"], ["115.853", "", "-0.1"], ["修水", "", "a"], ["", "", ""],
    ]  # fmt: skip
    assert found["number"][0] == 115.85306
    content = (tmp_path / "a.dbf").read_bytes()
    assert len(content) == 33 + 4 * 32 + 3 * (1 + 3 + 9 + 6 + 1) + 1
