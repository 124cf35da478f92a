/* Sites on one canvas, however many: typed arrays, gathered by zoom where they would cover each other. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { mercatorX, mercatorY } = boaiMap.geometry;
  const { count } = boaiMap.base;
  const GATHER_PX = 56; // side of the squares in which sites are gathered
  const MOST_SINGLE = 2500; // so many in sight are drawn one by one
  const CLOSE_ZOOM = 13; // from here on always
  const HIT_PX = 6;

  /** Turn a table of sites into coordinates in parts of the world's width; kept with the table. */
  function unitsOf(table, scale) {
    if (!table.unit) {
      const n = table.x.length, x = new Float64Array(n), y = new Float64Array(n);
      for (let i = 0; i < n; i += 1) {
        x[i] = mercatorX(table.x[i] / scale);
        y[i] = mercatorY(table.y[i] / scale);
      }
      table.unit = { x, y };
    }
    return table.unit;
  }

  /** Trace the sign of a level around a point; `points` is the polygon of the shape, nothing for a circle. */
  function sign(context, points, x, y, radius) {
    context.beginPath();
    if (!points) context.arc(x, y, radius * 0.9, 0, 2 * Math.PI);
    else points.forEach(([px, py], i) => (i ? context.lineTo(x + px * radius, y + py * radius) : context.moveTo(x + px * radius, y + py * radius)));
    context.closePath();
  }

  /** Read the polygon of a shape, as SVG writes it. */
  const polygonOf = (text) => (text ? text.split(" ").map((pair) => pair.split(",").map(Number)) : null);

  /** Signs grow as one comes nearer. */
  const grown = (size, zoom) => (zoom < 9 ? size / 2 : size / 2 + Math.min(3, (zoom - 8) * 0.8));

  /**
   * Gather points in sight into squares of the world's pixels, so that a moved map gathers the same ones.
   * @returns {{x: number, y: number, count: number, row: number}[]} row: of one of them
   */
  function gathered(unit, frame) {
    const { left, top, size, step, width, height } = frame, side = GATHER_PX;
    const first = Math.floor(left / side), columns = Math.floor((left + width * step) / side) - first + 1;
    const upper = Math.floor(top / side), rows = Math.floor((top + height * step) / side) - upper + 1;
    const n = columns * rows, many = new Int32Array(n), sumX = new Float64Array(n), sumY = new Float64Array(n), row = new Int32Array(n);
    for (let i = 0; i < unit.x.length; i += 1) {
      const x = unit.x[i] * size, y = unit.y[i] * size;
      const column = Math.floor(x / side) - first, line = Math.floor(y / side) - upper;
      if (column < 0 || line < 0 || column >= columns || line >= rows) continue;
      const at = line * columns + column;
      many[at] += 1;
      sumX[at] += x;
      sumY[at] += y;
      row[at] = i;
    }
    const found = [];
    for (let at = 0; at < n; at += 1) {
      if (many[at]) found.push({ x: sumX[at] / many[at] - left, y: sumY[at] / many[at] - top, count: many[at], row: row[at] });
    }
    return found;
  }

  /** List the points in sight one by one, or null where they are too many. */
  function single(unit, frame, most) {
    const { left, top, size, step, width, height } = frame, found = [];
    for (let i = 0; i < unit.x.length; i += 1) {
      const x = unit.x[i] * size - left, y = unit.y[i] * size - top;
      if (x < -20 || y < -20 || x > width * step + 20 || y > height * step + 20) continue;
      if (found.length === most) return null;
      found.push({ x, y, count: 1, row: i });
    }
    return found;
  }

  /**
   * Make the layer of sites.
   * @param {Object} data the page's data: shapes, colours, scale
   * @returns {{sheet: Object, show(sets: Object[]): void, hit(point: Object): Object|null, drawn(): Object[]}}
   *   show: sets `{table, markers, colour, halo, hollow, tag}`, the last on top;
   *   hit: `{tag, table, row, count}` of what is drawn at a point of the layer, see Leaflet's `containerPointToLayerPoint`
   */
  function pointsLayer(data, options) {
    const shapes = Object.fromEntries(Object.entries(data.shapes).map(([name, text]) => [name, polygonOf(text)]));
    let sets = [], drawn = [];
    const sheet = new boaiMap.Sheet((context, frame) => {
      drawn = [];
      context.scale(1 / frame.step, 1 / frame.step);
      for (const set of sets) paintSet(context, set, frame);
    }, options);

    function paintSet(context, set, frame) {
      const unit = unitsOf(set.table, data.scale), zoom = Math.log2(frame.size / 256);
      const spots = single(unit, frame, zoom >= CLOSE_ZOOM ? Infinity : MOST_SINGLE) || gathered(unit, frame);
      const levels = set.table.mark;
      spots.sort((a, b) => b.count - a.count || levels[b.row] - levels[a.row] || a.row - b.row); // the highest level on top
      const most = spots.length ? spots[0].count : 1;
      for (const spot of spots) {
        const marker = set.markers[levels[spot.row]];
        const radius = spot.count > 1 ? 11 + 9 * Math.sqrt(spot.count / most) : grown(marker.size * 4, marker.shape === "circle" ? zoom : 8) + (set.hollow ? -1 : 0);
        if (spot.count > 1) crowd(context, spot, radius, set);
        else one(context, spot, radius, shapes[marker.shape], set);
        drawn.push({ ...spot, radius, set });
      }
    }

    function one(context, spot, radius, points, set) {
      sign(context, points, spot.x, spot.y, radius);
      context.lineJoin = "round";
      context.lineWidth = set.hollow ? 1.4 : 2;
      context.strokeStyle = set.hollow ? set.colour : set.halo;
      context.fillStyle = set.hollow ? set.halo : set.colour;
      if (!set.hollow) context.stroke(); // the halo lies below, so that it takes nothing from the sign
      context.fill();
      if (set.hollow) context.stroke();
    }

    function crowd(context, spot, radius, set) {
      sign(context, null, spot.x, spot.y, radius);
      context.lineWidth = 2;
      context.fillStyle = set.hollow ? set.halo : set.colour;
      context.strokeStyle = set.hollow ? set.colour : set.halo;
      context.globalAlpha = 0.92;
      context.fill();
      context.globalAlpha = 1;
      context.stroke();
      context.fillStyle = set.hollow ? set.colour : set.halo;
      context.font = "600 11px sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(spot.count >= 1e4 ? (spot.count / 1e4).toFixed(1) + "万" : count(spot.count), spot.x, spot.y + 0.5);
    }

    return {
      sheet,
      show(wanted) {
        sets = wanted;
        sheet.paint();
      },
      drawn: () => drawn,
      hit(point) {
        sheet.catchUp();
        const x = point.x - sheet._bounds.min.x, y = point.y - sheet._bounds.min.y;
        for (let i = drawn.length - 1; i >= 0; i -= 1) {
          const spot = drawn[i], reach = Math.max(spot.radius, HIT_PX);
          if ((spot.x - x) ** 2 + (spot.y - y) ** 2 <= reach * reach) return { tag: spot.set.tag, table: spot.set.table, row: spot.row, count: spot.count };
        }
        return null;
      },
    };
  }

  boaiMap.pointsLayer = pointsLayer;
})();
