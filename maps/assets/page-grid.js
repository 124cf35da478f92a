/* The cells of the residents' grid on a canvas: each pixel gets the cell whose centre is nearest, as the sheets do. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const RADIANS = Math.PI / 180;
  const A = 6378137, E2 = 0.00669438002290; // GRS80, m and e²
  const WIDEST = 4; // rings of buckets that are looked through beyond the province's outermost centres
  const MOST_PIXELS = 3e6; // a screen of more is drawn coarser, so that a drag stays smooth

  const mercatorX = (lon) => lon / 360 + 0.5;
  const mercatorY = (lat) => 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * RADIANS) / 2)) / (2 * Math.PI);
  const latitude = (y) => (2 * Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) - Math.PI / 2) / RADIANS;

  /** Albers equal-area conic on the ellipsoid (Snyder 1987, Map Projections: A Working Manual, 14-3 to 14-12). */
  function albers({ lat_1, lat_2, lat_0, lon_0 }) {
    const e = Math.sqrt(E2);
    const m = (sin, cos) => cos / Math.sqrt(1 - E2 * sin * sin);
    const q = (sin) => (1 - E2) * (sin / (1 - E2 * sin * sin) - Math.log((1 - e * sin) / (1 + e * sin)) / (2 * e));
    const [s1, s2] = [Math.sin(lat_1 * RADIANS), Math.sin(lat_2 * RADIANS)];
    const [m1, m2] = [m(s1, Math.cos(lat_1 * RADIANS)), m(s2, Math.cos(lat_2 * RADIANS))];
    const n = (m1 * m1 - m2 * m2) / (q(s2) - q(s1)), c = m1 * m1 + n * q(s1);
    const rho = (lat) => (A * Math.sqrt(c - n * q(Math.sin(lat * RADIANS)))) / n;
    const rho0 = rho(lat_0);
    const theta = (lon) => n * (lon - lon_0) * RADIANS;
    return { rho, theta, rho0 };
  }

  /** Project centres, and sort them into square buckets as wide as the cells stand apart. */
  function gridOf(data) {
    const { x: lon, y: lat } = data.cells, n = lon.length, project = albers(data.albers);
    const x = new Float64Array(n), y = new Float64Array(n);
    let [west, east, south, north] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < n; i += 1) {
      const rho = project.rho(lat[i] / data.scale), theta = project.theta(lon[i] / data.scale);
      x[i] = rho * Math.sin(theta);
      y[i] = project.rho0 - rho * Math.cos(theta);
      west = Math.min(west, x[i]);
      east = Math.max(east, x[i]);
      south = Math.min(south, y[i]);
      north = Math.max(north, y[i]);
    }
    const side = Math.max(data.cells.spacing, 1);
    west -= (WIDEST + 1) * side;
    south -= (WIDEST + 1) * side;
    const columns = Math.floor((east - west) / side) + WIDEST + 2, rows = Math.floor((north - south) / side) + WIDEST + 2;
    const bucket = new Int32Array(n), start = new Int32Array(columns * rows + 1);
    for (let i = 0; i < n; i += 1) {
      bucket[i] = Math.floor((y[i] - south) / side) * columns + Math.floor((x[i] - west) / side);
      start[bucket[i] + 1] += 1;
    }
    for (let i = 0; i < columns * rows; i += 1) start[i + 1] += start[i];
    const next = start.slice(), order = new Int32Array(n);
    for (let i = 0; i < n; i += 1) order[next[bucket[i]]++] = i;
    return { n, x, y, west, south, side, columns, rows, start, order, project, near: near(start, columns, rows), inner: data.cells.inner };
  }

  /** Mark the buckets from which a centre is near enough to be looked for. */
  function near(start, columns, rows) {
    const found = new Uint8Array(columns * rows);
    for (let at = 0; at < columns * rows; at += 1) {
      if (start[at + 1] === start[at]) continue;
      const row = Math.floor(at / columns), column = at % columns;
      for (let r = Math.max(0, row - WIDEST); r <= Math.min(rows - 1, row + WIDEST); r += 1) {
        found.fill(1, r * columns + Math.max(0, column - WIDEST), r * columns + Math.min(columns, column + WIDEST + 1));
      }
    }
    return found;
  }

  /** Find the cell whose centre is nearest to a point of the projection; n where none is near. */
  function nearest(grid, px, py) {
    const column = Math.floor((px - grid.west) / grid.side), row = Math.floor((py - grid.south) / grid.side);
    if (column < 0 || row < 0 || column >= grid.columns || row >= grid.rows || !grid.near[row * grid.columns + column]) return grid.n;
    const { x, y, start, order, columns, side } = grid;
    let best = Infinity, found = grid.n;
    for (let ring = 1; ring <= WIDEST; ring += 1) {
      const first = Math.max(0, column - ring), last = Math.min(columns - 1, column + ring);
      const upper = Math.min(grid.rows - 1, row + ring);
      for (let r = Math.max(0, row - ring); r <= upper; r += 1) {
        const end = start[r * columns + last + 1];
        for (let k = start[r * columns + first]; k < end; k += 1) {
          const i = order[k], dx = x[i] - px, dy = y[i] - py, far = dx * dx + dy * dy;
          if (far < best || (far === best && i < found)) {
            best = far;
            found = i;
          }
        }
      }
      if (best <= (ring * side) * (ring * side)) break; // no bucket further out holds a nearer one
    }
    return found;
  }

  const within = (dx, dy, square) => dx * dx + dy * dy < square;

  /**
   * Find the cell of every pixel of a picture.
   * @param {{left: number, top: number, width: number, height: number, step: number, size: number}} frame
   *   left and top in pixels of the whole world, which is `size` wide; width and height in pixels of the picture, `step` apart
   * @returns {Int32Array} row by row; n where there is no cell
   */
  function raster(grid, { left, top, width, height, step, size }) {
    const found = new Int32Array(width * height).fill(grid.n), { x, y, n } = grid, { rho0 } = grid.project;
    const inner = grid.inner * grid.inner; // this near to a centre no other one can be nearer: most pixels need no search
    const sin = new Float64Array(width), cos = new Float64Array(width);
    for (let i = 0; i < width; i += 1) {
      const theta = grid.project.theta(((left + (i + 0.5) * step) / size - 0.5) * 360);
      sin[i] = Math.sin(theta);
      cos[i] = Math.cos(theta);
    }
    for (let j = 0, at = 0; j < height; j += 1) {
      const rho = grid.project.rho(latitude((top + (j + 0.5) * step) / size));
      let last = n;
      for (let i = 0; i < width; i += 1, at += 1) {
        const px = rho * sin[i], py = rho0 - rho * cos[i];
        if (last === n || !within(x[last] - px, y[last] - py, inner)) {
          const above = at >= width ? found[at - width] : n;
          if (above < n && within(x[above] - px, y[above] - py, inner)) last = above;
          else last = nearest(grid, px, py);
        }
        found[at] = last;
      }
    }
    return found;
  }

  const abgr = (colour) => 0xff000000 | (parseInt(colour.slice(5, 7), 16) << 16) | (parseInt(colour.slice(3, 5), 16) << 8) | parseInt(colour.slice(1, 3), 16);

  /** A canvas in a pane of the map that moves and scales with it and is painted anew when the map rests. */
  boaiMap.Sheet = L.Renderer.extend({
    ...boaiMap.resting,
    initialize(paint, options) {
      L.Renderer.prototype.initialize.call(this, options);
      this._paint = paint;
    },
    _initContainer() {
      this._container = document.createElement("canvas");
      this._container.setAttribute("aria-hidden", "true");
    },
    _destroyContainer() {
      this._container.remove();
      delete this._container;
    },
    _update() {
      if (!this._map || (this._map._animatingZoom && this._bounds)) return;
      L.Renderer.prototype._update.call(this);
      const size = this._bounds.getSize(), area = size.x * size.y;
      this._ratio = Math.min(window.devicePixelRatio || 1, 2, Math.max(1, Math.sqrt(MOST_PIXELS / Math.max(area, 1))));
      L.DomUtil.setPosition(this._container, this._bounds.min);
      this._container.style.width = size.x + "px";
      this._container.style.height = size.y + "px";
      this.paint();
    },
    /**
     * Paint what the map shows now. It is painted aside and laid down as one picture: what Chromium prints of a canvas
     * that was drawn just before are its single steps, and those that clear would wipe out what lies below.
     */
    paint() {
      if (!this._container || !this._bounds) return;
      if (this.behind) return this.catchUp();
      const size = this._bounds.getSize(), origin = this._map.getPixelOrigin().add(this._bounds.min);
      const aside = document.createElement("canvas");
      aside.width = this._container.width = Math.round(size.x * this._ratio);
      aside.height = this._container.height = Math.round(size.y * this._ratio);
      const frame = { left: origin.x, top: origin.y, step: 1 / this._ratio, size: 256 * 2 ** this._map.getZoom(), width: aside.width, height: aside.height };
      this._paint(aside.getContext("2d"), frame);
      this._container.getContext("2d").drawImage(aside, 0, 0);
    },
  });

  /** Trace rings, given in parts of the world's width, as one path of a frame. */
  function trace(context, rings, { left, top, step, size }) {
    context.beginPath();
    for (const ring of rings) {
      for (let i = 0; i < ring.length; i += 2) {
        const x = (ring[i] * size - left) / step, y = (ring[i + 1] * size - top) / step;
        if (i) context.lineTo(x, y);
        else context.moveTo(x, y);
      }
      context.closePath();
    }
  }

  /** Bounds of rings in parts of the world's width: [west, north, east, south]. */
  function extent(rings) {
    const found = [Infinity, Infinity, -Infinity, -Infinity];
    for (const ring of rings) {
      for (let i = 0; i < ring.length; i += 1) {
        found[i % 2] = Math.min(found[i % 2], ring[i]);
        found[2 + (i % 2)] = Math.max(found[2 + (i % 2)], ring[i]);
      }
    }
    return found;
  }

  /** Cut a frame to what lies within bounds, in whole pixels: the part, null for nothing, and where it begins. */
  function cut(frame, [west, north, east, south]) {
    const { left, top, size, step, width, height } = frame;
    const x = Math.max(0, Math.floor((west * size - left) / step)), y = Math.max(0, Math.floor((north * size - top) / step));
    const wide = Math.min(width, Math.ceil((east * size - left) / step)) - x, high = Math.min(height, Math.ceil((south * size - top) / step)) - y;
    const part = wide > 0 && high > 0 ? { ...frame, left: left + x * step, top: top + y * step, width: wide, height: high } : null;
    return { x, y, part };
  }

  /**
   * Make the layer of the cells.
   * @param {Object} grid see gridOf
   * @param {Float64Array[]} outline rings of the province in parts of the world's width; nothing is painted outside
   * @returns {{sheet: Object, show(paint: Object|null): void, cellAt(latlng: Object): number}}
   *   show: `{classes: [{colour, hatch}], index: Uint8Array}`, null for an empty map
   */
  function cellsLayer(grid, outline, options) {
    const whole = extent(outline);
    let cells = null, shown = null, at = "";
    const sheet = new boaiMap.Sheet((context, frame) => {
      const { x, y, part } = cut(frame, whole);
      if (!shown || !part) return;
      const key = [part.left, part.top, part.size, part.width, part.height].join();
      if (key !== at) cells = raster(grid, part);
      at = key;
      const picture = context.createImageData(part.width, part.height);
      colour(new Uint32Array(picture.data.buffer), cells, part.width, shown, { ratio: Math.round(1 / frame.step), shift: x + y });
      context.putImageData(picture, x, y);
      context.globalCompositeOperation = "destination-in";
      trace(context, outline, frame);
      context.fill("evenodd");
      context.globalCompositeOperation = "source-over";
    }, options);
    return {
      sheet,
      show(paint) {
        shown = paint;
        sheet.paint();
      },
      cellAt({ lat, lng }) {
        const rho = grid.project.rho(lat), theta = grid.project.theta(lng);
        return nearest(grid, rho * Math.sin(theta), grid.project.rho0 - rho * Math.cos(theta));
      },
    };
  }

  /** Colour pixels by the class of their cell; hatched classes get slanted lines, which a grey print keeps. */
  function colour(pixels, cells, width, { classes, index }, { ratio, shift }) {
    const n = index.length, plain = new Uint32Array(n + 1), lines = new Uint32Array(n + 1);
    const own = classes.map((one) => abgr(one.colour)), over = classes.map((one) => (one.hatch ? abgr(one.hatch) : abgr(one.colour)));
    for (let i = 0; i < n; i += 1) {
      plain[i] = own[index[i]];
      lines[i] = over[index[i]];
    }
    if (!classes.some((one) => one.hatch)) {
      for (let p = 0; p < pixels.length; p += 1) pixels[p] = plain[cells[p]];
      return;
    }
    const period = 7 * ratio, line = 2 * ratio;
    for (let p = 0, y = 0; p < pixels.length; y += 1) {
      for (let x = 0; x < width; x += 1, p += 1) pixels[p] = (x + y + shift) % period < line ? lines[cells[p]] : plain[cells[p]];
    }
  }

  boaiMap.geometry = { mercatorX, mercatorY, latitude, trace };
  boaiMap.raster = raster;
  boaiMap.gridOf = gridOf;
  boaiMap.cellsLayer = cellsLayer;
})();
