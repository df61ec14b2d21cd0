// The list of cases under the keyboard: one stop of Tab, arrows from line to line, Enter opens.
(() => {
  const LIST = "[data-name=lines]";
  const LINE = "[data-name=line]";
  let last = null; // the key of the line that had the focus
  let place = 0; // where that line stood
  let byKeys = false; // whether the keyboard is at work in the list

  const linesOf = (list) => [...(list?.querySelectorAll(LINE) ?? [])];
  const isLast = (line) => line.dataset.key === last;

  // The list takes the focus only to hand it on; while a line has it, Shift+Tab must lead out.
  window.addEventListener(
    "keydown",
    (event) => {
      const list = event.key === "Tab" && document.querySelector(LIST);
      if (list) list.tabIndex = list.contains(document.activeElement) ? -1 : 0;
    },
    true,
  );

  window.addEventListener("focusin", ({ target }) => {
    const line = target.closest(`${LIST} ${LINE}`);
    if (line) {
      last = line.dataset.key;
      place = linesOf(line.closest(LIST)).indexOf(line);
    } else if (!target.closest(".v-overlay")) {
      byKeys = false;
    }
    if (!target.matches(LIST)) return;
    const lines = linesOf(target);
    const open = lines.find((one) => one.getAttribute("aria-selected") === "true");
    (lines.find(isLast) ?? open ?? lines[0])?.focus();
  });

  // Who clicks goes on with the mouse: the next key is for the open case.
  window.addEventListener("pointerdown", () => (byKeys = false), true);
  window.addEventListener("click", ({ target, detail }) => {
    if (detail && !target.closest("button")) target.closest(`${LIST} ${LINE}`)?.blur();
  });

  window.addEventListener("keydown", (event) => {
    const line = event.target.closest?.(`${LIST} ${LINE}`);
    if (!line || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.key !== "Tab") byKeys = true;
    if (event.target !== line) {
      // Its menu: the other keys are its own.
      if (event.key !== "ArrowLeft") return;
      line.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      line.click();
    } else if (event.key === "ArrowRight") {
      line.querySelector("button")?.focus();
    } else {
      const lines = linesOf(line.closest(LIST));
      const here = lines.indexOf(line);
      const end = lines.length - 1;
      const go = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: end }[event.key];
      if (go === undefined) return;
      lines[Math.max(0, Math.min(go, end))].focus();
    }
    event.preventDefault();
  });

  // A line that moves, or goes, drops the focus: it is given to that line, or to the one there now.
  new MutationObserver(() => {
    if (!byKeys || document.activeElement !== document.body) return;
    const lines = linesOf(document.querySelector(LIST));
    (lines.find(isLast) ?? lines[Math.min(place, lines.length - 1)])?.focus();
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
