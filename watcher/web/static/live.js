// Keeps an open page true: asks the daemon for news, shows them, and says so when there is no word from it.
import { clockTime, daemonTime, setClock, span, tick } from "./ages.js";
import { begunParts, morph } from "./morph.js";

const EVERY = 2000, EVERY_HIDDEN = 10000, PATIENCE = 2800, LONGEST_WAIT = 10000; // milliseconds
const LOST = 4000; // without a good answer for so long, the page says so
const STALE = 10000; // the daemon answers, and what it says is of so long ago: that is no word either
const ANEW = 60000; // the page is fetched again at least so often
const PAGE_PATIENCE = 15000;

const root = document.documentElement;
const main = document.getElementById("main");
const bar = document.getElementById("bar");
const [word, age, way] = ["bar-word", "bar-age", "bar-way"].map((id) => document.getElementById(id));
const live = document.getElementById("live");
const icon = document.getElementById("icon");

let title = document.title;
let news = { at: main.dataset.at, what: "", firing: {}, ready: true };
let heard = Date.now(); // when the last good answer came
let awake = heard; // since when we have been looking: a computer that slept has heard nothing, and nobody is to blame
let changed = heard; // when `at` of the news was another one for the last time
let fault = ""; // what is wrong: "", "silent", "login", or what the daemon says of its store
let shown = ""; // the news that the page shows
let fetched = heard, again = 0, trouble = "";
let build = ""; // of the files that this page has loaded
let isAsking = false, updating = false, wait = EVERY, timer = 0, looked = heard, held = 0;

const asking = (Accept, patience) => (
  { headers: { Accept }, signal: AbortSignal.timeout(patience), redirect: "manual", cache: "no-store" }
);

const ask = async () => {
  clearTimeout(timer);
  if (isAsking) return;
  isAsking = true;
  try {
    const answer = await fetch(`${root.dataset.base}/news`, asking("application/json", PATIENCE));
    if ([401, 403].includes(answer.status) || answer.type === "opaqueredirect") fault = "login";
    else if (answer.status === 503) fault = (await answer.json()).error || "silent";
    else fault = answer.ok && hear(await answer.json()) ? "" : "silent";
  } catch {
    fault = "silent";
  }
  isAsking = false;
  wait = fault ? Math.min(wait * 1.5, LONGEST_WAIT) : EVERY;
  clearTimeout(timer);
  timer = setTimeout(ask, document.hidden ? Math.max(wait, EVERY_HIDDEN) : wait);
  look();
  if (!fault) update();
};

// Behind one address there may be daemons of two versions: each is a reason to load the page anew once.
const isNewBuild = (name) => {
  const known = JSON.parse(sessionStorage.getItem("builds") || "[]");
  if (known.includes(name)) return false;
  sessionStorage.setItem("builds", JSON.stringify([...known, name].slice(-20)));
  return true;
};

const hear = (told) => {
  if (!told.at || !told.what) return false;
  if (told.at !== news.at) changed = Date.now();
  else if (Date.now() - changed > STALE) return false;
  if (told.at === main.dataset.at) shown = told.what;
  build ||= told.build;
  if (told.build !== build && !begunParts(main).size && !isSelected() && isNewBuild(told.build)) location.reload();
  news = told;
  heard = Date.now();
  setClock(told.at);
  return true;
};

const isSelected = () => {
  const selection = getSelection();
  return Boolean(selection && !selection.isCollapsed && selection.rangeCount && selection.getRangeAt(0).intersectsNode(main));
};

const update = async () => {
  const now = Date.now();
  const due = news.what !== shown || now - fetched > ANEW;
  if (!due || updating || document.hidden || now < again || isSelected() || main.querySelector(":active")) return;
  updating = true;
  const wanted = news.what;
  try {
    const answer = await fetch(location.href, asking("text/html", PAGE_PATIENCE));
    if (!answer.ok) throw new Error(answer.status === 404 ? "it is not there any more" : `answer ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = fresh.querySelector("main#main[data-at]");
    if (!next) throw new Error("the answer is no page of the daemon");
    if (!isSelected() && !main.querySelector(":active")) {
      morph(main, next);
      title = fresh.title;
      shown = wanted;
      fetched = now;
      document.dispatchEvent(new Event("updated"));
    }
    trouble = "";
  } catch (error) {
    trouble = error.name === "Error" ? error.message : "it did not come";
    again = now + LONGEST_WAIT;
  }
  updating = false;
  look();
};

// What the page says of itself.
const look = () => {
  const now = Date.now();
  if (now - looked > EVERY + 1000) awake = now; // timers stood still
  looked = now;
  // A question that is under way may still be answered: on a slow way the bar would come and go with each.
  const limit = document.hidden ? EVERY_HIDDEN + LOST : EVERY + PATIENCE + 100;
  const lost = fault === "login" || (fault ? now - heard >= LOST : now - Math.max(heard, awake) >= limit);
  if (!isSelected()) tick(main);
  const parts = begunParts(main).size;
  if (held && !parts) shown = "";
  held = parts;
  showBar(lost, now - heard);
  showLive(lost);
  const firing = Object.values(news.firing).reduce((sum, each) => sum + each, 0);
  document.title = (!lost ? "" : fault === "login" ? "Log in · " : "No word · ") + (firing ? `(${firing}) ` : "") + title;
  const kind = lost ? "-lost" : news.firing.critical ? "-critical" : firing ? "-alert" : "";
  const address = icon.getAttribute("href").replace(/icon[a-z-]*\.svg/, `icon${kind}.svg`);
  if (icon.getAttribute("href") !== address) icon.setAttribute("href", address);
};

const showBar = (lost, silent) => {
  bar.hidden = !lost;
  const since = clockTime(daemonTime() - silent);
  const words = !lost ? "" : fault === "login" ? "Your login has ended: what you see here is not news any more."
    : fault && fault !== "silent" ? `The daemon cannot tell how things are since ${since}: ${fault}`
    : `No word from the daemon since ${since}.`;
  if (word.textContent !== words) word.textContent = words;
  age.textContent = lost ? `${span(silent / 1000)} ago` : "";
  way.hidden = fault !== "login";
  way.href = location.href;
  way.target = held ? "_blank" : ""; // what is typed here stays here
};

const showLive = (lost) => {
  const words = lost ? "Not live"
    : isSelected() ? "Live; updates wait while text is selected"
    : trouble ? `Not updated: ${trouble}`
    : held ? "Live, but for what you have begun to fill in"
    : news.ready ? "Live" : "Live; an alert might reach nobody";
  live.className = lost || trouble ? "live critical" : news.ready ? "live" : "live warning";
  if (live.textContent !== words) live.textContent = words;
};

const wake = () => {
  awake = Date.now();
  wait = EVERY;
  ask();
};

document.addEventListener("visibilitychange", () => document.hidden || wake());
// Come back to by the way back: as it was left. Whoever logged out in between is not to be shown it.
addEventListener("pageshow", async (event) => {
  if (!event.persisted) return;
  isAsking = false; // what was asked when it was left is not answered any more
  awake = Date.now();
  wait = EVERY;
  await ask();
  if (fault === "login" && !begunParts(main).size) location.reload();
});
addEventListener("online", wake);
setClock(main.dataset.at);
setInterval(look, 500);
ask();
