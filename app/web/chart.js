/* The map: what is always there (outline, borders, roads, names), where it looks, and what a tap on it means. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { byId, make, fill, button, still } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const PANES = ["ground", "roads", "borders", "closed", "routes", "draft", "names", "ends"];
  const CLOSEST = 16;
  const tapping = { mode: "place", tap: null, back: null };
  const PIN_PX = 14;
  let pinned = [];
  let map = null, data = null, province = null, names = null;
  const renderers = {};

  /** Read a line of integer differences: [x0, y0, dx, dy, ...] in units of 1/scale degree. */
  function line(flat) {
    const points = new Array(flat.length / 2);
    let x = 0, y = 0;
    for (let i = 0; i < flat.length; i += 2) {
      x += flat[i];
      y += flat[i + 1];
      points[i / 2] = [y / data.scale, x / data.scale];
    }
    return points;
  }

  /** Options of a shape whose colours the style sheet gives by its class. */
  const style = (pane, className, more = {}) => ({ pane, renderer: renderers[pane], className, interactive: false, ...more });

  function ground() {
    province = L.polygon(data.province.map((rings) => rings.map(line)), style("ground", "province")).addTo(map);
    data.roads.forEach((roads, rank) => L.polyline(roads.lines.map(line), style("roads", rank ? "road" : "road fast")).addTo(map));
    L.polyline(data.counties.map(line), style("borders", "border county")).addTo(map);
    L.polyline(data.cities.map(line), style("borders", "border city")).addTo(map);
    if (data.credit) map.attributionControl.addAttribution(make("span", { text: data.credit }).innerHTML);
  }

  /** Find room for a name around a point: above all the ones already there, or nowhere. */
  function room(at, half, taken) {
    for (const [dx, dy] of [[0, 0], [0, -14], [half + 8, 0], [-half - 8, 0], [0, 14]]) {
      const box = [at.x + dx - half, at.y + dy - 9, at.x + dx + half, at.y + dy + 9];
      if (!taken.some((one) => box[0] < one[2] && one[0] < box[2] && box[1] < one[3] && one[1] < box[3])) return box;
    }
    return null;
  }

  function aroundPin(spot) {
    const at = map.latLngToContainerPoint(spot);
    return [at.x - PIN_PX, at.y - PIN_PX, at.x + PIN_PX, at.y + PIN_PX];
  }

  /** Keep names away from points [lat, lon] that carry a sign. */
  function keepClear(spots) {
    pinned = spots;
    drawNames();
  }

  /** Write the names that fit, cities first; towns only where one looks closely. */
  function drawNames() {
    names.clearLayers();
    const zoom = map.getZoom(), deepest = zoom < 8 ? 1 : zoom < 10 ? 2 : 3, frame = map.getBounds().pad(-0.02), taken = pinned.map(aroundPin);
    data.places.name.forEach((name, i) => {
      const level = data.places.level[i], spot = [data.places.y[i], data.places.x[i]];
      if (level > deepest || (level === 1 && zoom > 11) || !frame.contains(spot)) return;
      const at = map.latLngToContainerPoint(spot);
      const box = room(at, name.length * (level === 1 ? 8 : 6.5), taken);
      if (!box) return;
      taken.push(box);
      const anchor = [at.x - (box[0] + box[2]) / 2, at.y - (box[1] + box[3]) / 2];
      const icon = L.divIcon({ html: make("span.name.level" + level, { text: name }), className: "", iconSize: [0, 0], iconAnchor: anchor });
      L.marker(spot, { icon, pane: "names", interactive: false, keyboard: false }).addTo(names);
    });
  }

  /** Look at all of the province. */
  function whole() {
    map.fitBounds(province.getBounds(), { padding: [6, 6], animate: false });
  }

  /** Look at points [lat, lon], all of them, not closer than a town. */
  function lookAt(points) {
    if (points.length) map.fitBounds(L.latLngBounds(points), { paddingTopLeft: [34, 64], paddingBottomRight: [60, 30], maxZoom: 13, animate: !still() });
  }

  /** Let a tap mean something else until `ordinary` is called: what it means is said above the map. */
  function mean(mode, words, tap, more = []) {
    Object.assign(tapping, { mode, tap, back: tapping.back || boai.dom.holding() });
    const bar = fill("map-mode", make("p", { text: words }), ...more, button(t("cancel"), ordinary, { class: "plain" }));
    bar.hidden = false;
    byId("stage").dataset.mode = mode;
    byId("map-centre").textContent = t("map.centre." + mode);
    byId("desk").dataset.map = "large";
    folded();
    byId("stage").scrollIntoView({ block: "nearest", behavior: still() ? "auto" : "smooth" });
    byId("map").focus({ preventScroll: true }); // the arrow keys move it at once
    boai.dom.announce(words);
  }

  /** Let a tap ask for that place again. */
  function ordinary() {
    const { back } = tapping;
    Object.assign(tapping, { mode: "place", tap: null, back: null });
    if (back && byId("stage").contains(document.activeElement)) back();
    byId("map-mode").hidden = true;
    byId("desk").dataset.map = "third";
    folded();
    byId("stage").dataset.mode = "place";
    byId("map-centre").textContent = t("map.centre.place");
    boai.state.emit("ordinary");
  }

  function tapped(spot) {
    const at = { lon: Number(spot.lng.toFixed(6)), lat: Number(spot.lat.toFixed(6)) };
    if (tapping.tap) tapping.tap(at);
    else boai.state.goTo({ ...at, system: "wgs84" });
  }

  /** Fold the map away on a phone, or show it large; its share of the page is kept in the page's data. */
  function fold() {
    const sizes = ["third", "large", "none"], desk = byId("desk");
    desk.dataset.map = sizes[(sizes.indexOf(desk.dataset.map) + 1) % sizes.length];
    folded();
  }

  function unfold() {
    if (byId("desk").dataset.map === "none") byId("desk").dataset.map = "third";
    folded();
  }

  function folded() {
    const next = { third: "map.larger", large: "map.fold", none: "map.unfold" }[byId("desk").dataset.map];
    byId("map-size").textContent = t(next);
    byId("map-size").setAttribute("aria-expanded", String(byId("desk").dataset.map !== "none"));
    if (map) map.invalidateSize({ animate: false });
  }

  /** Words of the map's own buttons, in the chosen language. */
  function relabel() {
    folded();
    byId("map-centre").textContent = t("map.centre." + tapping.mode);
    byId("map-all").textContent = t("map.all");
    if (!map) return;
    for (const [name, key] of [["in", "map.in"], ["out", "map.out"]]) {
      const node = map.getContainer().querySelector(".leaflet-control-zoom-" + name);
      node.title = t(key);
      node.setAttribute("aria-label", t(key));
    }
    map.getContainer().setAttribute("role", "application"); // a screen reader hands it the arrow keys
    map.getContainer().setAttribute("aria-label", t("map.label"));
  }

  function newMap() {
    map = L.map("map", { zoomSnap: 0.25, zoomDelta: 0.5, maxZoom: CLOSEST, attributionControl: true, zoomControl: false, fadeAnimation: !still(), zoomAnimation: !still(), inertia: !still() });
    if (still()) map.panBy = (by, options) => L.Map.prototype.panBy.call(map, by, { ...options, animate: false }); // the arrow keys
    L.control.zoom({ position: "bottomright" }).addTo(map);
    map.attributionControl.setPrefix(false);
    L.control.scale({ imperial: false, maxWidth: 110 }).addTo(map);
    PANES.forEach((name, index) => { map.createPane(name).style.zIndex = String(300 + 20 * index); });
    map.getPane("names").style.pointerEvents = "none";
    PANES.slice(0, 6).forEach((name) => { renderers[name] = L.svg({ pane: name, padding: 0.4 }); });
    names = L.layerGroup().addTo(map);
  }

  /** Begin with the drawing of `drawing.py`. */
  function start(drawing) {
    data = drawing;
    newMap();
    ground();
    whole();
    map.setMinZoom(Math.floor(map.getZoom()) - 1);
    map.setMaxBounds(province.getBounds().pad(0.6));
    map.on("click", (event) => tapped(event.latlng));
    map.on("moveend", drawNames);
    new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(byId("map"));
    drawNames();
    relabel();
  }

  /** Connect the map's buttons; they work as soon as there is a map. */
  function connect() {
    byId("map-size").addEventListener("click", fold);
    byId("map-all").addEventListener("click", () => map && whole());
    byId("map-centre").addEventListener("click", () => map && tapped(map.getCenter()));
    boai.state.on("language", relabel);
    relabel();
  }

  boai.chart = { connect, start, style, mean, ordinary, lookAt, keepClear, whole, relabel, unfold, get map() { return map; }, get credit() { return data ? data.credit : ""; }, get label() { return data ? data.label : ""; } };
})();
