/* One text → two numbers: decimal degrees, degrees-minutes-seconds, labels, joined or packed.
   The twin of geodata/intake/angles.py and coordinates.py for one text; what is changed there is changed here. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const LON = [73, 136], LAT = [3, 54];
  const LONGEST = 120;
  const NOTHING = " \t\r\n\u3000\u00a0-—–/\\无";

  const MARKS = new Map();
  for (const [mark, characters] of [["°", "º˚ᵒ⁰∘○◦度"], ["'", "‘’′`´＇ʹ‛ˊ分"], ['"', "“”″〃＂ʺ‟秒"], [",", "，、；﹐｜|/\\\t\n;"], ["-", "−–—"], [".", "。"], [" ", "\u3000\u00a0"]]) {
    for (const character of characters) MARKS.set(character, mark);
  }
  const marked = (text) => Array.from(text, (character) => MARKS.get(character) ?? character).join("");

  /** A word begins here: as Python's \b before a letter; old browsers know no lookbehind and take the plain one. */
  const BEGIN = (() => {
    try {
      return new RegExp("(?<![\\p{L}\\p{N}_])", "u").source;
    } catch {
      return "\\b";
    }
  })();
  const END = "(?![\\p{L}\\p{N}_])";
  const LABELLED = /[A-Z]{2}|[XYNSEW]\s*[:=]|[东西南北经纬]/u;
  const LABELS = [
    ["SRID\\s*=\\s*\\d+\\s*;?", " "],
    [BEGIN + "POINT\\s*Z?M?\\s*\\(", " ("],
    ['"?TYPE"?\\s*:\\s*"POINT"\\s*,?', " "],
    ['"?COORDINATES"?\\s*:|' + BEGIN + "[XY]\\s*[:=]", " "],
    ["东经[度°]?\\s*[:=]?|\"?(?:" + BEGIN + "LONGITUDE|" + BEGIN + "LONG?|" + BEGIN + "LNG|经[度°])\"?\\s*[:=]?", " E"],
    ["北纬[度°]?\\s*[:=]?|\"?(?:" + BEGIN + "LATITUDE|" + BEGIN + "LAT|纬[度°])\"?\\s*[:=]?", " N"],
    ["西经", " W"],
    ["南纬", " S"],
    [BEGIN + "([NSEW])\\s*[:=]\\s*", " $1"],
  ].map(([pattern, mark]) => [new RegExp(pattern, "gu"), mark]);
  const PLAIN = /^[+-]?(?:\d{1,15}(?:\.\d{0,20})?|\.\d{1,20})(?:[Ee][+-]?\d{1,2})?$/;
  const THOUSANDS = /^\d{1,3}(?:,\d{3})+(?:\.\d{1,12})?$/;
  const NUMBER = "\\d{1,15}(?:\\.\\d{1,20})?";
  const ANGLE = `([NSEW]?)\\s*([+-]?${NUMBER})\\s*(?:°\\s*(?:(${NUMBER})\\s*(?:'(?!')|(?=[NSEW"]|$|,))\\s*(?:(${NUMBER})\\s*(?:"|'')?)?)?)?\\s*([NSEW]?)`;
  const PARTS = "([NSEW]?)\\s*(\\d{1,3})([ :-])\\s*(\\d{1,2}(?:\\.\\d{1,12})?)(?:\\3\\s*(\\d{1,2}(?:\\.\\d{1,12})?))?\\s*([NSEW]?)";
  const TWO = new RegExp(`^(${NUMBER})\\s+(${NUMBER})$`);
  const AXIS = { E: 1, W: 1, N: 2, S: 2 };

  /** Take characters off both ends, as Python's str.strip. */
  function strip(text, characters) {
    let first = 0, last = text.length;
    while (first < last && characters.includes(text[first])) first += 1;
    while (last > first && characters.includes(text[last - 1])) last -= 1;
    return text.slice(first, last);
  }

  /** Read the one or two numbers of a text: {first, second or NaN, dms}; null where it is not understood. */
  function read(cell) {
    if (Array.from(cell).length > LONGEST) return null;
    if (PLAIN.test(cell)) return { first: Number(cell), second: NaN, dms: false };
    let text = marked(marked(cell).normalize("NFKC").toUpperCase());
    if (LABELLED.test(text)) for (const [pattern, mark] of LABELS) text = text.replace(pattern, mark);
    if (text && text[0] === '"' && text.at(-1) === '"') text = text.slice(1, -1);
    text = text.replace(/^'(?=[\s\d+-])/, "");
    text = strip(text.replace(/[(){}[\]]/g, " ").replaceAll("''", '"'), " ,:");
    if (PLAIN.test(text)) return { first: Number(text), second: NaN, dms: false };
    if (THOUSANDS.test(text) && !/^\d{2,3},\d{3}$/.test(text)) return { first: Number(text.replaceAll(",", "")), second: NaN, dms: false };
    return join(angles(text));
  }

  /** Split a text into one or two angles or numbers; none where anything in it is not understood. */
  function angles(text) {
    const letter = text.search(/[NSEW]/);
    const parts = (letter >= 0 ? cut(text, letter === 0) : text.split(",")).map((part) => strip(part, " ,")).filter(Boolean);
    if (parts.length > 1 || letter >= 0) {
      const found = parts.slice(0, 4).map(angle).filter(Boolean);
      const whole = found.length === parts.length && !(letter >= 0 && found.some((one) => !one.axis));
      return whole ? found : [];
    }
    const two = TWO.exec(text);
    const single = two && Math.max(Number(two[1]), Number(two[2])) > 60 ? null : angle(text);
    return single ? [single] : sideBySide(text);
  }

  /** Cut a text before each letter of a direction, or behind it. */
  function cut(text, before) {
    const parts = [""];
    for (const character of text) {
      const letter = "NSEW".includes(character);
      if (letter && before) parts.push(character);
      else parts[parts.length - 1] += character;
      if (letter && !before) parts.push("");
    }
    return parts;
  }

  function sideBySide(text) {
    for (const pattern of [ANGLE, PARTS]) {
      const found = Array.from(text.matchAll(new RegExp(pattern, "g")), (match) => match[0]);
      if (![2, 3].includes(found.length) || text.replace(new RegExp(pattern, "g"), "").trim()) continue;
      const made = found.map((one) => angle(one.trim()));
      if (made.every(Boolean)) return made;
    }
    return [];
  }

  const WHOLE_ANGLE = new RegExp(`^(?:${ANGLE})$`), WHOLE_PARTS = new RegExp(`^(?:${PARTS})$`);

  /** Read one angle or number: {value, axis, dms}; null where it is none. */
  function angle(text) {
    let found = WHOLE_ANGLE.exec(text), before, whole, minutes, seconds, after;
    if (found) [, before, whole, minutes, seconds, after] = found;
    else {
      found = WHOLE_PARTS.exec(text);
      if (!found) return null;
      [, before, whole, , minutes, seconds, after] = found;
    }
    const mark = before || after || "";
    if ((before && after && before !== after) || (minutes && whole.includes(".")) || (seconds && minutes.includes("."))) return null;
    const m = Number(minutes || 0), s = Number(seconds || 0);
    if (m > 60 || s > 60 || (minutes && whole.startsWith("-"))) return null;
    const value = (Number(whole) + m / 60 + s / 3600) * (mark === "W" || mark === "S" ? -1 : 1);
    return { value, axis: AXIS[mark] || 0, dms: minutes !== undefined };
  }

  /** Turn one or two angles into numbers; a third is the height. Two that name the same axis are none. */
  function join(found) {
    if (!found.length || found.length > 3 || (found.length === 3 && !heighted(found))) return null;
    const [one, two] = found;
    if (found.length === 1) return { first: one.value, second: NaN, dms: one.dms };
    if (one.axis && one.axis === two.axis) return null;
    const turned = one.axis === 2 || two.axis === 1;
    return { first: turned ? two.value : one.value, second: turned ? one.value : two.value, dms: one.dms || two.dms };
  }

  function heighted([one, two, height]) {
    const east = Math.max(one.value, two.value), north = Math.min(one.value, two.value);
    return between(east, LON) && between(north, LAT) && Math.abs(height.value) < 9000 && !height.dms;
  }

  const between = (value, [low, high], scale = 1) => value >= low * scale && value <= high * scale;
  const sixties = (value) => value % 100 < 60 && Math.floor(value / 100) % 100 < 60;
  const unpacked = (value) => Math.floor(value / 1e4) + (Math.floor(value / 100) % 100) / 60 + (value % 100) / 3600;

  function metres(a, b) {
    const zone = Math.floor(Math.min(Math.max(a, -1e9), 1e9) / 1e6);
    const known = zone === 0 || between(zone, [13, 23]) || between(zone, [25, 45]);
    return (known && between(a - zone * 1e6, [0.5e5, 9.6e5]) && between(b, [0.96e6, 6e6])) || (between(a, [8.1e6, 15.2e6]) && between(b, [0.3e6, 7.2e6]));
  }

  const FORMS = [
    ["decimal", (a, b) => between(a, LON) && between(b, LAT)],
    ["packed", (a, b) => between(a, [0.95e6, 1.36e6]) && between(b, [0.18e6, 0.54e6]) && sixties(a) && sixties(b)],
    ["metres", metres],
    ["micro", (a, b) => between(a, LON, 1e6) && between(b, LAT, 1e6)],
  ];

  /**
   * Read a text as one pair.
   * @param {string} text
   * @returns {{lon: number, lat: number, notation: string, swapped: boolean, reason: string}} reason: empty, or
   *   "none", "unread", "one", "zero", "range"
   */
  function pair(text) {
    const failed = (reason) => ({ lon: NaN, lat: NaN, notation: "", swapped: false, reason });
    if (!strip(text, NOTHING)) return failed("none");
    const found = read(text);
    if (!found || Number.isNaN(found.first)) return failed("unread");
    const { first: a, second: b, dms } = found;
    if (Number.isNaN(b)) return failed("one");
    if (a === 0 && b === 0) return failed("zero");
    for (const [name, fits] of FORMS) {
      for (const swapped of [false, true]) {
        const [x, y] = swapped ? [b, a] : [a, b];
        if (!fits(x, y)) continue;
        if (name === "packed") return { lon: unpacked(x), lat: unpacked(y), notation: "dms", swapped, reason: "" };
        if (name === "micro") return { lon: x / 1e6, lat: y / 1e6, notation: name, swapped, reason: "" };
        return { lon: x, lat: y, notation: dms && name === "decimal" ? "dms" : name, swapped, reason: "" };
      }
    }
    return failed("range");
  }

  boai.angles = { pair, strip, BEGIN, END, LON, LAT };
})();
