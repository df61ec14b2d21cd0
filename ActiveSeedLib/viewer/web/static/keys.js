// The keys of the page: caught here, done by the server. They are left alone where somebody types.
(() => {
  const typing = (element) =>
    element.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName);

  window.addEventListener("keydown", (event) => {
    const trame = window.trame;
    if (!trame || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const control = event.ctrlKey || event.metaKey;
    const shift = event.shiftKey && (control || key.length > 1);
    const press = (control ? "Ctrl+" : "") + (shift ? "Shift+" : "") + key;
    const presses = trame.state.get("keys_presses") || [];
    if (!presses.includes(press) || (!control && typing(event.target))) return;
    event.preventDefault();
    if (!event.repeat) trame.trigger("key", [press]);
  });
})();
