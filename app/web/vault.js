/* Contacts under a passphrase (app/desk/vault.py): PBKDF2 and AES-GCM by the browser's WebCrypto, nothing else. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const MOST_ROUNDS = 10000000;
  const WORDS = {
    none: "这份数据里的联系人没有加密",
    unable: "这个浏览器的打开方式不能解密 (没有 WebCrypto)。请把文件存到手机或电脑上, 用 Chrome、Edge、Firefox 或 Safari 从本机打开; 其余功能不受影响",
    wrong: "口令不对, 联系人没有解开。口令区分大小写, 请再试; 其余功能不受影响",
    damaged: "联系人的加密内容不完整, 请重新导出",
  };

  const refuse = (code) => ({ code: "vault-" + code, message: WORDS[code], problems: [], candidates: [], status: 0 });

  /** Tell whether this browser can decrypt here: WebCrypto exists only where the page counts as secure. */
  const able = () => Boolean(globalThis.crypto && globalThis.crypto.subtle);

  function bytesOf({ salt, iv, data }) {
    try {
      return [salt, iv, data].map(boai.unpack.bytesOf);
    } catch {
      throw refuse("damaged"); // no base64
    }
  }

  async function keyOf(passphrase, salt, iterations) {
    const text = new TextEncoder().encode(passphrase.normalize("NFKC").trim());
    const base = await crypto.subtle.importKey("raw", text, "PBKDF2", false, ["deriveKey"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
    return crypto.subtle.deriveKey(how, base, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
  }

  /** Decrypt what is in a vault; throws {code, message} with a sentence. */
  async function decrypt(vault, passphrase) {
    if (!able()) throw refuse("unable");
    if (!Number.isInteger(vault.iterations) || vault.iterations < 1 || vault.iterations > MOST_ROUNDS) throw refuse("damaged");
    const [salt, iv, data] = bytesOf(vault);
    const key = await keyOf(passphrase, salt, vault.iterations);
    const how = { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(vault.about), tagLength: 128 };
    const bytes = await crypto.subtle.decrypt(how, key, data).catch(() => { throw refuse("wrong"); });
    return JSON.parse(new TextDecoder().decode(bytes));
  }

  const lay = (list, found) => list.forEach((one, i) => Object.assign(one, found[i] || {}));

  /**
   * Decrypt the contacts of a bundle and put them where they belong.
   * @param {object} bundle
   * @param {string} passphrase
   * @returns {Promise<{sites: number}>} how many sites have contacts now
   */
  async function open(bundle, passphrase) {
    if (!bundle.vault) throw refuse("none");
    const found = await decrypt(bundle.vault, String(passphrase));
    lay(bundle.sites, found.sites);
    lay(bundle.marks, found.marks);
    lay(bundle.closures, found.closures);
    bundle.opened = true;
    return { sites: found.sites.filter((one) => Object.keys(one).length).length };
  }

  boai.vault = { open, decrypt, able, WORDS };
})();
