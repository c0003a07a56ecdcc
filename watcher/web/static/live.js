"use strict";
// Fetches the page again when the server says that something has changed, and leaves alone what is being used.
(() => {
  const busy = () => document.querySelector("button:active")
    || (document.activeElement && document.activeElement.matches("input, select, textarea"));
  let fetching = false;
  let again = false;
  const refresh = async () => {
    again = fetching;
    if (fetching || busy() || document.hidden) return;
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = document.querySelector("main");
      const next = fresh.querySelector("main");
      if (now && next && !busy()) now.replaceChildren(...next.childNodes);
    } catch {
      // The server is away; the stream says when it is back.
    } finally {
      fetching = false;
      if (again) refresh();
    }
  };
  const stream = new EventSource("/events");
  stream.addEventListener("news", refresh);
  document.addEventListener("visibilitychange", refresh);
})();
