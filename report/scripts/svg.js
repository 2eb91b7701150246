/* Line charts as SVG: scales, axes, curves with bands, marks. */
"use strict";

const SVG = "http://www.w3.org/2000/svg";

function draw(parent, name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  parent.append(element);
  return element;
}

/* kind is "linear", "log" or a number: logarithmic both ways from ± that number, linear between. */
function makeScale(kind, low, high, from, to) {
  const bend = {
    linear: (v) => v,
    log: (v) => Math.log10(Math.max(v, 1e-300)),
  }[kind] || ((v) => Math.sign(v) * Math.log10(1 + Math.abs(v) / kind));
  const [start, end] = [bend(low), bend(high)];
  const scale = (v) => from + ((bend(v) - start) / (end - start || 1)) * (to - from);
  scale.ticks = (most) => ticks(kind, low, high, most);
  return scale;
}

function ticks(kind, low, high, most) {
  if (kind === "linear") return linearTicks(low, high, most);
  const powers = [];
  const floor = kind === "log" ? low : kind;
  for (let k = Math.floor(Math.log10(floor)); k <= Math.ceil(Math.log10(Math.max(high, -low))); k++) {
    powers.push(10 ** k);
  }
  const found = kind === "log" ? powers : [...powers.map((p) => -p).reverse(), 0, ...powers];
  const inside = found.filter((v) => v >= low * (1 - 1e-9) - 1e-300 && v <= high * (1 + 1e-9));
  if (kind === "log" && inside.length < 2) return linearTicks(low, high, most).filter((v) => v > 0);
  const step = Math.ceil(inside.length / most);
  return inside.filter((v, i) => v === 0 || i % step === 0);
}

function linearTicks(low, high, most) {
  const raw = (high - low) / most || 1, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((s) => s * power >= raw);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9; k++) {
    found.push(Number((k * step).toPrecision(12)));
  }
  return found;
}

const SHAPES = {
  o: "M-3.5,0a3.5,3.5 0 1,0 7,0a3.5,3.5 0 1,0 -7,0z",
  s: "M-3.2,-3.2h6.4v6.4h-6.4z",
  "^": "M0,-4L4,3.5H-4z",
  v: "M0,4L4,-3.5H-4z",
  D: "M0,-4.5L4.5,0L0,4.5L-4.5,0z",
  x: "M-3,-3L3,3M-3,3L3,-3",
  "": "M0,0",
};

/* spec: width, height, title, x and y {label, kind}, series [{label, color, dash, marker, rows
   [{x, y, low, high}]}], marks [{x, label}], levels [y]. Returns the SVG with its scales. */
function lineChart(spec) {
  const box = { left: 64, right: spec.width - 28, top: 10, bottom: spec.height - 46 };
  const svg = draw(document.createElement("div"), "svg", {
    viewBox: `0 0 ${spec.width} ${spec.height}`, role: "img", "aria-label": spec.title,
    class: "chart",
  });
  const rows = spec.series.flatMap((s) => s.rows);
  const x = makeScale(spec.x.kind, ...extent(rows.map((r) => r.x), spec.x.kind, 0), box.left, box.right);
  const values = rows.flatMap((r) => [r.y, r.low, r.high]).concat(spec.levels || []);
  const y = makeScale(spec.y.kind, ...extent(values, spec.y.kind, 0.06), box.bottom, box.top);
  drawAxes(svg, box, x, y, spec);
  for (const level of spec.levels || []) {
    draw(svg, "line", { x1: box.left, x2: box.right, y1: y(level), y2: y(level), class: "level" });
  }
  for (const series of spec.series) drawSeries(svg, x, y, series);
  for (const mark of spec.marks || []) drawMark(svg, box, x, mark);
  return Object.assign(svg, { scaleX: x, scaleY: y, box });
}

function extent(values, kind, margin) {
  const finite = values.filter((v) => Number.isFinite(v) && (kind !== "log" || v > 0));
  if (!finite.length) return kind === "log" ? [1, 10] : [0, 1];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  if (kind === "log") return [low / (1 + 3 * margin), high * (1 + 3 * margin)];
  const room = (high - low || Math.abs(high) || 1) * margin;
  return kind === "linear" ? [low - room, high + room] : [low < 0 ? low * 1.3 : low, high * 1.3];
}

function drawAxes(svg, box, x, y, spec) {
  for (const value of x.ticks(spec.width < 420 ? 4 : 8)) {
    draw(svg, "line", { x1: x(value), x2: x(value), y1: box.top, y2: box.bottom, class: "grid" });
    draw(svg, "text", { x: x(value), y: box.bottom + 17, "text-anchor": "middle" }, numbers.plain(value));
  }
  for (const value of y.ticks(6)) {
    draw(svg, "line", { x1: box.left, x2: box.right, y1: y(value), y2: y(value), class: "grid" });
    draw(svg, "text", { x: box.left - 6, y: y(value) + 4, "text-anchor": "end" }, numbers.plain(value));
  }
  draw(svg, "path", { d: `M${box.left},${box.top}V${box.bottom}H${box.right}`, class: "axis" });
  const middle = (box.top + box.bottom) / 2;
  draw(svg, "text", { x: (box.left + box.right) / 2, y: spec.height - 8, "text-anchor": "middle" }, spec.x.label);
  draw(svg, "text", {
    x: 13, y: middle, "text-anchor": "middle", transform: `rotate(-90 13 ${middle})`,
  }, spec.y.label);
}

function drawSeries(svg, x, y, series) {
  const rows = series.rows.filter((r) => Number.isFinite(r.y) && Number.isFinite(y(r.y)));
  if (!rows.length) return;
  const at = (r, v) => `${x(r.x).toFixed(1)},${y(v).toFixed(1)}`;
  const banded = rows.filter((r) => Number.isFinite(r.low) && Number.isFinite(r.high));
  if (banded.length > 1) {
    const edge = [...banded.map((r) => at(r, r.high)), ...banded.map((r) => at(r, r.low)).reverse()];
    draw(svg, "path", { d: `M${edge.join("L")}z`, fill: series.color, opacity: 0.18 });
  }
  const line = { d: `M${rows.map((r) => at(r, r.y)).join("L")}`, fill: "none", stroke: series.color };
  if (!series.dotsOnly) draw(svg, "path", { ...line, "stroke-width": 1.8, "stroke-dasharray": series.dash });
  const every = Math.max(1, Math.floor(rows.length / 12));
  const filled = series.marker === "x" ? "none" : series.color;
  for (const row of series.marker ? rows.filter((_, i) => i % every === 0) : []) {
    const place = `translate(${at(row, row.y).replace(",", " ")})`;
    draw(svg, "path", { d: SHAPES[series.marker] || SHAPES.o, transform: place, fill: filled, stroke: series.color });
  }
}

function drawMark(svg, box, x, mark) {
  const place = x(mark.x);
  if (!(place >= box.left - 1 && place <= box.right + 1)) return;
  draw(svg, "line", { x1: place, x2: place, y1: box.top, y2: box.bottom, class: "mark" });
  const right = place > (box.left + box.right) / 2;
  draw(svg, "text", {
    x: place + (right ? -5 : 5), y: box.top + 12, "text-anchor": right ? "end" : "start", class: "marked",
  }, mark.label);
}
