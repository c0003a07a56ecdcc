// Ticks every row that is shown, and says how many are ticked. Without it, each row has its own box.
"use strict";
(() => {
  const boxes = () => [...document.querySelectorAll('input[name="id"][form="acting"]')];
  const count = () => {
    const all = document.querySelector("#acting [data-all]");
    if (!all) return;
    const [every, chosen] = [boxes(), boxes().filter((box) => box.checked)];
    all.checked = every.length > 0 && chosen.length === every.length;
    all.indeterminate = chosen.length > 0 && !all.checked;
    document.getElementById("chosen").textContent = chosen.length ? `${chosen.length} ticked` : "";
  };
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-all]")) for (const box of boxes()) box.checked = target.checked;
    count();
  });
  addEventListener("pageshow", count); // the way back brings ticked boxes along
})();
