/* Tables of the panel: real tables with headers, rows that are buttons, columns that sort. */
(() => {
  "use strict";
  const boaiMap = (globalThis.boaiMap ||= {});
  const { make } = boaiMap.base;

  /** A row of a name, a bar and a value; the bar says nothing to a screen reader. */
  function barRow({ name, value, text, now = false, before = null }) {
    const bar = make("span.bar", { "aria-hidden": "true" }, make("i"));
    bar.firstChild.style.width = Math.max(0, Math.min(1, value || 0)) * 100 + "%";
    if (before !== null) {
      const tick = make("b");
      tick.style.left = Math.max(0, Math.min(1, before || 0)) * 100 + "%";
      bar.append(tick);
    }
    return make(now ? "tr.now" : "tr", {}, make("th", { scope: "row", title: name, text: name }), make("td.wide", {}, bar), make("td", { text }));
  }

  /** A table of bars; its caption is read out, not shown. */
  const bars = (caption, rows) => make("table.bars", {}, make("caption.spoken", { text: caption }), make("tbody", {}, ...rows.map(barRow)));

  /**
   * A list of places as a table.
   * @param {{caption: string, heads: string[], rows: {key: string, sign: Node, name: string, more: string, amount: string, open: function}[]}} facts
   */
  function places({ caption, heads, rows }) {
    const body = rows.map((row) => make("tr", {},
      make("td.sign", {}, row.sign),
      make("th", { scope: "row" }, make("button.name", { text: row.name, "data-key": row.key, on: { click: row.open } }), make("span.more", { text: row.more })),
      make("td.amount", { text: row.amount })));
    return make("table.places", {}, make("caption.spoken", { text: caption }),
      make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col", text })))), make("tbody", {}, ...body));
  }

  /**
   * A table whose columns sort.
   * @param {{caption: string, columns: {text: string, write: function, number: boolean}[], rows: any[][], sort: {column: number, down: boolean},
   *   open: function, again: function}} facts  rows: values by column, the first is the name; open(row) when a name is pressed;
   *   again() draws the table anew after another column was chosen
   */
  function sorted({ caption, columns, rows, sort, open, again }) {
    const order = [...rows].sort((a, b) => compare(a[sort.column], b[sort.column]) * (sort.down ? -1 : 1) || compare(a[0], b[0]));
    const head = columns.map((column, at) => {
      const choose = () => { again({ column: at, down: sort.column === at ? !sort.down : column.number }); };
      const said = sort.column === at ? (sort.down ? "descending" : "ascending") : null;
      return make("th", { scope: "col", "aria-sort": said }, make("button.sort", { text: column.text, "data-key": "sort" + at, on: { click: choose } }));
    });
    const body = order.map((row) => make("tr", {}, ...row.slice(0, columns.length).map((value, at) => {
      if (at === 0) return make("th", { scope: "row" }, make("button.name", { text: value, "data-key": value, on: { click: () => open(row) } }));
      return make("td", { text: columns[at].write ? columns[at].write(value) : value });
    })));
    return make("table.sorted", {}, make("caption.spoken", { text: caption }), make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
  }

  function compare(a, b) {
    if (typeof a === "string") return a.localeCompare(b, "zh-CN");
    if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
    return Number.isNaN(b) ? -1 : a - b;
  }

  boaiMap.tables = { bars, places, sorted };
})();
