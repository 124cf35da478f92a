/* The token of this desk: who may write. Kept for the tab, or on the device if asked. */
(() => {
  "use strict";
  const boai = (globalThis.boai ||= {});
  const { make, button, announce } = boai.dom;
  const t = (...rest) => boai.words.t(...rest);

  /** Ask the server who this token is; one that it does not know is forgotten. */
  async function who() {
    try {
      boai.state.now.me = boai.server.token() ? await boai.source.ask("me") : null;
    } catch (error) {
      if (error.status === 401 || error.status === 403) boai.server.keepToken("");
      throw error;
    }
    boai.state.emit("me", boai.state.now.me);
  }

  /** Make the part of the page where a token is written or given back. */
  function render() {
    const { me } = boai.state.now;
    if (boai.source.state.mode === "file") return make("p.quiet", { text: t("token.file") });
    if (me && me.role) {
      const role = t("role." + me.role);
      return make("div.box", {}, make("p", { text: t("token.is", { name: me.name || "", role }) }), button(t("token.leave"), leave, { id: "token-leave" }));
    }
    const input = make("input", { id: "token", type: "password", autocomplete: "off", maxlength: "200", spellcheck: "false" });
    const stay = make("input", { type: "checkbox", id: "token-stay" });
    const problem = make("p.notice", { "data-kind": "error", role: "alert", hidden: true });
    const form = make("form.box", { "aria-label": t("token") }, make("label", { for: "token", text: t("token") }), input,
      make("label.pick", {}, stay, t("token.stay")), make("p.quiet", { text: t("token.says") }), problem, make("button.primary", { type: "submit", text: t("token.enter") }));
    form.addEventListener("submit", boai.dom.once(form, async () => {
      boai.server.keepToken(input.value.trim(), stay.checked);
      try {
        if (input.value.trim()) await who();
        announce(t("token.taken"));
      } catch (error) {
        problem.hidden = false;
        problem.textContent = error.message;
      }
    }));
    return form;
  }

  function leave() {
    boai.server.keepToken("");
    boai.state.now.me = null;
    boai.state.emit("me", null);
  }

  /** Go to where a token is written. */
  function open() {
    boai.page.show("log");
    const field = boai.dom.byId("token");
    if (field) field.focus();
  }

  boai.token = { who, render, open };
})();
