/* What the desk says of times, hours, stocks and limits without a server: the twins of app/desk/{hours,cards,compliance,changes}.py. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const DAY = 1440, WEEK = 10080, DAY_MS = 86400000, CHINA_MS = 8 * 3600000;
  const NAMES = "一二三四五六日";

  /** Round to a whole number, halves to the even one, as Python does. */
  function even(value) {
    const low = Math.floor(value), part = value - low;
    return part === 0.5 ? low + (low % 2 === 0 ? 0 : 1) : Math.round(value);
  }

  /** Round to one decimal by the exact value, halves to the even digit, as Python does. */
  function tenth(value) {
    const size = Math.abs(value), quarters = size * 4;
    const tie = Number.isInteger(quarters) && quarters % 4 === 1; // only x.25 and x.75 are exact halves
    return Math.sign(value) * Number((tie ? size - 0.05 : size).toFixed(1));
  }

  /** Round minutes as all that is read out does: to tenths, then halves up; the twin of words.py. */
  const wholeMinutes = (minutes) => Math.floor(tenth(minutes) + 0.5);

  /** Compare texts by code points, as Python does. */
  function byPoints(a, b) {
    const x = Array.from(a, (char) => char.codePointAt(0)), y = Array.from(b, (char) => char.codePointAt(0));
    const at = x.findIndex((own, i) => own !== y[i]);
    return at < 0 ? x.length - y.length : y[at] === undefined ? 1 : x[at] - y[at];
  }

  /** Say minutes as hours and minutes: 1小时32分. */
  function duration(minutes) {
    const whole = wholeMinutes(minutes), hours = Math.floor(whole / 60), rest = whole - 60 * hours;
    return (hours ? `${hours}小时` : "") + (rest || !hours ? `${rest}分` : "");
  }

  /** The parts of a moment on China's clocks. */
  function china(now) {
    const at = new Date(now.getTime() + CHINA_MS);
    return { day: Math.floor((now.getTime() + CHINA_MS) / DAY_MS), minute: ((at.getUTCDay() + 6) % 7) * DAY + at.getUTCHours() * 60 + at.getUTCMinutes(), iso: at.toISOString().slice(0, 19) + "+08:00" };
  }

  /** Write a moment as the offices' clocks show it: 11-22 09:02; "" for what is none. */
  function shortTime(text) {
    const at = Date.parse(text);
    return Number.isFinite(at) ? china(new Date(at)).iso.slice(5, 16).replace("T", " ") : "";
  }

  function clock(at, now, closing = false) {
    let days = Math.floor(at / DAY) - Math.floor(now / DAY);
    const midnight = closing && at % DAY === 0 ? 1 : 0;
    days -= midnight;
    const minutes = midnight ? DAY : at % DAY;
    const weekday = "周" + NAMES[Math.floor((at - midnight) / DAY) % 7];
    const named = days === 0 ? (closing ? "" : "今天") : days === 1 ? (closing ? "次日" : "明天") : weekday;
    const pad = (n) => String(n).padStart(2, "0");
    return `${named} ${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`.trim();
  }

  /** Tell whether a place is open: [true|false|null, sentence]; `opens` as the bundle has it. */
  function openAt(opens, hours, now) {
    if (!opens) return [null, hours.trim() ? "开放时间看不懂" : "开放时间未填"];
    const minute = china(now).minute;
    for (const [start, end] of opens.week) {
      if (end - start >= WEEK) return [true, "24小时开放" + opens.holidays];
      if ((start <= minute && minute < end) || (start <= minute + WEEK && minute + WEEK < end)) {
        return [true, `开放至 ${clock(minute >= start ? end : end - WEEK, minute, true)}${opens.holidays}`];
      }
    }
    const next = Math.min(...opens.week.map(([start]) => (((start - minute) % WEEK) + WEEK) % WEEK)) + minute;
    return [false, `现在关闭, ${clock(next, minute)} 开${opens.holidays}`];
  }

  /** Count the days since a stock was counted; null where that is not known or lies ahead. */
  function ageDays(text, now) {
    const found = /^(\d{1,4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?$/.exec(text.slice(0, 10));
    if (!found) return null;
    const [year, month, day] = [found[1], found[2] || "1", found[3] || "1"].map(Number);
    const at = new Date(Date.UTC(2000, 0, 1));
    at.setUTCFullYear(year, month - 1, day);
    if (year < 1 || at.getUTCMonth() !== month - 1 || at.getUTCDate() !== day) return null;
    const days = china(now).day - Math.floor(at.getTime() / DAY_MS);
    return days >= 0 ? days : null;
  }

  /** Say who found out what about a site, and when. */
  function markText(mark) {
    const what = mark.state === "可用" ? "核实可用" : "标记为空";
    const who = [shortTime(mark.at), mark.who].filter((text) => text).join(" ");
    return (who ? `${who} ${what}` : what) + (mark.note ? `: ${mark.note}` : "");
  }

  /** Say whether a site can send help as far as anybody knows: [status, why]. */
  function status(mark, empty) {
    if (empty) return ["空", empty];
    return mark && mark.state === "可用" ? ["可用", markText(mark)] : ["未核实", "登记在用, 尚未电话核实"];
  }

  /** Check each level that the standard asks a time of; `eta` are centiseconds, Infinity where nobody comes. */
  function compliance(standard, sites, eta) {
    return standard.compliance.map(([level, seconds]) => {
      const rows = sites.map((_, row) => row).filter((row) => sites[row].level === level + "级");
      const row = rows.reduce((best, own) => (best < 0 || eta[own] < eta[best] ? own : best), -1);
      const came = row >= 0 && Number.isFinite(eta[row]);
      const late = came ? eta[row] / 100 - seconds : 0;
      const entry = {
        level,
        limit_min: seconds / 60,
        site: came ? { id: sites[row].id, name: sites[row].name } : null,
        eta_min: came ? tenth(eta[row] / 100 / 60) : null,
        met: came && late <= 0,
        late_min: came && late > 0 ? tenth(late / 60) : null,
      };
      return { ...entry, text: complianceText(entry, rows.length > 0) };
    });
  }

  function complianceText(entry, some) {
    const head = `${entry.level}级 ${duration(entry.limit_min)}内`;
    if (!entry.site) return `${head}: 不达标, ` + (some ? `${entry.level}级仓库不可达或已空` : `没有${entry.level}级仓库`);
    const told = `${head}: ${entry.site.name} ${duration(entry.eta_min)}到达`;
    if (entry.met) return `${told}, 达标`;
    const late = entry.late_min || 0;
    return `${told}, 不达标, 晚 ${late >= 0.5 ? duration(late) : "不到 1 分"}`;
  }

  const first = (eta) => eta.reduce((best, own, row) => (Number.isFinite(own) && (best < 0 || own < eta[best]) ? row : best), -1);
  const said = (cs) => duration(cs / 100 / 60);
  const named = (sites, row, eta) => (row < 0 ? null : { id: sites[row].id, name: sites[row].name, eta_min: tenth(eta[row] / 100 / 60) });
  const later = (minutes) => (!minutes ? "" : minutes > 0 ? `晚 ${duration(minutes)}` : `早 ${duration(-minutes)}`);
  const minutes = (cs) => wholeMinutes(cs / 100 / 60);

  function firstSentence(sites, usual, eta, before, now) {
    const withTime = (row, own) => `${sites[row].name}(${said(own[row])})`;
    if (now < 0) return "没有站点能到达" + (before < 0 ? "" : `, 平时最先到达的是 ${withTime(before, usual)}`);
    if (before < 0) return `平时没有站点能到达, 现在最先到达的是 ${withTime(now, eta)}`;
    const late = minutes(eta[now]) - minutes(usual[before]);
    if (before !== now) return `最先到达的由 ${withTime(before, usual)} 改为 ${withTime(now, eta)}, ${later(late) || "时间相同"}`;
    if (!late) return `最先到达的仍是 ${withTime(now, eta)}, 时间不变`;
    return `最先到达的仍是 ${sites[now].name}, ${later(late)} (${said(usual[before])} → ${said(eta[now])})`;
  }

  function siteSentence(site, usual, eta, empty) {
    if (empty) return `${site.name} 不计入: ${empty}`;
    if (Number.isFinite(usual) && !Number.isFinite(eta)) return `${site.name} 不可达`;
    if (!Number.isFinite(usual) || !Number.isFinite(eta)) return Number.isFinite(eta) ? `${site.name} 平时不可达, 现在 ${said(eta)}` : "";
    const late = minutes(eta) - minutes(usual);
    return late ? `${site.name} ${later(late)} (${said(usual)} → ${said(eta)})` : "";
  }

  /**
   * Say what differs from usual conditions; the causes on the road are the server's to tell.
   * @param {object[]} sites
   * @param {number[]} usual centiseconds to each arrival usually, Infinity where none
   * @param {number[]} eta the same now
   * @param {Map<number, string>} empty rows that send nothing for another reason than their stock list
   * @param {number[]} shown rows to speak of
   */
  function changes(sites, usual, eta, empty, shown) {
    const before = first(usual), now = first(eta);
    const told = before === now ? now : -1;
    const more = [...new Set(shown)].filter((row) => row !== told).map((row) => siteSentence(sites[row], usual[row], eta[row], empty.get(row)));
    return {
      sentences: [firstSentence(sites, usual, eta, before, now), ...more.filter((text) => text)].slice(0, 8),
      first_before: named(sites, before, usual),
      first_now: named(sites, now, eta),
      delta_min: before >= 0 && now >= 0 ? tenth((eta[now] - usual[before]) / 100 / 60) : null,
    };
  }

  boai.facts = { even, tenth, byPoints, duration, china, shortTime, openAt, ageDays, markText, status, compliance, changes };
})();
