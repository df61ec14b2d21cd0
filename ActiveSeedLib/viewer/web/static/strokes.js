// What the mouse does in a view reaches the server before whatever is asked for next.
//
// A view sends its mouse events one by one, each after the answer to the one before, and all else
// goes at once: over a slow connection a key would overtake the end of a stroke, which would then
// be drawn on the next slice, or in the next case.
(() => {
  const trame = window.trame;
  const VIEW = "[data-name^=view-]";
  const PATIENCE = 3000; // milliseconds, for a stroke that never arrives
  const PAUSE = 20;

  const trigger = trame.trigger.bind(trame);
  const flush = trame.state.flush.bind(trame.state);
  let down = false;
  let strokes = 0; // ended here; the server may not know
  let arriving = null;

  async function arrived() {
    const end = Date.now() + PAUSE + PATIENCE;
    while ((down || strokes) && Date.now() < end) {
      const asked = strokes;
      if (!down && (await trigger("strokes_arrived", [asked]))) strokes -= asked;
      else await new Promise((done) => setTimeout(done, PAUSE));
    }
    if (strokes) console.error(`${strokes} strokes have not reached ActiveSeed.`);
    down = false;
    strokes = 0;
    arriving = null;
  }

  function after(doing) {
    if (!arriving && (down || strokes)) arriving = arrived();
    return arriving ? arriving.then(doing) : doing();
  }

  trame.trigger = (...all) => after(() => trigger(...all));
  trame.state.flush = (...all) => after(() => flush(...all));

  function pressed(event) {
    const inView = event.target instanceof Element && event.target.closest(VIEW);
    if (event.button === 0 && inView && !event.target.closest("button")) down = true;
  }

  function released() {
    if (down) strokes += 1;
    down = false;
  }

  window.addEventListener("pointerdown", pressed, true);
  window.addEventListener("pointerup", released, true);
  window.addEventListener("pointercancel", released, true);
})();
