/* The page's behaviour: reads the embedded data, draws them with Leaflet, builds all text with textContent. */
"use strict";

function startPage(map, data) {
  const byId = (id) => document.getElementById(id);
  const pool = data.pool;
  const state = { scenario: 0, kind: data.first, views: data.kinds.map((item) => (item.drive ? "reach" : "county")), shown: { sites: true, gaps: true, added: true, roads: true, names: true } };
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  // ---------- small helpers ----------
  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function fill(id, ...children) {
    byId(id).replaceChildren(...children);
  }

  function people(count) {
    return Math.abs(count) >= 1e4 ? (count / 1e4).toFixed(1) + "万人" : Math.round(count).toLocaleString("en-US") + "人";
  }

  function percent(share) {
    if (!Number.isFinite(share)) return "–";
    if (share > 0 && share < 0.001) return "<0.1%";
    return share < 1 ? Math.min(share * 100, 99.9).toFixed(1) + "%" : "100%";
  }

  /** Rings are stored as differences of integers: [x0, y0, dx, dy, ...] in units of 1/scale degree. */
  function ring(flat) {
    const points = new Array(flat.length / 2);
    let x = 0, y = 0;
    for (let i = 0; i < flat.length; i += 2) {
      x += flat[i];
      y += flat[i + 1];
      points[i / 2] = [y / data.scale, x / data.scale];
    }
    return points;
  }

  const polygon = (parts) => parts.map((rings) => rings.map(ring));
  const view = () => state.views[state.kind];
  const current = () => data.scenarios[state.scenario].layers[state.kind];
  const baseline = () => data.scenarios[0].layers[state.kind];
  const sameOf = (layer) => pool[layer.standard].limits.indexOf(standard().limits[standard().main]); // -1: it has no such limit
  const kind = () => data.kinds[state.kind];
  const standard = () => pool[current().standard];
  const many = (layer) => layer.added_count > 30;
  const lives = () => pool[data.scenarios[state.scenario].residents]; // a scenario may let residents grow
  const share = (served, residents) => (residents > 0 ? served / residents : NaN);

  // ---------- the map's fixed parts ----------
  const panes = ["ground", "areas", "roads", "borders", "counties", "sites", "added", "gaps", "names"];
  panes.forEach((name, index) => { map.createPane(name).style.zIndex = String(300 + 20 * index); });
  map.getPane("names").style.pointerEvents = "none";
  const renderers = {};
  ["ground", "areas", "roads", "borders", "counties", "sites", "added"].forEach((name) => {
    renderers[name] = L.svg({ pane: name, padding: 0.3 });
  });
  const style = (pane, options) => Object.assign({ pane, renderer: renderers[pane], interactive: false }, options);

  const province = L.polygon(polygon(data.outline.province), style("ground", { color: "#46525e", weight: 2.6, fillColor: "#fff", fillOpacity: 1 })).addTo(map);
  L.polyline(data.outline.cities.map(ring), style("borders", { color: "#4d5965", weight: 1.3 })).addTo(map);
  const roads = L.layerGroup(data.roads.map((roads, rank) =>
    L.polyline(roads.lines.map(ring), style("roads", { color: "#5d6873", weight: rank === 0 ? 1.6 : 0.8, opacity: 0.6 }))));
  const areas = L.layerGroup().addTo(map);
  const sites = L.layerGroup().addTo(map);
  const gaps = L.layerGroup().addTo(map);
  const added = L.layerGroup().addTo(map);
  const names = L.layerGroup().addTo(map);
  const groups = { sites, gaps, added, roads, names };
  const plain = { color: "#7d8993", weight: 0.5, fillOpacity: 0, fillColor: "#fff" };
  const chosen = { color: "#c8102e", weight: 2.6 };
  let selected = -1;

  const counties = data.outline.counties.map((parts, position) =>
    L.polygon(polygon(parts), style("counties", Object.assign({ interactive: true, className: "county" }, plain)))
      .on("click", () => showCounty(position))
      .bindTooltip(() => countyTip(position), { sticky: true, direction: "top", offset: [0, -8] })
      .addTo(map));

  function countyTip(position) {
    const value = share(pool[current().served][position][standard().main], lives().counties[position]);
    return make("span", "", data.counties.name[position] + " · " + standard().main_text + "以内 " + percent(value));
  }

  // ---------- markers ----------
  function shape(marker, colour, size) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const tag = marker.shape === "circle" ? "circle" : "polygon";
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    svg.setAttribute("viewBox", "-1 -1 2 2");
    svg.setAttribute("width", size);
    svg.setAttribute("height", size);
    if (tag === "circle") node.setAttribute("r", "0.9");
    else node.setAttribute("points", data.shapes[marker.shape]);
    node.setAttribute("fill", colour);
    node.setAttribute("stroke", "#fff");
    node.setAttribute("stroke-width", 2.4 / size);
    node.setAttribute("paint-order", "stroke");
    svg.append(node);
    return svg;
  }

  function pin(element, size, feature, pane, raise) {
    const icon = L.divIcon({ html: element, className: "pin", iconSize: [size, size] });
    const marker = L.marker([feature.y, feature.x], { icon, pane, keyboard: true, zIndexOffset: raise || 0 });
    marker.on("click", () => showFeature(feature));
    marker.on("add", () => {
      const node = marker.getElement();
      node.setAttribute("aria-label", feature.name);
      node.setAttribute("role", "button");
      node.addEventListener("keydown", (event) => { if (event.key === "Enter") showFeature(feature); });
    });
    return marker;
  }

  function features(index) {
    const table = pool[index];
    return table.rows.map((row) => ({ x: row[0], y: row[1], mark: row[2], name: row[3], under: row[4], amount: row[5], labels: table.labels, values: row.slice(6) }));
  }

  /** Dots grow as one comes nearer. */
  function dotRadius(size) {
    return map.getZoom() < 9 ? size / 2 : size / 2 + Math.min(3, (map.getZoom() - 8) * 0.8);
  }

  function dot(feature, pane, size, colour) {
    const options = style(pane, { interactive: true, size, radius: dotRadius(size), color: "#fff", weight: 1, fillColor: colour, fillOpacity: 1 });
    return L.circleMarker([feature.y, feature.x], options).on("click", () => showFeature(feature));
  }

  function resizeDots() {
    [sites, added].forEach((group) => group.eachLayer((layer) => { if (layer.setRadius) layer.setRadius(dotRadius(layer.options.size)); }));
  }

  function drawSites() {
    sites.clearLayers();
    features(current().sites).forEach((site) => {
      const marker = kind().markers[site.mark];
      const size = marker.size * 4;
      if (marker.shape === "circle") {
        dot(site, "sites", size, data.colours.site).addTo(sites);
      } else {
        pin(shape(marker, data.colours.site, size), size, site, "sites", marker.size * 100).addTo(sites);
      }
    });
  }

  function drawGaps() {
    const found = features(current().gaps);
    gaps.clearLayers();
    found.slice().reverse().forEach((gap) => {
      pin(make("span", "number", String(gap.mark)), 22, gap, "gaps", 1000 - gap.mark).addTo(gaps);
    });
    byId("gaps-title").textContent = "最大的缺口 (共 " + current().gap_count.toLocaleString("en-US") + " 处)";
    list("gaps", found, (gap) => make("span", "number", String(gap.mark)), "没有缺口");
  }

  function drawAdded() {
    const found = features(current().added);
    const crowded = many(current());
    added.clearLayers();
    found.slice().reverse().forEach((site) => {
      if (crowded) dot(site, "added", 6.5, data.colours.added).addTo(added);
      else pin(diamond(site), 20, site, "added", 2000 - site.mark).addTo(added);
    });
    byId("added-block").hidden = found.length === 0;
    byId("added-title").textContent = "建议新增 (" + found.length + " " + kind().unit + ")";
    list("added", found.slice(0, data.longest), diamond, "");
    if (found.length > data.longest) byId("added").append(make("li", "empty", "其余 " + (found.length - data.longest) + " " + kind().unit + "见表格"));
  }

  function diamond(site) {
    const element = make("div", "diamond");
    element.append(make("span", "", String(site.mark)));
    return element;
  }

  function list(id, found, sign, empty) {
    const rows = found.map((feature) => {
      const button = make("button");
      button.type = "button";
      const mark = make("span", "sign");
      mark.append(sign(feature));
      button.append(mark, make("span", "name", feature.name), make("span", "amount", feature.amount), make("span", "more", feature.under));
      button.addEventListener("click", () => { goTo(feature.y, feature.x, 9.5); showFeature(feature); });
      const row = make("li");
      row.append(button);
      return row;
    });
    fill(id, ...(rows.length ? rows : [make("li", "empty", empty)]));
  }

  // ---------- areas and counties ----------
  function drawAreas() {
    areas.clearLayers();
    if (view() !== "reach") return;
    pool[current().areas].forEach((parts, index) => {
      if (!parts.length) return;
      const colour = standard().reach[index].colour;
      L.polygon(polygon(parts), style("areas", { stroke: true, color: colour, weight: 0.6, fillColor: colour, fillOpacity: 1, className: "area" })).addTo(areas);
    });
  }

  /** Figure by which a county is coloured: share of residents served, or sites per residents. */
  function countyValue(position) {
    const per = standard().county.per;
    const count = per ? pool[current().counts][position] * per : pool[current().served][position][standard().main];
    return share(count, lives().counties[position]);
  }

  function drawCounties() {
    const coloured = view() === "county";
    counties.forEach((layer, position) => {
      const value = countyValue(position);
      const index = standard().county.edges.filter((edge) => value < edge).length;
      const fillStyle = coloured ? { color: "#fff", weight: 0.8, fillOpacity: 1, fillColor: standard().county.classes[index].colour } : {};
      layer.setStyle(Object.assign({}, plain, fillStyle, position === selected ? chosen : {}));
    });
  }

  function select(position) {
    selected = position;
    drawCounties();
    if (position >= 0) counties[position].bringToFront();
  }

  // ---------- cards ----------
  function card(title, under, pairs, extra) {
    byId("found").hidden = true;
    const close = make("button", "close", "×");
    close.type = "button";
    close.setAttribute("aria-label", "关闭");
    close.addEventListener("click", hideCard);
    const rows = make("dl");
    pairs.filter((pair) => pair[1] !== "").forEach((pair) => rows.append(make("dt", "", pair[0]), make("dd", "", pair[1])));
    fill("card", close, make("h3", "", title), make("p", "quiet", under), rows, ...(extra || []));
    byId("card").hidden = false;
    byId("card").scrollIntoView({ block: "nearest" });
  }

  function hideCard() {
    byId("card").hidden = true;
    select(-1);
  }

  function showFeature(feature) {
    select(-1);
    card(feature.name, feature.under, feature.labels.map((label, index) => [label, feature.values[index]]));
  }

  function showCounty(position) {
    const residents = lives().counties[position];
    const served = pool[current().served][position];
    const same = sameOf(baseline()), gain = served[standard().main] - pool[baseline().served][position][same];
    const pairs = [["居民", people(residents)]];
    standard().limits.forEach((text, index) => pairs.push([text, percent(share(served[index], residents)) + " · " + people(served[index])]));
    if (state.scenario > 0 && same >= 0) pairs.push([gain < 0 ? "比现状少" : "比现状多", people(Math.abs(gain))]);
    pairs.push([kind().name, pool[current().counts][position] + " " + kind().unit]);
    if (standard().county.per) pairs.push([standard().county.title.slice(2), countyValue(position).toFixed(2)]);
    select(position);
    card(data.counties.name[position], data.counties.city[position] + " · " + data.counties.code[position] + " · " + data.scenarios[state.scenario].title, pairs);
  }

  // ---------- figures, legend, tables ----------
  function barRow(name, value, text, now) {
    const row = make("tr", now ? "now" : "");
    const bar = make("span", "bar"), length = make("i");
    length.style.width = Math.max(0, Math.min(1, value || 0)) * 100 + "%";
    bar.append(length);
    const cell = make("td");
    cell.style.width = "100%";
    cell.append(bar);
    const heading = make("th", "", name);
    heading.scope = "row";
    heading.title = name;
    row.append(heading, cell, make("td", "", text));
    return row;
  }

  function table(rows) {
    const element = make("table", "bars"), body = make("tbody");
    body.append(...rows);
    element.append(body);
    return element;
  }

  function drawFigures() {
    const main = standard().main, now = current().province, before = baseline().province;
    const big = make("div", "big");
    big.append(make("strong", "", percent(share(now.served[main], now.residents))), make("span", "", "居民在" + standard().main_text + "以内"));
    const same = sameOf(baseline()), gain = now.served[main] - before.served[same];
    if (state.scenario > 0 && same >= 0) big.append(make("span", gain < 0 ? "gain less" : "gain", (gain < 0 ? "比现状少 " : "比现状多 ") + people(Math.abs(gain))));
    const count = make("p", "quiet", people(now.served[main]) + " / " + people(now.residents) + " · " + kind().name + " " + current().site_count.toLocaleString("en-US") + " " + kind().unit);
    const rows = data.scenarios.map((scenario, index) => {
      const layer = scenario.layers[state.kind], same = sameOf(layer), own = pool[layer.standard];
      const value = share(layer.province.served[same < 0 ? own.main : same], layer.province.residents);
      return barRow(scenario.title + (same < 0 ? " (" + own.main_text + ")" : ""), value, percent(value), index === state.scenario);
    });
    fill("figures", make("h2", "", kind().name + " · " + data.scenarios[state.scenario].title), big, count, table(rows));
  }

  function legendRow(sign, text) {
    const row = make("div", "legend-row");
    row.append(sign, make("span", "", text));
    return row;
  }

  function signed(element) {
    const holder = make("span", "sign");
    holder.append(element);
    return holder;
  }

  function drawLegend() {
    const reach = view() === "reach";
    const classes = reach ? standard().reach : standard().county.classes;
    const rows = classes.map((item) => {
      const area = make("span", "area");
      area.style.background = item.colour;
      return legendRow(area, item.text);
    });
    const signs = make("div", "legend-signs");
    const used = new Set(pool[current().sites].rows.map((row) => row[2]));
    kind().markers.forEach((marker, index) => {
      if (used.has(index)) signs.append(legendRow(signed(shape(marker, data.colours.site, Math.max(8, marker.size * 4))), pool[current().sites].signs[index]));
    });
    signs.append(legendRow(signed(make("span", "number", "1")), "缺口 (按人数排名)"));
    if (current().added_count) signs.append(legendRow(signed(many(current()) ? shape({ shape: "circle" }, data.colours.added, 9) : diamond({ mark: 1 })), "建议新增"));
    if (kind().drive) {
      signs.append(...data.roads.map((roads, rank) => legendRow(signed(make("span", rank === 0 ? "stroke wide" : "stroke")), roads.name)));
    }
    fill("legend", make("h2", "", reach ? standard().reach_title : standard().county.title), ...rows, signs);
  }

  function drawCities() {
    const main = standard().main;
    const order = current().cities.map((served, index) => ({ name: data.cities.name[index], value: share(served[main], lives().cities[index]) }));
    order.sort((a, b) => b.value - a.value || a.name.localeCompare(b.name));
    fill("cities", make("p", "quiet", standard().main_text + "以内的居民"), table(order.map((city) => barRow(city.name, city.value, percent(city.value), false))));
  }

  /** What a scenario changes beside the sites that it proposes: closed roads, floods, moved sites, limits. */
  function drawChanges() {
    const lines = data.scenarios[state.scenario].changes;
    byId("changes-block").hidden = lines.length === 0;
    byId("changes-title").textContent = data.changes_title;
    fill("changes", ...lines.map((text) => make("li", "", text)));
  }

  function drawNotes() {
    const texts = [...data.labels.map((label) => label.text + ": " + label.meaning), ...current().sources, ...data.scenarios[state.scenario].notes, ...data.notes];
    fill("notes", ...texts.map((text) => make("li", "", text)));
    fill("badges", ...current().labels.map((label) => {
      const badge = make("span", "badge", label);
      badge.title = (data.labels.find((item) => item.text === label) || { meaning: "" }).meaning;
      return badge;
    }));
  }

  // ---------- names of places, as many as fit ----------
  /** Boxes of the markers that a name must not cover. */
  function obstacles() {
    const boxes = [];
    const add = (feature, half) => {
      const at = map.latLngToContainerPoint([feature.y, feature.x]);
      boxes.push([at.x - half, at.y - half, at.x + half, at.y + half]);
    };
    if (state.shown.gaps) features(current().gaps).forEach((gap) => add(gap, 12));
    if (state.shown.added && !many(current())) features(current().added).forEach((site) => add(site, 13));
    if (state.shown.sites && kind().drive) features(current().sites).forEach((site) => add(site, kind().markers[site.mark].size * 2));
    return boxes;
  }

  /** First place beside the spot where a text of this half width fits, or null. */
  function freePlace(at, half, taken) {
    const tries = [[0, -15], [0, 15], [half + 9, 0], [-half - 9, 0], [0, -24], [0, 24]];
    const boxes = tries.map(([dx, dy]) => [at.x + dx - half, at.y + dy - 9, at.x + dx + half, at.y + dy + 9]);
    const edge = map.getSize();
    const inside = (box) => box[0] >= 0 && box[1] >= 0 && box[2] <= edge.x && box[3] <= edge.y;
    const free = (box) => inside(box) && taken.every((other) => box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]);
    return boxes.find(free) || null;
  }

  function drawNames() {
    names.clearLayers();
    if (!state.shown.names) return;
    const zoom = map.getZoom(), frame = map.getBounds(), taken = obstacles();
    const deepest = zoom < 8.4 ? 1 : zoom < 10.6 ? 2 : 3, markers = taken.length, most = markers + 160;
    for (let i = 0; i < data.places.name.length && taken.length < most; i += 1) {
      const level = data.places.level[i], spot = [data.places.y[i], data.places.x[i]];
      if (level > deepest || (level === 1 && zoom > 11) || !frame.contains(spot)) continue;
      const at = map.latLngToContainerPoint(spot), half = data.places.name[i].length * (level === 1 ? 8.2 : 6.8);
      const box = freePlace(at, half, taken) || (level === 1 && freePlace(at, half, taken.slice(markers)));
      if (!box) continue;
      taken.push(box);
      const anchor = [at.x - (box[0] + box[2]) / 2, at.y - (box[1] + box[3]) / 2];
      const icon = L.divIcon({ html: make("span", "label level" + level, data.places.name[i]), className: "", iconSize: [0, 0], iconAnchor: anchor });
      L.marker(spot, { icon, pane: "names", interactive: false, keyboard: false }).addTo(names);
    }
  }

  // ---------- search ----------
  function above(i) {
    const county = data.places.county[i], level = data.places.level[i];
    if (level < 2) return "";
    return data.counties.city[county] + (level === 3 ? data.counties.name[county] : "");
  }

  function search(text) {
    const wanted = text.normalize("NFKC").replace(/\s/g, "");
    const hits = [];
    for (let i = 0; wanted && i < data.places.name.length; i += 1) {
      const name = data.places.name[i];
      // A name that begins so goes before one that holds it, and that before a whole address such as 修水县黄坳乡.
      const rank = name.startsWith(wanted) ? 0 : name.includes(wanted) ? 1 : (above(i) + name).includes(wanted) ? 2 : 3;
      if (rank < 3) hits.push([rank, i]);
    }
    hits.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const rows = hits.slice(0, 8).map(([, i]) => {
      const row = make("li"), button = make("button");
      button.type = "button";
      button.textContent = (above(i) + " " + data.places.name[i]).trim();
      button.addEventListener("click", () => choose(i));
      row.append(button);
      return row;
    });
    if (wanted && !rows.length) {
      const row = make("li");
      row.append(make("p", "", "没有找到"));
      rows.push(row);
    }
    fill("found", ...rows);
    byId("found").hidden = rows.length === 0;
  }

  function choose(index) {
    byId("found").hidden = true;
    goTo(data.places.y[index], data.places.x[index], [7, 8.5, 9.5, 11][data.places.level[index]]);
    if (data.places.county[index] >= 0) showCounty(data.places.county[index]);
  }

  function goTo(lat, lon, zoom) {
    map.setView([lat, lon], Math.max(zoom, map.getZoom()), { animate: !still });
  }

  // ---------- choices ----------
  function segments(id, name, options, index, change) {
    fill(id, ...options.map((text, position) => {
      const label = make("label"), input = make("input");
      input.type = "radio";
      input.name = name;
      input.value = String(position);
      input.checked = position === index;
      input.addEventListener("change", () => change(position));
      const caption = make("span", "", text);
      caption.title = text;
      label.append(input, caption);
      return label;
    }));
  }

  function chooseView() {
    const all = ["reach", "county"];
    segments("views", "view", ["可达范围", "分县统计"], all.indexOf(view()), (index) => { state.views[state.kind] = all[index]; draw(); });
  }

  function switches() {
    const texts = { sites: "现有站点", gaps: "缺口", added: "建议新增", roads: "主要道路", names: "地名" };
    fill("switches", ...Object.keys(texts).map((key) => {
      const label = make("label"), input = make("input");
      input.type = "checkbox";
      input.checked = state.shown[key];
      input.addEventListener("change", () => {
        state.shown[key] = input.checked;
        show();
        drawNames();
      });
      label.append(input, " " + texts[key]);
      return label;
    }));
  }

  function show() {
    Object.keys(groups).forEach((key) => {
      const visible = state.shown[key] && (key !== "roads" || kind().drive);
      if (visible) groups[key].addTo(map);
      else groups[key].remove();
    });
    const credit = make("span", "", data.credit).innerHTML; // Leaflet writes HTML: the text is escaped
    if (kind().drive) map.attributionControl.addAttribution(credit);
    else map.attributionControl.removeAttribution(credit);
  }

  function draw() {
    const kept = selected;
    byId("card").hidden = true;
    selected = -1;
    [drawAreas, drawCounties, drawSites, drawGaps, drawAdded, drawFigures, drawChanges, drawLegend, drawCities, drawNotes, show, drawNames].forEach((step) => step());
    document.documentElement.dataset.drawn = [data.scenarios[state.scenario].name, kind().kind, view()].join(" ");
    if (kept >= 0) showCounty(kept);
  }

  function fit() {
    const wide = map.getSize().x > 600;
    map.fitBounds(province.getBounds(), { paddingTopLeft: wide ? [20, 50] : [4, 40], paddingBottomRight: wide ? [20, 20] : [4, 8], animate: false });
  }

  // ---------- start ----------
  byId("title").textContent = data.title;
  byId("stamp").textContent = data.stamp;
  fill("headlines", ...data.headlines.map((text) => {
    const row = make("li"), cut = text.indexOf(":");
    row.append(make("b", "", text.slice(0, cut + 1)), text.slice(cut + 1));
    return row;
  }));
  segments("scenarios", "scenario", data.scenarios.map((item) => item.title), 0, (index) => { state.scenario = index; draw(); });
  segments("kinds", "kind", data.kinds.map((item) => item.name), data.first, (index) => { state.kind = index; chooseView(); draw(); });
  chooseView();
  switches();
  byId("query").addEventListener("input", (event) => search(event.target.value));
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const first = byId("found").querySelector("button");
    if (first) first.click();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    byId("found").hidden = true;
    hideCard();
  });
  map.attributionControl.setPrefix(false);
  map.zoomControl.setPosition("bottomright");
  L.control.scale({ imperial: false, maxWidth: 120 }).addTo(map);
  map.on("moveend", drawNames);
  map.on("zoomend", resizeDots);
  fit();
  map.setMinZoom(Math.floor(map.getZoom()) - 1);
  map.setMaxBounds(province.getBounds().pad(0.6));
  draw();
}
