/* Two maps that move as one: beside each other, or one over the other with a curtain between them. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { make, draw } = boaiMap.base;
  const STEP = 2, STRIDE = 10; // percent of the width that a key moves the curtain

  /** Let a map follow another one: while it is dragged or pinched by moving its panes, anew when it rests. */
  function follow(from, to, turn) {
    let zoomed = false;

    from.on("move", () => {
      if (turn.taken) return;
      turn.taken = true;
      if (from.getZoom() === to.getZoom()) shift(to, from.getCenter());
      else {
        zoomed = true;
        to._move(from.getCenter(), from.getZoom(), { pinch: true });
      }
      turn.taken = false;
    });
    from.on("moveend", () => {
      if (turn.taken) return;
      turn.taken = true;
      if (zoomed || from.getZoom() !== to.getZoom()) to.setView(from.getCenter(), from.getZoom(), { animate: false, reset: true });
      else {
        shift(to, from.getCenter());
        to.fire("moveend");
      }
      zoomed = false;
      turn.taken = false;
    });
  }

  /** Move the panes of a map as a drag does, without painting it anew. */
  function shift(map, center) {
    const zoom = map.getZoom(), offset = map.project(center, zoom).subtract(map.project(map.getCenter(), zoom)).round();
    if (!offset.x && !offset.y) return;
    map._rawPanBy(offset);
    map.fire("move");
  }

  /** The curtain: a slider that the mouse, a finger and the keys move. */
  function curtain(pane, labels) {
    const handle = make("div.curtain", {
      role: "slider", tabindex: 0, "aria-label": "卷帘的位置", "aria-orientation": "horizontal", "aria-valuemin": 0, "aria-valuemax": 100,
    }, labels[0], make("span.grip", { "aria-hidden": "true" }, draw("svg", { viewBox: "-10 -6 20 12", width: 20, height: 12 }, draw("path", { d: "M-3,-5 -9,0 -3,5zM3,-5 9,0 3,5z" }))), labels[1]);
    let at = 50;

    function place(percent) {
      at = Math.max(0, Math.min(100, percent));
      handle.style.left = at + "%";
      pane.style.clipPath = "inset(0 0 0 " + at + "%)";
      handle.setAttribute("aria-valuenow", String(Math.round(at)));
      handle.setAttribute("aria-valuetext", "左边 " + labels[0].textContent + " 占 " + Math.round(at) + "%, 其余为 " + labels[1].textContent);
    }

    function follows(event) {
      const box = handle.parentElement.getBoundingClientRect();
      place(((event.clientX - box.left) / box.width) * 100);
    }

    handle.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      handle.setPointerCapture(event.pointerId);
      handle.addEventListener("pointermove", follows);
      event.preventDefault();
      handle.focus({ preventScroll: true });
    });
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => handle.removeEventListener("pointermove", follows));
    handle.addEventListener("keydown", (event) => {
      const far = event.shiftKey ? STRIDE : STEP;
      const to = { ArrowLeft: at - far, ArrowDown: at - far, ArrowRight: at + far, ArrowUp: at + far, PageDown: at - STRIDE, PageUp: at + STRIDE, Home: 0, End: 100 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      place(to);
    });
    place(at);
    return { handle, place };
  }

  /**
   * Show two scenarios on two maps.
   * @param {HTMLElement} element holds the maps; emptied by destroy
   * @param {Object} facts of the page's data
   * @param {Object} options how: "swipe" or "beside"; at: {center, zoom} to start from, null for the whole province; view: options of createView;
   *   onView(view): called with each map's view, to put more on it
   * @returns {Object} draw(state), paint(state), select, goTo, goToCounty, fit, redraw and destroy as a view has them, for both maps;
   *   at(), views, and shown(), the states of both; states as createView takes them, with compare: {left, right}
   */
  function createPair(element, facts, { how, at = null, view = {}, onView = () => {} }) {
    const labels = [make("span.side.left"), make("span.side.right")];
    const panes = [make("div.half.left"), make("div.half.right")], maps = [0, 1].map(() => make("div.map", { role: "region" }));
    panes.forEach((pane, side) => pane.append(maps[side]));
    element.className = "pair " + how;
    element.append(...panes);
    const slider = how === "swipe" ? curtain(panes[1], labels) : null;
    if (slider) element.append(slider.handle);
    else panes.forEach((pane, side) => pane.append(labels[side]));

    const calm = { zoomAnimation: false, ...view.map };
    const own = [{ ...view, controls: false, map: calm }, { ...view, map: calm }];
    const views = maps.map((map, side) => boaiMap.createView(map, facts, own[side]));
    const turn = { taken: false };
    let shown = [];
    follow(views[0].map, views[1].map, turn);
    follow(views[1].map, views[0].map, turn);
    views.forEach(onView);
    if (slider) new boaiMap.Scale({ imperial: false, maxWidth: 120 }).addTo(views[0].map); // the curtain hides that of the right map
    if (at) views[0].map.setView(at.center, at.zoom, { animate: false });
    const watch = new ResizeObserver(() => views.forEach((one) => one.map.invalidateSize({ pan: false })));
    panes.forEach((pane) => watch.observe(pane));

    /** Both sides at the same limit: that of the comparison where the scenarios have limits of their own. */
    function sides(state) {
      const { left, right } = state.compare, { kind } = state;
      const same = state.limit === null && facts.layer(left, kind).standard === facts.layer(right, kind).standard;
      const limit = same ? null : boaiMap.compare.limitBetween(facts, state.compare, kind, state.limit);
      return [left, right].map((scenario) => ({ ...state, scenario, limit }));
    }

    /** Without a limit in common there is nothing to compare: the maps are veiled, and the panel says why. */
    function each(state, step) {
      element.classList.toggle("nothing", boaiMap.compare.limitBetween(facts, state.compare, state.kind, state.limit) === null);
      const names = [state.compare.left, state.compare.right].map((one) => facts.data.scenarios[one].title);
      labels.forEach((label, side) => { label.textContent = names[side]; });
      maps.forEach((map, side) => map.setAttribute("aria-label", "地图: " + names[side]));
      if (slider) slider.place(Number(slider.handle.getAttribute("aria-valuenow")));
      shown = sides(state);
      return shown.map((one, side) => views[side][step](one)).at(-1);
    }

    return {
      draw: (state) => each(state, "draw"),
      paint: (state) => each(state, "paint"),
      at: () => ({ center: views[0].map.getCenter(), zoom: views[0].map.getZoom() }),
      select: (position) => views.forEach((one) => one.select(position)),
      goTo: (...place) => views[0].goTo(...place),
      goToCounty: (position) => views[0].goToCounty(position),
      fit: () => views[0].fit(),
      redraw: () => views.forEach((one) => {
        one.map.invalidateSize({ animate: false, pan: false });
        one.redraw();
      }),
      shown: () => shown,
      views,
      destroy() {
        watch.disconnect();
        views.forEach((one) => one.destroy());
        element.replaceChildren();
      },
    };
  }

  boaiMap.createPair = createPair;
})();
