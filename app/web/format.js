/* Numbers, times and distances as a reader says them, in the chosen language. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const t = (...rest) => boai.words.t(...rest);
  const ZONE = "Asia/Shanghai";

  /** Say minutes: 1小时32分; nothing where there is no number. */
  function duration(minutes) {
    if (!Number.isFinite(minutes)) return "";
    const whole = Math.round(Math.abs(minutes));
    const hours = Math.floor(whole / 60), rest = whole % 60;
    const parts = [];
    if (hours) parts.push(t("hours", { n: hours }));
    if (rest || !hours) parts.push(t("minutes", { n: rest }));
    return parts.join(boai.words.language === "en" ? " " : "");
  }

  /** Count the minutes between two times as they are shown, so that a reader who subtracts finds the same. */
  const difference = (now, before) => Math.round(now) - Math.round(before);

  /** Say a difference with its sign: +42分, −5分. */
  const delta = (minutes) => (minutes < 0 ? "−" : "+") + duration(minutes);

  const number = (value) => Number(value).toLocaleString("en-US", { maximumFractionDigits: 1 });
  const km = (value) => t("km", { n: Number(value).toFixed(1) });
  const metres = (value) => (value >= 1000 ? km(value / 1000) : t("metres", { n: Math.round(value) }));

  function parts(when) {
    const list = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).formatToParts(when);
    return Object.fromEntries(list.map((part) => [part.type, part.value]));
  }

  /** Name China's time where the reader's clock shows another one. */
  const zone = (now = new Date()) => (now.getTimezoneOffset() === -480 ? "" : t("beijing"));

  const readable = (text) => !!text && Number.isFinite(Date.parse(text));

  /** Write a moment of an ISO text as China's clocks show it: 11-22 16:05, today only 16:05. */
  function moment(text, now = Date.now()) {
    if (!readable(text)) return text || "";
    const at = parts(new Date(text)), today = parts(new Date(now));
    const clock = at.hour + ":" + at.minute;
    if (at.year === today.year && at.month === today.month && at.day === today.day) return clock;
    return (at.year === today.year ? "" : at.year + "-") + at.month + "-" + at.day + " " + clock;
  }

  /** Write the moment some minutes after an ISO text. */
  function after(text, minutes) {
    return readable(text) && Number.isFinite(minutes) ? moment(new Date(Date.parse(text) + minutes * 60000).toISOString(), Date.parse(text)) : "";
  }

  /** Write a moment from now as ISO text with China's offset; "" where hours are none. */
  function inHours(hours, now = Date.now()) {
    if (!hours) return "";
    const at = parts(new Date(now + hours * 3600000));
    return `${at.year}-${at.month}-${at.day}T${at.hour}:${at.minute}:00+08:00`;
  }

  /** Write what a `datetime-local` field holds (read as China's time) as ISO text. */
  const localTime = (value) => (value ? value.slice(0, 16) + ":00+08:00" : "");

  /** Write a place's coordinates. */
  const degrees = (lon, lat) => Number(lon).toFixed(5) + ", " + Number(lat).toFixed(5);

  /** Make a number that a phone dials: digits, +, * and # only. */
  const dial = (phone) => "tel:" + String(phone).normalize("NFKC").replace(/[^\d+*#,;]/g, "");

  boai.format = { duration, difference, delta, number, km, metres, moment, zone, after, inHours, localTime, degrees, dial };
})();
