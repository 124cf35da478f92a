/* Arrays that app/desk/packing.py packed: base64, deflate in the zlib format (RFC 1950, 1951), varints. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
  const MOST_BYTES = 1 << 28;
  const MOST_BITS = 15;

  function bytesOf(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  /** List base values by their extra bits: (first, last) of lengths and distances (RFC 1951, 3.2.5). */
  function ladder(first, extras) {
    const bases = [];
    let base = first;
    for (const extra of extras) {
      bases.push(base);
      base += 1 << extra;
    }
    return bases;
  }

  const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
  const LENGTH_BASE = ladder(3, LENGTH_EXTRA);
  LENGTH_BASE[28] = 258;
  const DISTANCE_EXTRA = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
  const DISTANCE_BASE = ladder(1, DISTANCE_EXTRA);

  /** Make a Huffman code of code lengths: how many codes have each length, and their symbols in order. */
  function codeOf(lengths) {
    const count = new Uint16Array(MOST_BITS + 1);
    for (const length of lengths) count[length] += 1;
    count[0] = 0;
    const next = new Uint16Array(MOST_BITS + 2);
    for (let bits = 1; bits <= MOST_BITS; bits++) next[bits + 1] = next[bits] + count[bits];
    const symbol = new Uint16Array(lengths.length);
    lengths.forEach((length, own) => { if (length) symbol[next[length]++] = own; });
    return { count, symbol };
  }

  const FIXED = {
    length: codeOf(Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))),
    distance: codeOf(new Array(30).fill(5)),
  };

  class Reader {
    constructor(bytes) {
      this.bytes = bytes;
      this.at = 2; // the two bytes of the zlib format say nothing that is needed
      this.held = 0;
      this.count = 0;
      this.out = new Uint8Array(1 << 16);
      this.size = 0;
    }

    bits(wanted) {
      while (this.count < wanted) {
        if (this.at >= this.bytes.length) throw new Error("deflate: cut off");
        this.held |= this.bytes[this.at++] << this.count;
        this.count += 8;
      }
      const found = this.held & ((1 << wanted) - 1);
      this.held >>>= wanted;
      this.count -= wanted;
      return found;
    }

    symbol({ count, symbol }) {
      let code = 0, first = 0, index = 0;
      for (let length = 1; length <= MOST_BITS; length++) {
        code |= this.bits(1);
        if (code - first < count[length]) return symbol[index + code - first];
        index += count[length];
        first = (first + count[length]) << 1;
        code <<= 1;
      }
      throw new Error("deflate: no such code");
    }

    room(more) {
      if (this.size + more > MOST_BYTES) throw new Error("deflate: too large");
      if (this.size + more <= this.out.length) return;
      const grown = new Uint8Array(Math.max(2 * this.out.length, this.size + more));
      grown.set(this.out.subarray(0, this.size));
      this.out = grown;
    }

    stored() {
      this.held = this.count = 0;
      const size = this.bytes[this.at] | (this.bytes[this.at + 1] << 8);
      this.at += 4;
      this.room(size);
      this.out.set(this.bytes.subarray(this.at, this.at + size), this.size);
      this.at += size;
      this.size += size;
    }

    /** Read the codes of a block that brings its own (RFC 1951, 3.2.7). */
    codes() {
      const lengths = this.bits(5) + 257, distances = this.bits(5) + 1, orders = this.bits(4) + 4;
      const small = new Array(19).fill(0);
      for (let i = 0; i < orders; i++) small[CODE_ORDER[i]] = this.bits(3);
      const code = codeOf(small), all = [];
      while (all.length < lengths + distances) {
        const symbol = this.symbol(code);
        if (symbol < 16) all.push(symbol);
        else {
          const [value, times] = symbol === 16 ? [all[all.length - 1], 3 + this.bits(2)] : [0, symbol === 17 ? 3 + this.bits(3) : 11 + this.bits(7)];
          for (let i = 0; i < times; i++) all.push(value);
        }
      }
      return { length: codeOf(all.slice(0, lengths)), distance: codeOf(all.slice(lengths, lengths + distances)) };
    }

    block({ length, distance }) {
      for (;;) {
        const symbol = this.symbol(length);
        if (symbol === 256) return;
        if (symbol < 256) {
          this.room(1);
          this.out[this.size++] = symbol;
          continue;
        }
        const size = LENGTH_BASE[symbol - 257] + this.bits(LENGTH_EXTRA[symbol - 257]);
        const far = this.symbol(distance);
        const back = DISTANCE_BASE[far] + this.bits(DISTANCE_EXTRA[far]);
        this.room(size);
        for (let i = 0; i < size; i++, this.size++) this.out[this.size] = this.out[this.size - back];
      }
    }
  }

  /** Undo deflate without the browser's help, for browsers that have no DecompressionStream. */
  function inflate(bytes) {
    const reader = new Reader(bytes);
    let last = 0;
    while (!last) {
      last = reader.bits(1);
      const type = reader.bits(2);
      if (type === 0) reader.stored();
      else if (type === 1) reader.block(FIXED);
      else if (type === 2) reader.block(reader.codes());
      else throw new Error("deflate: no such block");
    }
    return reader.out.subarray(0, reader.size);
  }

  async function inflated(bytes) {
    if (typeof DecompressionStream !== "function") return inflate(bytes);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function numbers(bytes, count, how) {
    const out = new Int32Array(count);
    let at = 0, before = 0;
    for (let i = 0; i < count; i++) {
      let value = 0, scale = 1, byte;
      do {
        byte = bytes[at++];
        value += (byte & 127) * scale;
        scale *= 128;
      } while (byte > 127);
      if (how !== "u") value = value % 2 ? -(value + 1) / 2 : value / 2;
      if (how === "d") value = before += value;
      out[i] = value;
    }
    if (at !== bytes.length) throw new Error("varints: wrong length");
    return out;
  }

  /**
   * Unpack one array.
   * @param {{how: string, n: number, z: string}} packed
   * @returns {Promise<Uint8Array|Int32Array>}
   */
  async function unpack(packed) {
    const bytes = await inflated(bytesOf(packed.z));
    if (packed.how !== "b") return numbers(bytes, packed.n, packed.how);
    if (bytes.length !== packed.n) throw new Error("bytes: wrong length");
    return bytes;
  }

  const CRC = Uint32Array.from({ length: 256 }, (_, value) => {
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });

  /** Give the check sum of a text in UTF-8 (CRC-32 of RFC 1952, as Python's zlib.crc32 gives it). */
  function crc32(text) {
    let crc = 0xffffffff;
    for (const byte of new TextEncoder().encode(text)) crc = (crc >>> 8) ^ CRC[(crc ^ byte) & 255];
    return (crc ^ 0xffffffff) >>> 0;
  }

  /** Unpack every packed array in an object, whatever else it holds is kept. */
  async function unpackAll(object) {
    const pairs = await Promise.all(Object.entries(object).map(async ([name, value]) => {
      const packed = value && typeof value === "object" && typeof value.z === "string";
      if (packed) return [name, await unpack(value)];
      return [name, value && value.constructor === Object ? await unpackAll(value) : value];
    }));
    return Object.fromEntries(pairs);
  }

  boai.unpack = { unpack, unpackAll, inflate, bytesOf, crc32 };
})();
