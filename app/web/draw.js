/* Drawing a polygon by taps, by the crosshair with the keyboard, or as a circle around the place. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { button, announce } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);
  const CORNERS = 36, MOST = 200, METRES_PER_DEGREE = 111195;
  let layer = null;

  function show(points) {
    if (!layer) layer = L.layerGroup().addTo(boai.chart.map);
    layer.clearLayers();
    if (!points.length) return;
    const spots = points.map((at) => [at.lat, at.lon]);
    if (spots.length > 2) L.polygon(spots, boai.chart.style("draft", "area draft")).addTo(layer);
    else L.polyline(spots, boai.chart.style("draft", "draft")).addTo(layer);
    spots.forEach((spot) => L.circleMarker(spot, boai.chart.style("draft", "corner", { radius: 5 })).addTo(layer));
  }

  /**
   * Let the user draw a polygon.
   * @param {string} words what it is for
   * @param {(ring: number[][]) => void} done called with [[lon, lat], ...], not closed
   */
  function polygon(words, done) {
    const points = [];
    const finish = button(t("draw.finish"), () => {
      if (points.length < 3) return announce(t("draw.too-few"));
      end();
      done(points.map((at) => [at.lon, at.lat]));
    }, { class: "primary", id: "draw-finish", disabled: true });
    const undo = button(t("draw.undo"), () => { points.pop(); changed(); }, { id: "draw-undo", disabled: true });

    function changed() {
      finish.disabled = points.length < 3;
      undo.disabled = points.length === 0;
      show(points);
    }

    boai.chart.mean("draw", words, (at) => {
      if (points.length >= MOST) return;
      points.push(at);
      changed();
      announce(t("draw.corner", { n: points.length }));
    }, [finish, undo]);
  }

  function end() {
    show([]);
    boai.chart.ordinary();
  }

  /** Make a circle around a place as a ring of [lon, lat]. */
  function circle(place, km) {
    const radius = (km * 1000) / METRES_PER_DEGREE, wide = Math.cos((place.lat * Math.PI) / 180);
    return Array.from({ length: CORNERS }, (_, i) => {
      const turn = (2 * Math.PI * i) / CORNERS;
      return [Number((place.lon + (radius * Math.cos(turn)) / wide).toFixed(6)), Number((place.lat + radius * Math.sin(turn)).toFixed(6))];
    });
  }

  const start = () => boai.state.on("ordinary", () => layer && show([]));

  boai.draw = { polygon, circle, start };
})();
