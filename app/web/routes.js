/* What an answer draws on the map: the place, the sites with their ranks, the ways, and what is closed. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { make } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const groups = {};
  const ways = new Map();

  function group(name) {
    if (!groups[name]) groups[name] = L.layerGroup().addTo(boai.chart.map);
    return groups[name].clearLayers(), groups[name];
  }

  const turned = (coordinates) => coordinates.map(([lon, lat]) => [lat, lon]);

  /** Lines of a GeoJSON geometry as Leaflet takes them: [[lat, lon], ...] per line. */
  function linesOf(geometry) {
    if (!geometry) return [];
    if (geometry.type === "LineString") return [turned(geometry.coordinates)];
    if (geometry.type === "MultiLineString") return geometry.coordinates.map(turned);
    if (geometry.type === "Polygon") return geometry.coordinates.map(turned);
    return [];
  }

  /** Put a sign on the map that is also a button; `press` is called by a tap, Enter or the space bar. */
  function pin(spot, element, label, press, pane, raise = 0) {
    const icon = L.divIcon({ html: element, className: "pin", iconSize: [44, 44] });
    const marker = L.marker(spot, { icon, pane, keyboard: !!press, interactive: !!press, zIndexOffset: raise });
    marker.on("add", () => {
      const node = marker.getElement();
      node.setAttribute("aria-label", label);
      node.setAttribute("role", press ? "button" : "img");
    });
    if (press) {
      marker.on("click", press);
      marker.on("keydown", (event) => {
        if (event.originalEvent.key === "Enter" || event.originalEvent.key === " ") event.originalEvent.preventDefault(), press();
      });
    }
    return marker;
  }

  function drawPlace(place) {
    const layer = group("place");
    const label = t("map.place", { name: place.name });
    pin([place.lat, place.lon], make("span.spot"), label, null, "ends", 2000).addTo(layer);
  }

  function drawSites(answer) {
    const layer = group("sites");
    answer.sites.forEach((card) => { // the keyboard meets the first arrival first; what covers what is said below
      const label = t("map.site", { rank: card.rank || "", name: card.name, eta: boai.format.duration(card.eta_min) || t("status.不可达") });
      const sign = make("span.rank", { text: card.status === "空" ? "空" : String(card.rank || "–"), "data-id": card.id });
      pin([card.lat, card.lon], sign, label, () => boai.state.select(card.id), "ends", 1000 - (card.rank || 900)).addTo(layer);
    });
  }

  function drawWays(answer) {
    const layer = group("ways");
    ways.clear();
    [...answer.features].reverse().forEach((feature, back) => {
      const card = answer.sites[answer.features.length - 1 - back];
      const lines = linesOf(feature && feature.geometry);
      if (!card || !lines.length) return;
      const shape = [
        L.polyline(lines, boai.chart.style("routes", "way case")).addTo(layer),
        L.polyline(lines, boai.chart.style("routes", "way")).addTo(layer),
        L.polyline(lines, boai.chart.style("routes", "way touch", { interactive: true, bubblingMouseEvents: false })).addTo(layer),
      ];
      shape[2].on("click", () => boai.state.select(card.id));
      ways.set(card.id, { shape, points: lines.flat() });
    });
  }

  /** Show the chosen site's way above the others. */
  function drawSelected(id) {
    for (const [own, { shape }] of ways) {
      shape.forEach((part) => {
        const node = part.getElement();
        if (node) node.classList.toggle("chosen", own === id);
        if (own === id) part.bringToFront();
      });
    }
    document.querySelectorAll("#map .rank").forEach((node) => node.classList.toggle("chosen", node.dataset.id === id));
  }

  /** Draw the closures in force: what, who says so and until when are in their names. */
  function drawClosures(features) {
    const layer = group("closures");
    features.forEach((feature) => {
      const facts = feature.properties || {};
      const lines = linesOf(feature.geometry);
      L.polyline(lines, boai.chart.style("closed", facts.speed ? "closed slow case" : "closed case")).addTo(layer);
      L.polyline(lines, boai.chart.style("closed", facts.speed ? "closed slow" : "closed", { interactive: true })).bindTooltip(make("span", { text: boai.closures.sentence(facts) }), { sticky: true }).addTo(layer);
    });
  }

  /** Draw what is only tried: roads and areas. */
  function drawTrial(trial) {
    const layer = group("trial");
    trial.areas.forEach((one) => L.polygon(turned(one.ring), boai.chart.style("draft", "area trial")).addTo(layer));
    [...trial.roads, ...trial.edges].forEach((one) => (one.features || []).forEach((feature) => {
      L.polyline(linesOf(feature.geometry), boai.chart.style("closed", "closed trial")).addTo(layer);
    }));
  }

  /** Draw what a preview would close, or take it away again. */
  function drawPreview(features) {
    const layer = group("preview");
    (features || []).forEach((feature) => L.polyline(linesOf(feature.geometry), boai.chart.style("closed", "closed preview")).addTo(layer));
  }

  /** Draw the area whose residents are asked for. */
  function drawNeedArea(ring) {
    const layer = group("need");
    if (ring) L.polygon(turned(ring), boai.chart.style("draft", "area need")).addTo(layer);
  }

  /** Draw all sites of the chosen kind as small points below the ranked ones. */
  function drawAll(collection) {
    const layer = group("all");
    ((collection && collection.features) || []).forEach((feature) => {
      const at = feature.geometry && feature.geometry.coordinates;
      if (!at) return;
      L.circleMarker([at[1], at[0]], boai.chart.style("roads", "dot", { radius: 3.5 })).addTo(layer);
    });
  }

  function look(answer) {
    const points = [[answer.place.lat, answer.place.lon]];
    const first = ways.get(boai.state.now.selected);
    if (first) points.push(...first.points);
    else boai.state.now.trial.areas.forEach((one) => points.push(...turned(one.ring))); // what cuts the place off
    boai.chart.lookAt(points);
  }

  let shown = "";

  function wipe() {
    if (!boai.chart.map) return;
    ["place", "sites", "ways"].forEach(group);
    ways.clear();
    boai.chart.keepClear([]);
    shown = "";
  }

  function draw(answer) {
    if (!boai.chart.map) return;
    drawPlace(answer.place);
    drawWays(answer);
    drawSites(answer);
    boai.chart.keepClear([answer.place, ...answer.sites].map((one) => [one.lat, one.lon]));
    const here = answer.place.lon + "," + answer.place.lat + answer.kind;
    if (here !== shown || !seen()) look(answer);
    shown = here;
  }

  /** Tell whether the chosen way is in sight: another site may come first now. */
  function seen() {
    const way = ways.get(boai.state.now.selected);
    return !way || boai.chart.map.getBounds().contains(L.latLngBounds(way.points));
  }

  /** Begin to follow the answers. */
  function start() {
    const { on, now } = boai.state;
    on("answer", draw);
    on("refused", wipe); // a refused question leaves no old way behind
    on("select", drawSelected);
    on("trial", drawTrial);
    on("closures", drawClosures);
    on("language", () => now.answer && (draw(now.answer), drawSelected(now.selected)));
  }

  /** Bring a site's way into view. */
  function show(id) {
    const way = ways.get(id);
    const card = boai.state.now.answer && boai.state.now.answer.sites.find((one) => one.id === id);
    boai.chart.unfold();
    if (way) boai.chart.lookAt(way.points);
    else if (card) boai.chart.lookAt([[card.lat, card.lon], [boai.state.now.answer.place.lat, boai.state.now.answer.place.lon]]);
  }

  boai.routes = { start, show, drawPreview, drawNeedArea, drawAll, drawTrial, drawClosures, linesOf };
})();
