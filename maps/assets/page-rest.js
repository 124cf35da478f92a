/* While a map is being zoomed, what is drawn on it is only scaled; it is drawn anew, once, when the zoom rests. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const REST_MS = 120; // longer than between two steps of a wheel, shorter than what one waits for

  /** Fire "rest" on a map when its zoom has not changed for a moment. */
  function wait(map) {
    clearTimeout(map.restTimer);
    map.restTimer = setTimeout(() => (map._animatingZoom ? wait(map) : map.fire("rest")), REST_MS);
  }

  /**
   * For a renderer of Leaflet: postpones what it does at the end of each zoom. `behind` tells that what it shows is scaled;
   * `catchUp` draws it anew.
   */
  boaiMap.resting = {
    behind: false,
    getEvents() {
      const { zoomend, ...events } = L.Renderer.prototype.getEvents.call(this);
      return { ...events, moveend: this._arrive, viewreset: this._arrive, rest: this.catchUp };
    },
    _arrive({ type }) {
      if (this.behind || this._map.getZoom() !== this._zoom) {
        this.behind = true;
        this._updateTransform(this._map.getCenter(), this._map.getZoom());
        wait(this._map);
      } else if (type === "viewreset") this._reset();
      else this._update();
    },
    catchUp() {
      if (!this.behind || !this._map) return;
      this.behind = false;
      this._onZoomEnd(); // projects its paths
      this._update();
    },
  };
  boaiMap.Svg = L.SVG.extend(boaiMap.resting);
})();
