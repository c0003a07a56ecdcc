"use strict";
// Copies an address; without a clipboard (a page over plain http) it is selected, to be copied by hand.
(() => {
  document.documentElement.classList.add("scripted");
  const select = (what) => getSelection().selectAllChildren(what);
  document.addEventListener("click", async (event) => {
    const button = event.target.closest && event.target.closest("button.copy");
    const what = button && document.getElementById(button.dataset.copy);
    if (!what) return;
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(what.textContent);
    } catch {
      select(what);
      if (!document.execCommand("copy")) said = "Selected: copy it with Ctrl+C";
    }
    const status = document.getElementById("copied");
    if (status) status.textContent = said;
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 2000);
  });
})();
