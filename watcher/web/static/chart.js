"use strict";
// Reads a chart's values out: under the pointer, under a finger, and from step to step by the keys.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
  let cache = new WeakMap(); // block of data → what it holds
  let reading = null; // the id of the chart that is read, and the second of it

  const part = (chart, what) => document.getElementById(chart.id.replace(/-chart$/, `-${what}`));
  const dataOf = (chart) => {
    const block = part(chart, "data");
    if (!block) return null;
    if (cache.has(block)) return cache.get(block);
    const data = JSON.parse(block.textContent);
    for (const piece of data.pieces) {
      piece.forEach((point, number) => {
        if (point.length < 3) point.push(piece[number - 1][2]); // the same value as before
      });
    }
    data.stops = [...new Set([
      ...data.pieces.flatMap((piece) => piece.map((point) => point[0])),
      ...data.gaps.map((gap) => Math.floor((gap[0] + gap[1]) / 2)),
    ])].sort((a, b) => a - b);
    cache.set(block, data);
    return data;
  };

  const moment = (data, second) => {
    const [, offset, name] = data.zone.filter((each) => each[0] <= second).pop() || data.zone[0];
    const at = new Date((data.since + second + offset) * 1000);
    const two = (number) => String(number).padStart(2, "0");
    const clock = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(two).join(":");
    return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}, ${clock} ${name}`;
  };

  const pointAt = (data, second) => {
    for (const piece of data.pieces) {
      if (piece[0][0] <= second && second <= piece[piece.length - 1][0]) {
        return piece.filter((point) => point[0] <= second).pop();
      }
    }
    return null;
  };

  // What was read but once is narrower than a pixel: close to an end of a piece means that end.
  const nearest = (data, second) => {
    if (pointAt(data, second)) return second;
    const ends = data.pieces.flatMap((piece) => [piece[0][0], piece[piece.length - 1][0]]);
    const close = ends.filter((end) => Math.abs(end - second) <= data.length / 200);
    return close.length ? close.reduce((a, b) => (Math.abs(a - second) <= Math.abs(b - second) ? a : b)) : second;
  };

  const words = (data, second) => {
    const point = pointAt(data, second);
    const unread = data.gaps.some((gap) => gap[0] <= second && second <= gap[1]);
    const near = data.length / 200;
    const told = data.marks.filter((mark) => Math.abs(mark[0] - second) <= near).slice(0, 2);
    const what = point ? point[2] : unread ? "not read" : "not known";
    return [`${moment(data, second)}: ${what}`, ...told.map((mark) => mark[1])].join("; ");
  };

  const element = (parent, name, values) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  };

  const clear = (chart) => {
    chart.querySelectorAll(".cursor").forEach((each) => each.remove());
    const said = part(chart, "reading");
    if (said && said.textContent) said.textContent = "";
  };

  const show = (chart, second) => {
    const data = dataOf(chart);
    if (!data) return;
    if (reading && reading.id !== chart.id) hide();
    reading = { id: chart.id, second };
    const point = pointAt(data, second);
    for (const plot of chart.querySelectorAll("svg > g[data-width]")) {
      const width = Number(plot.dataset.width), height = Number(plot.dataset.height);
      plot.querySelectorAll(".cursor").forEach((each) => each.remove());
      const cursor = element(plot, "g", { class: "cursor" });
      const x = (Math.min(Math.max(second / data.length, 0), 1) * width).toFixed(1);
      element(cursor, "line", { x1: x, x2: x, y1: 0, y2: height });
      if (point) element(cursor, "circle", { cx: x, cy: (height * (1 - point[1] / 1000)).toFixed(1), r: 4 });
    }
    const said = part(chart, "reading"), text = words(data, second);
    if (said && said.textContent !== text) said.textContent = text;
  };

  const hide = () => {
    const chart = reading && document.getElementById(reading.id);
    reading = null;
    if (chart) clear(chart);
  };

  const under = (event) => event.target.closest && event.target.closest(".reader");

  const point = (event) => {
    const chart = under(event);
    if (!chart) {
      const left = event.type === "pointerdown" || event.pointerType === "mouse";
      if (left && reading && document.activeElement.id !== reading.id) hide();
      return;
    }
    const plot = [...chart.querySelectorAll("svg > g[data-width]")].find((each) => each.getClientRects().length);
    const data = dataOf(chart);
    if (!plot || !data) return;
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse());
    const share = Math.min(Math.max(place.x / Number(plot.dataset.width), 0), 1);
    show(chart, nearest(data, Math.round(share * data.length)));
  };

  const key = (event) => {
    const chart = document.activeElement;
    if (!chart || !chart.matches(".reader") || event.altKey || event.ctrlKey || event.metaKey) return;
    const data = dataOf(chart);
    if (!data || !data.stops.length) return;
    const stops = data.stops, last = stops.length - 1;
    const from = reading && reading.id === chart.id ? reading.second : stops[last] + 1;
    let at;
    if (event.key === "Home") at = 0;
    else if (event.key === "End") at = last;
    else if (event.key === "Escape") { hide(); return; }
    else if (event.key in STEPS) {
      const by = STEPS[event.key];
      const next = by < 0
        ? stops.filter((stop) => stop < from).length + by
        : stops.filter((stop) => stop <= from).length - 1 + by;
      at = Math.min(Math.max(next, 0), last);
    } else return;
    event.preventDefault();
    show(chart, stops[at]);
  };

  document.addEventListener("pointermove", point);
  document.addEventListener("pointerdown", point);
  document.addEventListener("keydown", key);
  document.addEventListener("focusout", (event) => { if (under(event)) hide(); });
  // A chart that is read stays as it is when the page is made anew; the others have new data.
  document.addEventListener("updated", () => { cache = new WeakMap(); });
})();
