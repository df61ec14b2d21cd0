// Which of several tabs works, and what the page says when the server does not answer.
(() => {
  const trame = window.trame;
  // Not crypto.randomUUID: browsers keep that to https and this machine.
  const tab = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
  const IDLE = "activeseed-idle";
  const FIRST_WAIT = 500; // milliseconds
  const LAST_WAIT = 4000;

  const LOST = [
    "The connection to ActiveSeed is lost.",
    "This page goes on by itself as soon as the server answers. While the server runs, nothing is " +
      "lost; if it has ended, start activeseed view again: what was drawn until half a minute " +
      "before is offered back.",
  ];
  const ANOTHER_LINK = [
    "ActiveSeed was started anew, with another link.",
    "Open the link that activeseed view has printed.",
  ];

  const claim = () => trame.trigger("tab_open", [tab]);
  trame.utils.activeseed = { tab, claim };

  // A tab that another one had taken over before the connection was lost stays behind it.
  const idle = sessionStorage.getItem(IDLE);
  sessionStorage.removeItem(IDLE);
  if (!idle) claim();

  function say([title, text]) {
    let box = document.getElementById("connection-lost");
    if (!box) {
      box = document.createElement("div");
      box.id = "connection-lost";
      box.setAttribute("role", "alert");
      box.append(document.createElement("h1"), document.createElement("p"));
      document.body.append(box);
    }
    box.children[0].textContent = title;
    box.children[1].textContent = text;
  }

  async function wait(milliseconds, works) {
    await new Promise((done) => setTimeout(done, milliseconds));
    try {
      const answer = await fetch("/favicon.png", { cache: "no-store" });
      if (answer.ok) {
        if (!works) sessionStorage.setItem(IDLE, "yes");
        window.location.reload();
        return;
      }
      say(ANOTHER_LINK);
    } catch {
      say(LOST);
    }
    wait(Math.min(2 * milliseconds, LAST_WAIT), works);
  }

  let over = false;
  function lost() {
    if (over) return;
    over = true;
    say(LOST);
    wait(FIRST_WAIT, trame.state.get("tab_active") === tab);
  }

  for (const leaving of ["beforeunload", "pagehide"]) {
    window.addEventListener(leaving, () => (over = true));
  }
  window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());
  trame.client.onConnectionClose(lost);
  trame.client.onConnectionError(lost);
})();
