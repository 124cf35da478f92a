"""Results for other programs: GeoPackage with QGIS styles, GeoJSON, KML, Shapefile, Excel with charts."""
