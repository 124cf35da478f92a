/* A text that somebody pasted or typed as a place: coordinates in any notation and system, a link, or a name.
   The twin of geodata/pasted.py, but for metres of projections, which it refuses in words. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { pair: readPair, strip, BEGIN, LON, LAT } = boai.angles;
  const LONGEST = 2000;
  const ASSUMED = "没有写明坐标系, 按 WGS84 (GPS) 处理; 若抄自高德或腾讯地图会偏 553-665 米, 抄自百度地图会偏 1139-1244 米, 请选明坐标系";
  const LAT_FIRST = "按 纬度,经度 的顺序理解";
  const ROUGH = "坐标只有两位小数, 位置可能差 1 公里左右";
  const LABELS_WRONG = "标注的经纬与数值不符, 按数值大小理解";
  const BESIDE = "只取了文字中的坐标";
  const NO_POINT = "链接里没有坐标, 按旁边的文字查找";
  const FIX = "请写 经度,纬度 两个数 (例如 114.5473,29.0257), 或度分秒, 或地名";
  const REASONS = { one: "只有一个坐标值", zero: "坐标为 0", range: "经度应在 73-136 之间, 纬度应在 3-54 之间" };
  const METRES = "平面坐标 (米) 要连上服务器才能换算";

  const INVISIBLE = /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/g; // eslint-disable-line no-control-regex
  const WORDS = /高德(?:地图)?|百度(?:地图|坐标系?)?|腾讯(?:地图)?|天地图|火星(?:坐标系?)?|国测局(?:坐标系?)?|BD-?0?9(?:[ -]?LL)?(?!\d)|GCJ-?0?2(?!\d)|WGS[ -]?(?:19)?84(?!\d)|84坐标系?|GPS|北斗|CGCS[ -]?2000|(?:国家|大地)?2000(?:国家)?(?:大地)?坐标系?|国家2000/gi;
  const PROJECTED = /EPSG[:： ]*\d{4,6}|高斯[-—]?克吕格|[36三六]度带|中央(?:子午|经)线|带号|UTM|墨卡托|第?(?:19|20|38|39)(?:N|号)?带/i;
  const GEOGRAPHIC = /EPSG[:： ]*(4326|4979|4490|4480)(?!\d)/gi;
  const NOISE = /(?:经纬度|坐标系?|座标|当前|位置|定位|地点|我在|我的|事发地|高程|海拔)(?:是|为|在)?[:： ]*|[=:：](?=\s*$)/g;
  const HEIGHT = /(?:高程|海拔|H)[:：= ]*-?\d{1,4}(?:\.\d{1,6})?\s*(?:米|M)?|精度[:： ]*\d{1,5}\s*米/gi;
  const DMS = /(\d)\s*d(?:eg)?\s*(\d{1,2}(?:\.\d+)?)\s*m(?:in)?\s*(?:(\d{1,2}(?:\.\d+)?)\s*s(?:ec)?)?/gi;
  const SHORT_LABEL = /(^|[^东西])([经纬])(?![度经纬])/g;
  const BETWEEN = /(\d{1,3}\.\d{3,12})\s*[°度]?\s*[EN]?[^\d\-+.]{1,12}(\d{1,3}\.\d{3,12})(?![\d.])/gi;
  const LOOKS = /\d\.\d|\d\s*[°º度]\s*\d|[东西]经|[南北]纬|\d{2,3}\s*[,，]\s*\d{2,3}/;
  const NAMED_AXIS = /[NSEW东西南北经纬]|LAT|LON|LNG/i;
  const DATUMS = [
    ["BD-09", /百度|BAIDU|BD-?0?9|BDLL/],
    ["GCJ-02", /GCJ|火星|高德|AMAP|AUTONAVI|GAODE|腾讯|TENCENT|QQ地图|SOSO|国测局|MARS|02坐标/],
    ["WGS84", /WGS|CRS:?84|GPS|84坐标|84经纬|谷歌地球|GOOGLEEARTH/],
    ["CGCS2000", /CGCS|CHINA(GEODETICCOORDINATESYSTEM)?2000|(国家|大地)2000|2000(国家|大地|坐标)|天地图/],
  ];
  const OTHERS = /XI.?AN|西安|80坐标|1980|BEIJING|北京54|54坐标|PULKOVO|KRASO|BD09MC|BDMC|搜狗|SOGOU|图吧|MAPBAR/;

  /** An error as the API writes it. */
  const refused = (what, got = "", fix = FIX, where = "地点") => {
    const shown = Array.from(got).slice(0, 60).join("");
    const message = `${where}: ${what}${shown ? ", 得到 " + shown : ""}${fix ? "; " + fix : ""}`;
    return { code: "place", status: 400, message, problems: [{ where, what, got: shown, fix }], candidates: [] };
  };

  const plain = (system) => (system === "CGCS2000" ? "WGS84" : system);
  const same = (one, other) => plain(one) === plain(other);

  /** Read the name of a system of degrees; "" where it is none, or projected. */
  function normalSystem(text) {
    const spaced = Array.from(text).slice(0, 200).join("").normalize("NFKC").toUpperCase().replace(/[\s_,;()[\]-]+/g, " ").trim();
    const tidy = spaced.replaceAll(" ", "").replaceAll("/", "");
    const code = /EPSG[:/ ]*(?:[\d.]{1,8}[:/])?(\d{4,6})(?!\d)/.exec(spaced) || /^(\d{4,6})$/.exec(tidy);
    if (code) return { 4326: "WGS84", 4979: "WGS84", 4490: "CGCS2000", 4480: "CGCS2000" }[code[1]] || "";
    if (OTHERS.test(tidy)) return "";
    const named = DATUMS.filter(([, words]) => words.test(tidy)).map(([name]) => name);
    if (named.length === 2 && named[0] === "WGS84") return "CGCS2000";
    return named.length === 1 ? named[0] : "";
  }

  function askedSystem(system) {
    const text = String(system ?? "").trim();
    if (["", "auto"].includes(text.toLowerCase())) return "";
    const known = normalSystem(text);
    if (!known) throw refused("应为 WGS84、GCJ-02、BD-09、CGCS2000", text, "不清楚时请选 自动", "坐标系");
    return known;
  }

  /**
   * Read a text as a point or as a name.
   * @param {string} text
   * @param {string} [system] "auto", or a system by any of its names
   * @returns {{lon: number, lat: number, system: string, name: string, notes: string[], isPoint: boolean}} WGS84
   * @throws an object as the API writes errors: {code, message, problems, candidates}
   */
  function read(text, system = "auto") {
    const length = Array.from(text).length;
    if (length > LONGEST) throw refused(`最多 ${LONGEST} 个字`, `${length} 个字`);
    const asked = askedSystem(system);
    const shown = text.replace(INVISIBLE, " ").trim();
    if (!shown) throw refused("没有内容");
    const link = boai.links.find(shown);
    return link ? fromLink(link[0], link[1], asked) : fromText(shown, asked);
  }

  function fromLink(link, rest, asked) {
    const found = boai.links.read(link);
    if (!found.pair) {
      if (!rest) throw refused("链接里没有坐标", link, "这里不联网, 短链接打不开: 请在地图里点开它, 复制坐标或完整链接, 或写地名");
      const reading = fromText(rest, asked || found.system);
      return reading.isPoint ? reading : { ...reading, notes: [NO_POINT, ...reading.notes] };
    }
    const [lat, lon] = found.pair.map(Number).sort((a, b) => a - b);
    const notes = found.note && !asked ? [found.note] : [];
    if (asked && found.system && !same(asked, found.system)) notes.push(`链接来自${found.service} (${found.system}), 按您选的 ${asked} 处理`);
    if (!asked && !found.system) notes.push(ASSUMED);
    return placed(lon, lat, asked || found.system || "WGS84", rest, notes);
  }

  function fromText(text, asked) {
    const { named, body } = namedSystem(text);
    const [pair, beside] = pairOf(body);
    if (!pair) {
      if (isNumeric(text)) throw refused(readPair(body).reason === "one" ? REASONS.one : "看不懂这个坐标", text);
      return { lon: NaN, lat: NaN, system: "", name: text, notes: [], isPoint: false };
    }
    if (pair.reason) throw refused(REASONS[pair.reason], text);
    if (pair.notation === "metres") throw refused(METRES, text);
    const system = asked || named, notes = [];
    if (asked && named && !same(asked, named)) notes.push(`文字里写的是 ${named}, 按您选的 ${asked} 处理`);
    if (!system) notes.push(ASSUMED);
    if (pair.swapped) notes.push(NAMED_AXIS.test(body.replace(NOISE, "")) ? LABELS_WRONG : LAT_FIRST);
    if (pair.notation === "decimal" && [pair.lon, pair.lat].every((value) => Math.abs(Math.round(value * 100) / 100 - value) < 1e-9)) notes.push(ROUGH);
    if (beside) notes.push(BESIDE);
    return placed(pair.lon, pair.lat, system || "WGS84", beside, notes);
  }

  function placed(lon, lat, system, name, notes) {
    const [x, y] = boai.datums.toWgs84(lon, lat, system);
    return { lon: x, lat: y, system, name, notes, isPoint: true };
  }

  /** Take the names of coordinate systems out of a text. */
  function namedSystem(text) {
    const codes = new Set(Array.from(text.matchAll(GEOGRAPHIC), (match) => normalSystem("EPSG:" + match[1])));
    let body = codes.size ? text.replace(GEOGRAPHIC, " ") : text;
    if (PROJECTED.test(body) && isNumeric(text)) throw refused(METRES, text);
    const words = body.match(WORDS) || [];
    const found = codes.size ? codes : new Set(words.map((word) => (word === "北斗" ? "WGS84" : normalSystem(word))).filter(Boolean));
    if (found.size > 1) throw refused("写了不止一个坐标系", [...found].sort().join("、"), "请只写一个");
    body = body.replace(WORDS, " ");
    return { named: [...found][0] || "", body };
  }

  /** Read a text as one pair; else the one pair of decimals within it, with what stands around it. */
  function pairOf(body) {
    let text = body.replace(HEIGHT, " ").replace(DMS, (all, d, m, s) => `${d}°${m}'` + (s ? `${s}"` : ""));
    text = text.replaceAll("&", ",").replaceAll("=", ":").replace(NOISE, " ").replace(SHORT_LABEL, "$1$2度");
    text = strip(text, " ,;:，；：。.");
    if (/[^\P{Nd}0-9]/u.test(text.normalize("NFKC"))) return [null, ""];
    const pair = readPair(text);
    if (!pair.reason || pair.reason === "range" || pair.reason === "zero") return [pair, ""];
    const flat = text.normalize("NFKC");
    const within = Array.from(flat.matchAll(BETWEEN)).filter((match) => !/[\d.]/.test(flat[match.index - 1] || ""));
    if (within.length !== 1) return [null, ""];
    const [whole, one, other] = within[0], at = within[0].index;
    const rest = strip(`${flat.slice(0, at)} ${flat.slice(at + whole.length)}`, " ,;:()[]");
    return [readPair(`${one},${other}`), Array.from(rest.replace(/\s+/g, " ")).slice(0, 60).join("")];
  }

  function isNumeric(text) {
    const shown = text.normalize("NFKC");
    return LOOKS.test(shown) || (/\p{Nd}/u.test(shown) && !/\p{L}/u.test(shown));
  }

  /** Read a longitude and a latitude that were given apart; `auto` means WGS84. */
  function degrees(lon, lat, system = "auto") {
    const known = askedSystem(system) || "WGS84", x = Number(lon), y = Number(lat);
    const fits = (a, b) => a >= LON[0] && a <= LON[1] && b >= LAT[0] && b <= LAT[1];
    if (!fits(x, y)) throw refused(REASONS.range, `${lon},${lat}`, fits(y, x) ? "经纬度可能写反了, lon 是经度, lat 是纬度" : "请检查坐标");
    return placed(x, y, known, "", []);
  }

  boai.pasted = { read, degrees, refused, BEGIN };
})();
