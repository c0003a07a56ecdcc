// Makes one part of the page like a newer one, and takes nothing from whoever uses it: what stays is the same
// node as before, with its focus, scroll and selection. A form that somebody has begun is not touched at all.
// A chart that is being read is not either. What is to stay although a newer page has none carries `data-keep`;
// attributes of STATE stay too.

const STATE = ["open", "tabindex", "aria-expanded", "aria-pressed", "data-keep"];

const isBegun = (control) => {
  if (control === document.activeElement) return true;
  if (control.type === "hidden") return false;
  if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked;
  if (control.type === "file") return control.files.length > 0;
  if (control.nodeName !== "SELECT") return control.value !== control.defaultValue;
  const usual = [...control.options].filter((each) => each.defaultSelected);
  if (!usual.length && !control.multiple && control.options.length) usual.push(control.options[0]);
  return [...control.options].some((each) => each.selected !== usual.includes(each));
};

// The parts of the page that somebody has begun to fill in: forms, and the table whose boxes belong to one.
export const begunParts = (main) => {
  const begun = [...main.querySelectorAll("input, select, textarea")].filter(isBegun);
  const apart = begun.map((control) => control.closest("form") || control.closest("table") || control);
  return new Set([...apart, ...begun.map((control) => control.form).filter((form) => form && main.contains(form))]);
};

const keyOf = (node) => {
  if (node.nodeType !== 1) return node.nodeName;
  let name = node.id || node.getAttribute("action");
  if (!name && node.matches("section, nav, .wide")) name = node.getAttribute("aria-label");
  if (!name && node.matches("tr, li")) name = node.querySelector("a[href]")?.getAttribute("href");
  return `${node.nodeName} ${name || ""}`;
};

// What is read stays where it is on the screen, whatever comes or goes above. Browsers see to that by
// themselves, but not for what lies in a frame that scrolls sideways.
const keepPlace = (main) => {
  if (!scrollY) return () => {};
  const seen = [...main.querySelectorAll("tr, li, p, h1, h2, h3, dt, figure, form")]
    .map((node) => [node, node.getBoundingClientRect().top])
    .filter(([, top]) => top >= 0 && top < innerHeight);
  const root = document.documentElement;
  root.style.overflowAnchor = "none";
  return () => {
    const [node, top] = seen.find(([each]) => each.isConnected) || [];
    if (node) scrollBy(0, node.getBoundingClientRect().top - top);
    requestAnimationFrame(() => root.style.removeProperty("overflow-anchor"));
  };
};

export const morph = (main, next) => {
  const kept = [...begunParts(main), ...main.querySelectorAll("[data-keep], figure:has(.cursor)")];
  const stays = (node) => kept.some((each) => node.contains(each));
  const focused = document.activeElement;

  const change = (old, fresh) => {
    if (kept.includes(old) || old.isEqualNode(fresh)) return;
    if (old.nodeType !== 1) {
      old.nodeValue = fresh.nodeValue;
      return;
    }
    changeAttributes(old, fresh);
    changeChildren(old, fresh);
    if (old.matches("input, textarea") && old.type !== "file" && old.value !== fresh.value) old.value = fresh.value;
    if (old.matches("input") && old.checked !== fresh.checked) old.checked = fresh.checked;
    if (old.matches("select") && old.value !== fresh.value) old.value = fresh.value;
  };

  const changeAttributes = (old, fresh) => {
    for (const { name, value } of [...fresh.attributes]) {
      if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !STATE.includes(name)) old.removeAttribute(name);
    }
  };

  // Which of the old children becomes which of the new: by name; else the one that is the same; else the next.
  const pairsOf = (old, fresh) => {
    const left = new Map();
    for (const each of old.childNodes) {
      const key = keyOf(each);
      if (left.has(key)) left.get(key).push(each);
      else left.set(key, [each]);
    }
    return new Map([...fresh.childNodes].map((wanted) => {
      const those = left.get(keyOf(wanted)) || [];
      const isPlaced = wanted.nodeType !== 1 || wanted.matches("td, th");
      const same = isPlaced ? 0 : those.findIndex((each) => each.isEqualNode(wanted));
      return [wanted, those.splice(Math.max(same, 0), 1)[0]];
    }));
  };

  const changeChildren = (old, fresh) => {
    const pairs = pairsOf(old, fresh);
    const found = new Set(pairs.values());
    for (const each of [...old.childNodes]) {
      if (!found.has(each) && !stays(each)) each.remove();
    }
    let place = old.firstChild;
    for (const [wanted, mine] of pairs) {
      while (place && !found.has(place)) place = place.nextSibling; // it stays, though the newer page has none
      if (!mine) {
        old.insertBefore(document.importNode(wanted, true), place);
      } else {
        if (mine === place) place = place.nextSibling;
        else if (old.moveBefore) old.moveBefore(mine, place);
        else old.insertBefore(mine, place);
        change(mine, wanted);
      }
    }
  };

  const inPlace = keepPlace(main);
  change(main, next);
  inPlace();
  if (focused !== document.activeElement && main.contains(focused)) focused.focus({ preventScroll: true });
};
