/* One map of one state of the page: outline, cells, counties, roads, sites, gaps, names. Several can stand on one page. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { make, draw, still, percent } = boaiMap.base;
  const { mercatorX, mercatorY } = boaiMap.geometry;
  const PANES = ["ground", "areas", "roads", "borders", "counties", "others", "sites", "added", "gaps", "names"];
  const DRAWN = ["ground", "roads", "borders", "counties"];
  const MOST_PINS = 30; // suggested sites beyond these are dots
  const OPTIONS = { zoomSnap: 0.25, zoomDelta: 0.5, maxZoom: 16, worldCopyJump: false };

  /** Rings are stored as differences of integers: [x0, y0, dx, dy, ...] in units of 1/scale degree. */
  function degrees(flat, scale) {
    const points = new Array(flat.length / 2);
    let x = 0, y = 0;
    for (let i = 0; i < flat.length; i += 2) {
      x += flat[i];
      y += flat[i + 1];
      points[i / 2] = [y / scale, x / scale];
    }
    return points;
  }

  /** Read shapes of parts of rings, see page_data.py: points as [lat, lon]. */
  function shapesOf(packed, scale) {
    let point = 0, ring = 0, part = 0;
    const readRing = () => Array.from({ length: packed.points[ring++] }, () => [packed.y[point] / scale, packed.x[point++] / scale]);
    const readPart = () => Array.from({ length: packed.rings[part++] }, readRing);
    return packed.parts.map((parts) => Array.from({ length: parts }, readPart));
  }

  /** Write rings in parts of the world's width, as canvases trace them. */
  const units = (parts) => parts.flat().map((ring) => Float64Array.from(ring.flatMap(([lat, lon]) => [mercatorX(lon), mercatorY(lat)])));

  /** Geometry that all maps of a page share. */
  function groundOf(facts) {
    if (!facts.ground) {
      const { data } = facts;
      const [province] = shapesOf(data.outline.province, data.scale);
      facts.ground = {
        province,
        counties: shapesOf(data.outline.counties, data.scale),
        cities: shapesOf(data.outline.cities, data.scale)[0][0],
        roads: data.roads.map((roads) => roads.lines.map((line) => degrees(line, data.scale))),
        rings: units(province),
        grid: boaiMap.gridOf(data),
      };
    }
    return facts.ground;
  }

  /** Draw a shape of the legend and the pins as SVG. */
  function shape(facts, marker, className, size) {
    const circle = marker.shape === "circle";
    const node = draw(circle ? "circle" : "polygon", circle ? { r: 0.9 } : { points: facts.data.shapes[marker.shape] });
    node.setAttribute("class", "shape " + className);
    node.setAttribute("stroke-width", 2.4 / size);
    return draw("svg", { viewBox: "-1 -1 2 2", width: size, height: size, "aria-hidden": "true" }, node);
  }

  /** The scale bar in Chinese. */
  const Scale = L.Control.Scale.extend({
    _updateMetric(widest) {
      const metres = this._getRoundNum(widest);
      this._updateScale(this._mScale, metres < 1000 ? metres + " 米" : metres / 1000 + " 公里", metres / widest);
    },
  });

  const number = (mark) => make("span.number", { text: String(mark) });
  const diamond = (mark) => make("span.diamond", {}, make("span", { text: String(mark) }));

  /**
   * Make a map.
   * @param {HTMLElement} element where it goes
   * @param {Object} facts of the page's data, see factsOf
   * @param {Object} [options] map: options of Leaflet; controls: whether zoom and scale are shown (true);
   *   onCounty(position), onFeature(feature), onCrowd(count, latlng)
   * @returns {Object} map (Leaflet's), draw(state), paint(state), select(county), goTo(lat, lon, zoom), fit(), destroy()
   *
   * A state is {scenario, kind, view, limit, shown, others}: positions of scenario and kind; the key of a view; a limit in
   * seconds or metres, null for the standard's own; which groups are shown; positions of kinds whose sites are shown as well.
   */
  function createView(element, facts, options = {}) {
    const { data } = facts, looks = data.colours, ground = groundOf(facts);
    const map = L.map(element, { ...OPTIONS, zoomAnimation: !still, ...options.map, attributionControl: true, zoomControl: options.controls !== false });
    const renderers = {};
    PANES.forEach((name, index) => { map.createPane(name).style.zIndex = String(300 + 20 * index); });
    DRAWN.forEach((name) => { renderers[name] = new boaiMap.Svg({ pane: name, padding: 0.3 }); });
    map.getPane("names").style.pointerEvents = "none";
    ["areas", "others", "sites", "added"].forEach((name) => { map.getPane(name).style.pointerEvents = "none"; });
    const style = (pane, className, more = {}) => ({ pane, renderer: renderers[pane], className, interactive: false, ...more });

    map.setView([27.3, 115.9], 7, { animate: false });
    const province = L.polygon(ground.province, style("ground", "province", { ...looks.borders["省"], fillColor: looks.paper, fillOpacity: 1 })).addTo(map);
    const borders = L.polyline(ground.cities, style("borders", "border city", looks.borders["市"])).addTo(map);
    const roads = L.layerGroup(ground.roads.map((lines, rank) => L.polyline(lines, style("roads", "road", { ...looks.roads[Math.min(rank, 1)], opacity: 0.6 }))));
    const cells = boaiMap.cellsLayer(ground.grid, ground.rings, { pane: "areas", padding: 0.12 });
    const others = boaiMap.pointsLayer(data, { pane: "others", padding: 0.12 });
    const sites = boaiMap.pointsLayer(data, { pane: "sites", padding: 0.12 });
    const dots = boaiMap.pointsLayer(data, { pane: "added", padding: 0.12 });
    const gaps = L.layerGroup().addTo(map), added = L.layerGroup().addTo(map);
    const names = boaiMap.namesLayer(map, facts);
    let state = null, selected = -1;
    [cells, others, sites, dots].forEach((layer) => layer.sheet.addTo(map));

    const counties = ground.counties.map((parts, position) => L.polygon(parts, style("counties", "county", { interactive: true, ...looks.borders["县"] }))
      .on("click", (event) => clicked(event, position))
      .bindTooltip(() => tip(position), { sticky: true, direction: "top", offset: [0, -8] }).addTo(map));

    /** What a county says under the mouse. */
    function tip(position) {
      const limit = facts.limitOf(state), own = boaiMap.viewOf(state.view).tip;
      if (own) return make("span", { text: data.counties.name[position] + " · " + own(facts, state, position) });
      const text = facts.limitText(state.kind, limit) + "以内 " + percent(boaiMap.paints.shareOf(facts, state, position));
      return make("span", { text: data.counties.name[position] + " · " + text });
    }

    /** A site under the mouse goes before the county that it lies in. */
    function hit(event) {
      const point = map.mouseEventToLayerPoint(event.originalEvent);
      return dots.hit(point) || sites.hit(point) || others.hit(point);
    }

    function clicked(event, position) {
      const found = hit(event);
      if (!found) return options.onCounty && options.onCounty(position);
      if (found.count > 1) return nearer(found, event.latlng);
      return options.onFeature && options.onFeature(found.tag(found.row));
    }

    function nearer(found, latlng) {
      map.setView(latlng, Math.min(map.getZoom() + 2, map.getMaxZoom()), { animate: !still });
      if (options.onCrowd) options.onCrowd(found.count, latlng);
    }

    function paint() {
      const view = boaiMap.viewOf(state.view), painted = view.paint(facts, state);
      cells.show(view.by === "cell" ? painted : null);
      counties.forEach((layer, position) => {
        const node = layer.getElement(), own = view.by === "county" ? painted.classes[painted.index[position]] : null;
        node.classList.toggle("filled", own !== null);
        node.classList.toggle("chosen", position === selected);
        node.style.fill = own ? own.colour : "";
        node.dataset.class = own ? painted.index[position] : "";
      });
      hatch(view.by === "county" ? painted : null);
      return painted;
    }

    /** Lines over the counties of a hatched class; a pattern of the svg that draws them. */
    function hatch(painted) {
      const svg = renderers.counties._container, old = svg.querySelector("defs");
      if (old) old.remove();
      if (!painted || !painted.classes.some((one) => one.hatch)) return;
      const patterns = painted.classes.map((one, index) => draw("pattern", { id: patternId(index), width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(-45)" },
        draw("rect", { width: 7, height: 7, fill: one.colour }), draw("rect", { width: 2, height: 7, fill: one.hatch || one.colour })));
      svg.prepend(draw("defs", {}, ...patterns));
      counties.forEach((layer, position) => {
        if (painted.classes[painted.index[position]].hatch) layer.getElement().style.fill = "url(#" + patternId(painted.index[position]) + ")";
      });
    }

    const patternId = (index) => "hatch-" + map._leaflet_id + "-" + index;

    function pin(sign, size, feature, pane, raise) {
      const icon = L.divIcon({ html: sign, className: "pin", iconSize: [size, size] });
      const marker = L.marker([feature.y, feature.x], { icon, pane, keyboard: true, zIndexOffset: raise });
      const open = () => options.onFeature && options.onFeature(feature);
      marker.on("click", open);
      marker.on("add", () => {
        const node = marker.getElement();
        node.setAttribute("aria-label", feature.name);
        node.setAttribute("role", "button");
        node.addEventListener("keydown", (event) => { if (event.key === "Enter") open(); });
      });
      return marker;
    }

    function drawPins() {
      const layer = facts.layer(state.scenario, state.kind);
      gaps.clearLayers();
      added.clearLayers();
      if (state.shown.gaps) [...facts.rows(layer.gaps)].reverse().forEach((gap) => pin(number(gap.mark), 19, gap, "gaps", 1000 - gap.mark).addTo(gaps));
      const found = facts.rows(layer.added), crowded = found.length > MOST_PINS;
      if (state.shown.added && !crowded) [...found].reverse().forEach((site) => pin(diamond(site.mark), 20, site, "added", 2000 - site.mark).addTo(added));
      dots.show(state.shown.added && crowded ? [dotsOf(found)] : []);
    }

    function dotsOf(found) {
      const table = { x: found.map((site) => site.x * data.scale), y: found.map((site) => site.y * data.scale), mark: found.map(() => 0) };
      return { table, markers: [{ shape: "circle", size: 1.6 }], colour: looks.added, halo: looks.paper, tag: (row) => found[row] };
    }

    const setOf = (kind, hollow) => {
      const table = facts.sites(state.scenario, kind);
      const colour = hollow ? looks.quiet : looks.site;
      return { table, markers: data.kinds[kind].markers, colour, halo: looks.paper, hollow, tag: (row) => ({ ...facts.site(table, row), kind }) };
    };

    function drawSites() {
      others.show(state.others.filter((kind) => kind !== state.kind).map((kind) => setOf(kind, true)));
      sites.show(state.shown.sites ? [setOf(state.kind, false)] : []);
    }

    function show() {
      const drive = facts.drive(state.kind), credit = make("span", { text: data.credit }).innerHTML; // Leaflet writes HTML: the text is escaped
      if (state.shown.roads && drive) roads.addTo(map);
      else roads.remove();
      if (drive && data.credit) map.attributionControl.addAttribution(credit);
      else map.attributionControl.removeAttribution(credit);
    }

    /** Boxes of the signs that a name must not cover. */
    function obstacles() {
      const boxes = [], layer = facts.layer(state.scenario, state.kind);
      const keep = (at, half) => boxes.push([at.x - half, at.y - half, at.x + half, at.y + half]);
      const spot = (feature) => map.latLngToContainerPoint([feature.y, feature.x]);
      if (state.shown.gaps) facts.rows(layer.gaps).forEach((gap) => keep(spot(gap), 11));
      const suggested = facts.rows(layer.added);
      if (state.shown.added && suggested.length <= MOST_PINS) suggested.forEach((site) => keep(spot(site), 13));
      const shift = sites.sheet._bounds && map.layerPointToContainerPoint(sites.sheet._bounds.min);
      const singles = sites.drawn().filter((one) => one.count > 1 || one.radius > 4);
      if (shift && singles.length < 300) singles.forEach((one) => keep({ x: one.x + shift.x, y: one.y + shift.y }, one.radius));
      return boxes;
    }

    const drawNames = () => state && names.draw(state.shown.names ? obstacles() : null);

    /** Draw a state anew. */
    function drawAll(wanted) {
      state = { ...wanted, shown: { ...wanted.shown }, others: [...(wanted.others || [])] };
      const painted = paint();
      [drawPins, drawSites, show, drawNames].forEach((step) => step());
      return painted;
    }

    /** Paint cells and counties for another limit; all else stays. */
    function repaint(wanted) {
      state = { ...state, limit: wanted.limit, view: wanted.view };
      return paint();
    }

    function select(position) {
      selected = position;
      counties.forEach((layer, own) => layer.getElement().classList.toggle("chosen", own === position));
      if (position >= 0) counties[position].bringToFront();
    }

    function fit() {
      const wide = map.getSize().x > 600;
      map.fitBounds(province.getBounds(), { paddingTopLeft: wide ? [20, 50] : [4, 36], paddingBottomRight: wide ? [20, 20] : [4, 12], animate: false });
    }

    function destroy() {
      map.off();
      map.remove();
    }

    /** Show a county whole; on a phone above the card, which covers the lower part. */
    function goToCounty(position) {
      const { x: width, y: height } = map.getSize(), below = width > 600 ? 30 : height * 0.6;
      map.fitBounds(counties[position].getBounds(), { paddingTopLeft: [30, 30], paddingBottomRight: [30, below], maxZoom: 10.5, animate: !still });
    }

    /** Paint all canvases anew, such as for another size of the map. */
    function redraw() {
      map.fire("rest");
      [cells, others, sites, dots].forEach((layer) => layer.sheet._update());
      drawNames();
    }

    /** Tell whether sites are gathered somewhere on the map. */
    const crowded = () => [others, sites, dots].some((layer) => layer.drawn().some((one) => one.count > 1));

    const goTo = (lat, lon, zoom) => map.setView([lat, lon], Math.max(zoom, map.getZoom()), { animate: !still });

    map.attributionControl.setPrefix(false);
    if (options.controls !== false) {
      map.zoomControl.setPosition("bottomright");
      new Scale({ imperial: false, maxWidth: 120 }).addTo(map);
    }
    map.on("moveend", () => cells.sheet.behind || drawNames());
    map.on("rest", drawNames);
    map.on("click", (event) => {
      const found = state && hit(event);
      if (found && found.count === 1 && options.onFeature) options.onFeature(found.tag(found.row));
    });
    fit();
    map.setMinZoom(Math.floor(map.getZoom()) - 1);
    map.setMaxBounds(province.getBounds().pad(0.6));
    return { map, facts, draw: drawAll, paint: repaint, select, goTo, goToCounty, fit, redraw, crowded, destroy, cellAt: cells.cellAt, borders, province };
  }

  boaiMap.createView = createView;
  boaiMap.Scale = Scale;
  boaiMap.signs = { shape, number, diamond };
})();
