/* Names of places: found by any spelling, and suggested while they are typed.
   The twin of geodata/place_search.py, names.py and of find in gazetteer.py; what is changed there is changed here. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const PROVINCE = 0, CITY = 1, COUNTY = 2, SETTLEMENT = 3;
  const HANZI = 0, PINYIN = 1, INITIALS = 2;
  const WHOLE = [0, 2, 3], BEGUN = [1, 4, 5];
  const WITHIN = 6, SOUNDS_SAME = 7, SOUNDS_ALIKE = 8, LOOKS_ALIKE = 9, UNIT_ONLY = 10;
  const WHY = { 2: "拼音", 3: "首字母", 4: "拼音", 5: "首字母", 6: "包含", 7: "同音", 8: "读音相近", 9: "写法相近" };
  const ENDINGS = [["省"], ["市"], ["县", "市", "区"], ["街道办事处", "街道办", "街道", "镇", "畲族乡", "乡"]];
  const WRITTEN = ["街道", "镇", "乡"];
  const SKIPPED = " \t\r\n'’-·";
  const LONGEST = 60, MOST_READINGS = 8, LONG_WORD = 5, LAST = 9, PADDED = 24;
  const ALIKE = [["zh", "z"], ["ch", "c"], ["sh", "s"], ["ng", "n"], ["l", "n"], ["hu", "f"], ["r", "n"]];
  const LEVELS = ["省", "市", "县", "乡镇"];

  /** Read the tables of characters: `pinyin` lines of syllable,usual,also; `traditional` lines of one,others. */
  function charactersOf(tables) {
    const readings = new Map(), simple = new Map();
    const lines = (text) => (text ? text.split("\n").map((line) => line.split(",")) : []);
    const rows = lines(tables && tables.pinyin);
    for (const [syllable, usual] of rows) for (const one of usual) readings.set(one, [syllable]);
    for (const [syllable, , also] of rows) for (const one of also) readings.set(one, [...(readings.get(one) || []), syllable]);
    for (const [one, others] of lines(tables && tables.traditional)) for (const other of others) simple.set(other, one);
    return { readings, simple };
  }

  const blurred = (sound) => ALIKE.reduce((text, [one, other]) => text.replaceAll(one, other), sound);
  const lengthOf = (text) => Array.from(text).length;

  function shorten(name, level) {
    const ending = ENDINGS[level].find((one) => name.endsWith(one) && name.length - one.length >= 2);
    return ending ? name.slice(0, -ending.length) : name;
  }

  /** Ways to write a name, with their looseness. */
  function waysOf(name, level) {
    const short = shorten(name, level);
    if (level < SETTLEMENT) {
      const town = level > PROVINCE ? [name.endsWith("县") ? name + "城" : name + "区"] : [];
      return [[name, 0], [short, 1], ...[...town, name + "城", name + "城区"].map((way) => [way, 1])];
    }
    return [[name, short === name ? 1 : 0], [short, 1], ...WRITTEN.map((ending) => [short + ending, 2])];
  }

  class Places {
    /**
     * @param {{name: string[], level: number[], county: number[], population: number[], lon: number[], lat: number[],
     *   alias: string[], alias_of: number[], county_name: string[], city_name: string[]}} gazetteer plain or typed arrays
     * @param {{pinyin: string, traditional: string}} [tables] as geodata.characters.tables writes them
     */
    constructor(gazetteer, tables) {
      Object.assign(this, gazetteer, charactersOf(tables));
      const cities = new Map(this.name.flatMap((text, row) => (this.level[row] === CITY ? [[text, row]] : [])));
      const ofCounty = this.city_name.map((text) => cities.get(text) ?? -1);
      this.city = this.name.map((_, row) => (this.level[row] === CITY ? row : this.county[row] >= 0 ? ofCounty[this.county[row]] : -1));
      this.aliases = new Map();
      this.alias.forEach((text, at) => this.aliases.set(text, [...(this.aliases.get(text) || []), this.alias_of[at]]));
      this.forms = this.#spellings();
      this.#index();
    }

    /** Every way to write a place: text → Map of row → looseness. */
    #spellings() {
      const forms = new Map();
      const add = (way, row, loose) => {
        if (!forms.has(way)) forms.set(way, new Map());
        const rows = forms.get(way);
        rows.set(row, Math.min(loose, rows.get(row) ?? loose));
      };
      const names = [...this.name.entries()].flatMap(([row, name]) => Array.from(new Set([name, this.simplified(name)]), (way) => [way, row]));
      names.forEach(([name, row]) => waysOf(name, this.level[row]).forEach(([way, loose]) => add(way, row, loose)));
      this.alias.forEach((name, at) => add(name, this.alias_of[at], 0));
      this.alias.forEach((name, at) => add(shorten(name, this.level[this.alias_of[at]]), this.alias_of[at], 2));
      return forms;
    }

    #index() {
      this.places = new Map();
      for (const [text, rows] of this.forms) this.places.set(text, Array.from(rows, ([row, loose]) => [row, HANZI, loose]));
      const add = (key, row, what, loose) => {
        const known = this.places.get(key) || [];
        if (!known.some((one) => one[0] === row && one[1] === what)) this.places.set(key, [...known, [row, what, loose]]);
      };
      this.alike = new Map();
      this.words = [[], []];
      for (const [text, row, loose] of this.#soundWords()) {
        this.words[0].push([text, row]);
        for (const syllables of this.#readings(text)) {
          const full = syllables.join("");
          this.words[1].push([full, row]);
          add(full, row, PINYIN, loose);
          add(syllables.map((one) => one[0]).join(""), row, INITIALS, loose);
          const sound = blurred(full), rows = this.alike.get(sound) || [];
          if (!rows.includes(row)) this.alike.set(sound, [...rows, row]);
        }
      }
      this.keys = [...this.places.keys()].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
    }

    #soundWords() {
      const found = new Map();
      const add = (text, row, loose) => { if (!found.has(`${text},${row}`)) found.set(`${text},${row}`, [text, row, loose]); };
      this.name.forEach((text, row) => { add(text, row, 0); add(shorten(text, this.level[row]), row, 1); });
      this.alias.forEach((text, at) => { const row = this.alias_of[at]; add(text, row, 1); add(shorten(text, this.level[row]), row, 2); });
      return [...found.values()];
    }

    #readings(name) {
      let ways = [[]];
      for (const character of name) {
        const known = this.readings.get(character) || [];
        ways = ways.flatMap((way) => known.map((syllable) => [...way, syllable]));
      }
      return ways.slice(0, MOST_READINGS);
    }

    /** Write traditional characters in their simplified form. */
    simplified(text) {
      return Array.from(text, (one) => this.simple.get(one) ?? one).join("");
    }

    normal(text) {
      if (lengthOf(text) > 4 * LONGEST) return "";
      const low = this.simplified(text.normalize("NFKC")).toLowerCase().normalize("NFD").replaceAll("u\u0308", "v");
      const plain = Array.from(low).filter((one) => !SKIPPED.includes(one) && !/\p{M}/u.test(one)).join("");
      return lengthOf(plain) <= LONGEST && !/[\p{C}\p{Z}]/u.test(plain) ? plain : "";
    }

    /** Whether a place is a part of another of a higher level; everything is within -1. */
    liesIn(row, above) {
      if (above < 0) return true;
      const level = this.level[above];
      if (this.level[row] <= level) return false;
      if (level === CITY) return this.city[row] === above;
      return level === PROVINCE || this.county[row] === this.county[above];
    }

    /** Find the places that a text, perhaps unfinished, may mean, best first: [{rank, loose, row, why}]. */
    search(text, limit) {
      const typed = this.normal(text), best = new Map();
      if (!typed || limit < 1) return [];
      const keep = (row, rank, loose, why) => {
        const hit = { rank, loose, level: this.level[row], less: -this.population[row], row, why }, known = best.get(row);
        if (!known || order(hit, known) < 0) best.set(row, hit);
      };
      const heads = this.#heads(typed);
      for (const { start, above, worst } of heads) this.#begun(typed.slice(start), above, worst, keep);
      const { start, above } = heads.filter((head) => head.sure).reduce((one, other) => (other.start > one.start || (other.start === one.start && other.above > one.above) ? other : one));
      const rest = typed.slice(start);
      if (rest && best.size < limit) this.#inside(rest, above, keep);
      if (rest && best.size < limit) this.#alike(rest, above, keep);
      if (rest && best.size < 1) this.#misspelt(rest, above, keep);
      if (rest && above >= 0) keep(above, UNIT_ONLY, 0, `地名表里没有 ${rest}, 以${this.name[above]}代替`);
      return [...best.values()].sort(order).slice(0, limit);
    }

    #heads(typed) {
      const ahead = [{ start: 0, above: -1, worst: 0, sure: true }], seen = new Set(["0,-1"]), heads = [];
      while (ahead.length) {
        const head = ahead.pop();
        heads.push(head);
        for (let end = head.start + 2; end <= typed.length; end++) {
          for (const [row, what, loose] of this.places.get(typed.slice(head.start, end)) || []) {
            if (seen.has(`${end},${row}`) || !this.liesIn(row, head.above)) continue;
            seen.add(`${end},${row}`);
            const named = what === HANZI || (what === PINYIN && loose === 0);
            ahead.push({ start: end, above: row, worst: Math.max(head.worst, WHOLE[what]), sure: head.sure && named });
          }
        }
      }
      return heads;
    }

    #begun(rest, above, worst, keep) {
      if (!rest) {
        keep(above, worst, 0, WHY[worst] || "");
        const down = this.level[above] + 1;
        this.name.forEach((_, row) => { if (this.level[row] === down && this.liesIn(row, above)) keep(row, Math.max(worst, BEGUN[HANZI]), LAST, "下辖"); });
        return;
      }
      for (let at = this.#firstFrom(rest); at < this.keys.length && this.keys[at].startsWith(rest); at++) {
        const key = this.keys[at];
        for (const [row, what, loose] of this.places.get(key)) {
          if (!this.liesIn(row, above)) continue;
          const rank = Math.max(worst, (key === rest ? WHOLE : BEGUN)[what]);
          const former = what === HANZI && (this.aliases.get(key) || []).includes(row);
          keep(row, rank, loose, former ? `又名 ${key}` : WHY[rank] || "");
        }
      }
    }

    #firstFrom(text) {
      let low = 0, high = this.keys.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.keys[middle] < text) low = middle + 1;
        else high = middle;
      }
      return low;
    }

    #inside(rest, above, keep) {
      this.name.forEach((name, row) => { if (this.simplified(name).includes(rest) && this.liesIn(row, above)) keep(row, WITHIN, 0, WHY[WITHIN]); });
    }

    #alike(rest, above, keep) {
      const sound = Array.from(rest, (one) => (this.readings.get(one) || [one])[0]).join("");
      if (sound !== rest) {
        for (const [row, what, loose] of this.places.get(sound) || []) {
          if (what === PINYIN && this.liesIn(row, above)) keep(row, SOUNDS_SAME, loose, WHY[SOUNDS_SAME]);
        }
      }
      for (const row of this.alike.get(blurred(sound)) || []) if (this.liesIn(row, above)) keep(row, SOUNDS_ALIKE, 0, WHY[SOUNDS_ALIKE]);
    }

    #misspelt(rest, above, keep) {
      const letters = Array.from(rest), ascii = /^[\x00-\x7f]*$/.test(rest); // eslint-disable-line no-control-regex
      if (letters.length < 2 || letters.length > PADDED) return;
      const most = letters.length >= LONG_WORD ? 2 : 1;
      for (const [word, row] of this.words[ascii ? 1 : 0]) {
        if (Math.abs(Math.min(word.length, PADDED) - letters.length) > most || !this.liesIn(row, above)) continue;
        const away = distance(word.slice(0, PADDED), letters);
        if (away <= most) keep(row, LOOKS_ALIKE, away, WHY[LOOKS_ALIKE]);
      }
    }

    /** Write a place as the API has it. */
    described(row, why = "") {
      return { name: this.name[row], full_name: this.fullName(row), level: LEVELS[this.level[row]], lon: this.lon[row], lat: this.lat[row], why };
    }

    /** Write the name of a place with the units above it. */
    fullName(row, province = true) {
      const above = province && this.level[row] > PROVINCE ? [this.name[0]] : [];
      if (this.level[row] > CITY) above.push(this.city_name[this.county[row]]);
      if (this.level[row] > COUNTY) above.push(this.county_name[this.county[row]]);
      return above.join("") + this.name[row];
    }
  }

  const order = (one, other) => one.rank - other.rank || one.loose - other.loose || one.level - other.level || one.less - other.less || one.row - other.row || (one.why < other.why ? -1 : one.why > other.why ? 1 : 0);

  /** Edit distance (Levenshtein 1966) of a word to letters. */
  function distance(word, letters) {
    let row = Array.from({ length: word.length + 1 }, (_, i) => i);
    letters.forEach((letter, i) => {
      const next = [i + 1];
      for (let j = 0; j < word.length; j++) next.push(Math.min(row[j + 1] + 1, row[j] + (word[j] !== letter), next[j] + 1));
      row = next;
    });
    return row[word.length];
  }

  boai.places = { Places, LONGEST, LEVELS, PROVINCE, CITY, COUNTY, SETTLEMENT, UNIT_ONLY, LOOKS_ALIKE };
})();
