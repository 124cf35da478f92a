/* Printing: the map as it is on the screen, scaled to an A4 page, with the tables that belong to it. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { byId } = boaiMap.base;
  const WIDTH_PX = 682, HEIGHT_PX = 560; // of the map on A4, CSS pixels: room for headlines and legend on the same page

  /**
   * Scale the stage as long as the browser prints. The map is not drawn anew: of canvases that are drawn while it
   * prepares to print, Chromium prints the single steps, and their clearing wipes out what lies below.
   */
  function install(app) {
    const stage = byId("stage");
    let opened = [];
    window.addEventListener("beforeprint", () => {
      const { offsetWidth: width, offsetHeight: height } = stage;
      const scale = Math.min(WIDTH_PX / width, HEIGHT_PX / height);
      Object.assign(stage.style, { width: width + "px", height: height + "px", zoom: scale });
      opened = [...document.querySelectorAll("details.block:not([open])")].filter((block) => block.querySelector("#cities, #notes, #added"));
      opened.forEach((block) => { block.open = true; });
      boaiMap.panel.drawOpened(app);
    });
    window.addEventListener("afterprint", () => {
      Object.assign(stage.style, { width: "", height: "", zoom: "" });
      opened.forEach((block) => { block.open = false; });
    });
  }

  boaiMap.print = { install };
})();
