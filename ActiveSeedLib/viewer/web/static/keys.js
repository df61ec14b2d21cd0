// The keys of the page: caught here, done by the server.
(() => {
  // What one types into; a checkbox or a slider takes no text.
  const TEXT = "input:not([type=checkbox], [type=radio], [type=range]), textarea, select";
  const COVERED = ".v-overlay--active.v-dialog, .v-overlay--active.v-menu";

  const typing = (element) => element.isContentEditable || element.matches(TEXT);

  function pressed(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const control = event.ctrlKey || event.metaKey;
    const shift = event.shiftKey && (control || key.length > 1);
    return (control ? "Ctrl+" : "") + (shift ? "Shift+" : "") + key;
  }

  // Another tab works; this one only says so.
  function idle(trame) {
    const own = trame.utils.activeseed;
    return own && trame.state.get("tab_active") !== own.tab;
  }

  window.addEventListener("keydown", (event) => {
    const trame = window.trame;
    if (!trame || event.altKey || !event.key) return;
    const press = pressed(event);
    if (!(trame.state.get("keys_presses") || []).includes(press)) return;
    const whileTyping = (trame.state.get("keys_while_typing") || []).includes(press);
    if (typing(event.target) && !whileTyping) return;
    const covered = document.querySelector(COVERED);
    if (covered && press === "Escape") return; // it closes what covers the page
    event.preventDefault();
    const helps = press === "?" && trame.state.get("keys_shown");
    if (event.repeat || idle(trame) || (covered && !helps)) return;
    trame.trigger("key", [press]);
  });
})();
