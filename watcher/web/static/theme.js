"use strict";
// Light, dark, or as the device has it. Loaded before anything is drawn, so that nothing flashes.
(() => {
  const root = document.documentElement;
  const KEY = "theme", COLOURS = { light: "#ffffff", dark: "#0d1117" };
  let kept = "auto";
  try {
    kept = localStorage.getItem(KEY) || kept;
  } catch { // a browser that keeps nothing for anybody
  }

  const show = (theme) => {
    if (theme in COLOURS) root.dataset.theme = theme;
    else delete root.dataset.theme;
    for (const each of document.querySelectorAll("meta[name=theme-color]")) {
      each.content = COLOURS[theme] || COLOURS[each.media.includes("dark") ? "dark" : "light"];
    }
  };

  show(kept);
  document.addEventListener("DOMContentLoaded", () => {
    const choice = document.getElementById("theme");
    if (!choice) return;
    choice.value = root.dataset.theme || "auto";
    choice.closest("label").hidden = false;
    choice.addEventListener("change", () => {
      show(choice.value);
      try {
        localStorage.setItem(KEY, choice.value);
      } catch { // it lasts as long as this page
      }
    });
  });
  // Chosen in another tab:
  addEventListener("storage", (event) => event.key === KEY && show(event.newValue || "auto"));
})();
