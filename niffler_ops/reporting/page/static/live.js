// Keeps a page up to date: the server sends the parts that have changed.
"use strict";
(() => {
  const QUIET = 15000; // milliseconds without a word after which the connection counts as lost
  const AGAIN = 3000;
  const told = document.getElementById("live");
  let source = null;
  let heard = Date.now();
  let asked = 0;

  function say(text, lost) {
    told.classList.toggle("lost", lost);
    if (told.textContent !== text) told.textContent = text;
  }

  function replace(element, html) {
    const open = [...element.querySelectorAll("details[open]")].map((details) => details.id);
    const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
    element.innerHTML = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    element.closest("table[data-sortable]")?.dispatchEvent(new Event("replaced"));
  }

  function update(event) {
    heard = Date.now();
    const news = JSON.parse(event.data);
    document.title = news.title;
    const readable = Object.keys(news.parts).some((id) => !document.getElementById(id));
    if (readable) location.reload(); // more can be shown than when it was opened
    for (const [id, html] of Object.entries(news.parts)) {
      const element = document.getElementById(id);
      if (element?.hasAttribute("data-live")) replace(element, html);
    }
    say(`Live, as of ${news.time}`, false);
  }

  function lose() {
    if (!told.classList.contains("lost")) say(`No connection: ${told.textContent.toLowerCase()}`, true);
  }

  function connect() {
    source?.close();
    asked = heard = Date.now();
    source = new EventSource("events" + location.search);
    source.addEventListener("update", update);
    source.addEventListener("error", lose); // the browser tries again by itself, unless it gave up
  }

  setInterval(() => {
    if (document.hidden) return;
    const silent = Date.now() - heard > QUIET; // half open, as after a sleep of this machine
    if (silent || source.readyState === EventSource.CLOSED) {
      lose();
      if (Date.now() - asked > AGAIN) connect();
    }
  }, 1000);
  // A browser keeps only a few connections to one server: pages that nobody sees do without.
  document.addEventListener("visibilitychange", () => (document.hidden ? source.close() : connect()));
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
  connect();
})();
