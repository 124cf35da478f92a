/* Base maps from the network under a view: only when asked for, switched off at will, and never needed. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const UNAVAILABLE = "底图不可用 (离线)";
  const FROM_FILE = "底图不可用 (该底图要求从网站打开本页)";
  /** So many failures in a row are no gaps in the map any more; without one tile they end the attempt. */
  const PATIENCE = 12;

  /**
   * Tiles in GCJ-02, each put where it lies in WGS84.
   *
   * Moving the whole layer by the shift at the centre is wrong by several pixels at the edges of a screen, for
   * the shift changes by up to 0.4 % of the way. Here each tile is moved, stretched and slanted by what the
   * shift does to the middles of its four edges: neighbours share them, and no point is off by more than a third of
   * a pixel (a hundredth at zoom 17 and closer).
   */
  const ShiftedTiles = L.TileLayer.extend({
    /** Where a pixel of the tiles' world lies on the map, at a zoom. */
    _moved(point, zoom, shift) {
      const at = this._map.unproject(point, zoom);
      const [lng, lat] = shift(at.lng, at.lat);
      return this._map.project([lat, lng], zoom);
    },

    _getTiledPixelBounds(center) {
      const bounds = L.TileLayer.prototype._getTiledPixelBounds.call(this, center);
      const corners = [bounds.getTopLeft(), bounds.getTopRight(), bounds.getBottomLeft(), bounds.getBottomRight()];
      return L.bounds(corners.map((corner) => this._moved(corner, this._tileZoom, gcj02.toGcj)));
    },

    /** The matrix [a, b, c, d, e, f], as CSS has it, that lays a tile among those of its zoom. */
    _matrix(coords) {
      const size = this.getTileSize(), start = coords.scaleBy(size);
      const place = (x, y) => this._moved(start.add([x * size.x, y * size.y]), coords.z, gcj02.fromGcj);
      const [west, east, north, south] = [place(0, 0.5), place(1, 0.5), place(0.5, 0), place(0.5, 1)];
      const right = east.subtract(west).divideBy(size.x), down = south.subtract(north).divideBy(size.y);
      const middle = west.add(east).add(north).add(south).divideBy(4).subtract(this._level.origin);
      const corner = middle.subtract(right.multiplyBy(size.x / 2)).subtract(down.multiplyBy(size.y / 2));
      return [right.x, right.y, down.x, down.y, corner.x, corner.y];
    },

    _addTile(coords, container) {
      L.TileLayer.prototype._addTile.call(this, coords, container);
      const { style } = this._tiles[this._tileCoordsToKey(coords)].el;
      style.transformOrigin = "0 0";
      style.transform = "matrix(" + this._matrix(coords).join() + ")";
    },
  });

  /** Write the credit as Leaflet wants it, as HTML: text and address are escaped by the browser itself. */
  function creditOf(tiles) {
    const element = document.createElement(tiles.link ? "a" : "span");
    element.textContent = tiles.credit;
    if (tiles.link) Object.assign(element, { href: tiles.link, target: "_blank", rel: "noopener noreferrer" });
    return element.outerHTML;
  }

  /** Make the layers of a base map, the lowest first. */
  boaiMap.tileLayers = (tiles) => {
    const Layer = tiles.shifted ? ShiftedTiles : L.TileLayer;
    return tiles.urls.map((url, rank) => new Layer(url, {
      minNativeZoom: tiles.zooms[0],
      maxNativeZoom: tiles.zooms[1],
      maxZoom: 22,
      subdomains: tiles.subdomains || "a",
      key: tiles.key,
      attribution: rank === 0 ? creditOf(tiles) : "",
      referrerPolicy: "strict-origin-when-cross-origin",
      zIndex: 1 + rank,
      keepBuffer: 1,
      updateWhenIdle: true,
    }));
  };

  /**
   * Put a base map under a map.
   *
   * @param {L.Map} map - its container gets the class "over-tiles" while tiles are seen
   * @param {object} tiles - what `page_tiles.Tiles.for_page` wrote
   * @param {(text: string) => void} say - shows one quiet line, or none for ""
   * @returns {{show: (on: boolean) => void}}
   */
  boaiMap.addTiles = (map, tiles, say) => {
    const layers = boaiMap.tileLayers(tiles);
    const fromFile = tiles.referred && window.location.protocol === "file:";
    let seen = 0, failed = 0, wanted = false;

    function mark() {
      map.getContainer().classList.toggle("over-tiles", wanted && seen > 0);
    }

    function show(on) {
      wanted = on;
      seen = failed = 0;
      layers.forEach((layer) => layer.remove());
      say(on && fromFile ? FROM_FILE : "");
      mark();
      if (on && !fromFile) layers.forEach((layer) => layer.addTo(map));
    }

    layers[0].on("tileload", () => {
      seen += 1;
      failed = 0;
      say("");
      mark();
    });
    layers[0].on("tileerror", () => {
      failed += 1;
      if (!wanted || (seen > 0 && failed < PATIENCE)) return;
      say(UNAVAILABLE);
      // Leaflet is still at work on this tile: a blocked network is left alone once it is done.
      if (seen === 0 && failed === PATIENCE) window.setTimeout(() => layers.forEach((layer) => layer.remove()));
    });
    window.addEventListener("online", () => { if (wanted && seen === 0) show(true); });
    return { show };
  };

  /** Put the base map that the page was made with under all its maps, and a switch beside the other controls. */
  function install(app) {
    const { byId, make } = boaiMap.base, { tiles } = app.facts.data;
    const line = make("p.quiet", { role: "status" }), under = new Map();
    let on = true;
    const box = make("input", { type: "checkbox", checked: true, on: { change: (event) => {
      on = event.target.checked;
      under.forEach((layer, map) => (map.getContainer().isConnected ? layer.show(on) : under.delete(map))); // maps of a comparison go
    } } });
    const add = (view) => {
      under.set(view.map, boaiMap.addTiles(view.map, tiles, (text) => { line.textContent = text; }));
      under.get(view.map).show(on);
    };
    byId("more-controls").append(make("div.base-map", { id: "tiles" }, make("label", {}, box, " 联网底图: " + tiles.name), line));
    (boaiMap.onView ||= []).push((_, view) => add(view));
    add(app.view);
  }

  (boaiMap.plugins ||= []).push((app) => { if (app.facts.data.tiles) install(app); });
})();
