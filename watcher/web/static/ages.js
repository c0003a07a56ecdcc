// Ages on the page go on by themselves, by the daemon's clock: that of whoever looks may be wrong.

const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];

let ahead = 0; // milliseconds that the daemon's clock is ahead of ours

export const setClock = (text) => {
  const at = Date.parse(text);
  if (!Number.isNaN(at)) ahead = at - Date.now();
};

export const daemonTime = () => Date.now() + ahead;

// The same words as those of watcher/web/times.py.
export const span = (seconds) => {
  for (const [unit, size] of UNITS) {
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
};

export const tick = (part) => {
  for (const time of part.querySelectorAll("time.ago, time.age")) {
    const seconds = (daemonTime() - Date.parse(time.dateTime)) / 1000;
    const size = span(Math.abs(seconds));
    const words = time.className === "age" ? size : seconds < 0 ? `in ${size}` : `${size} ago`;
    if (time.firstChild && time.firstChild.nodeValue !== words) time.firstChild.nodeValue = words;
  }
};

// The time of day in the zone that the page shows.
export const clockTime = (at) => {
  const shown = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  try {
    return new Intl.DateTimeFormat("en-GB", { ...shown, timeZone: document.documentElement.dataset.zone }).format(at);
  } catch { // a zone that this browser does not know
    return `${new Intl.DateTimeFormat("en-GB", { ...shown, timeZone: "UTC" }).format(at)} UTC`;
  }
};
