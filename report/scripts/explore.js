/* Makes a figure explorable: choose a panel, hide curves, read values at a place, by mouse or keys. */
"use strict";

/* HTML elements without a templating language; texts are texts, never markup. */
function make(name, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const element = Object.assign(document.createElement(name), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

function parseCsv(text) {
  const [head, ...lines] = text.trim().split("\n").map(splitLine);
  return lines.map((cells) => Object.fromEntries(head.map((name, i) => [name, cells[i]])));
}

function splitLine(line) {
  const cells = line.trimEnd().match(/("([^"]|"")*"|[^,]*)(,|$)/g) || [];
  return cells.map((c) => c.replace(/,$/, "").replace(/^"|"$/g, "").replaceAll('""', '"'))
    .slice(0, line.trimEnd().endsWith(",") ? undefined : -1);
}

function figureRows(figure) {
  const link = figure.querySelector("a[data-file]").getAttribute("href");
  return parseCsv(decodeURIComponent(link.slice(link.indexOf(",") + 1)));
}

const number = (cell) => (cell === "" || cell === undefined ? NaN : Number(cell));

class Explorer {
  constructor(figure, spec) {
    Object.assign(this, { figure, spec, hidden: new Set(), marks: [] });
    this.plot = figure.querySelector(".plot");
    this.words = make("span", { textContent: "Explore" });
    this.button = make("button", { type: "button", className: "tool" }, this.words,
      make("span", { className: "unseen", textContent: `: ${spec.title}` }));
    this.button.setAttribute("aria-expanded", "false");
    this.button.addEventListener("click", () => this.toggle());
    figure.querySelector(".tools").prepend(this.button);
  }

  toggle() {
    const open = this.button.getAttribute("aria-expanded") === "false";
    this.button.setAttribute("aria-expanded", String(open));
    this.words.textContent = open ? "Show the drawn figure" : "Explore";
    if (open && !this.box) this.build();
    this.plot.hidden = open;
    this.box.hidden = !open;
    if (open) this.redraw();
  }

  build() {
    const { spec, figure } = this;
    this.rows = figureRows(figure);
    this.panel = spec.panels[0].key;
    this.picture = make("div", { className: "picture" });
    this.slider = make("input", { type: "range", step: 1, min: 0, value: 0, id: `${figure.id}-at` });
    this.where = make("output", { className: "where" });
    const label = make("label", { htmlFor: this.slider.id, textContent: `${spec.x.label}: ` }, this.where);
    this.values = make("div", { className: "values" });
    this.values.setAttribute("aria-live", "polite");
    this.shown = make("p", { className: "shown" });
    this.box = make("div", { className: "explore" }, this.chooser(), this.legend(), this.shown, this.picture,
      make("p", { className: "reading" }, label, this.slider), this.values);
    this.slider.addEventListener("input", () => this.read());
    this.picture.addEventListener("pointermove", (event) => this.point(event));
    this.plot.after(this.box);
    addEventListener("resize", () => this.box.hidden || this.redraw());
  }

  chooser() {
    const { panels, chooser } = this.spec;
    if (panels.length < 2) return "";
    const options = panels.map((p) => make("option", { value: p.key, textContent: p.label }));
    this.select = make("select", {}, ...options);
    this.select.addEventListener("change", () => this.show(this.select.value));
    return make("p", {}, make("label", { textContent: `${chooser} ` }, this.select));
  }

  legend() {
    const group = make("div", { className: "legend" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Curves");
    for (const series of this.spec.series) {
      const box = make("input", { type: "checkbox", checked: true });
      box.addEventListener("change", () => {
        this.hidden[box.checked ? "delete" : "add"](series.key);
        this.redraw();
      });
      group.append(make("label", {}, box, swatch(series), series.label));
    }
    return group;
  }

  /* Another panel. */
  show(key) {
    this.panel = key;
    if (this.select) this.select.value = key;
    this.redraw();
  }

  /* The panel of a training set, by the σ of its environments, if there is one. */
  panelOf(train) {
    return this.spec.panels.find((p) => isSameSet(p.members, train));
  }

  showTraining(train) {
    const panel = this.panelOf(train);
    if (panel && this.box) this.show(panel.key);
  }

  redraw() {
    const { spec } = this;
    const chosen = spec.panels.find((p) => p.key === this.panel);
    this.shown.textContent = chosen.label ? `Shown: ${spec.chooser.toLowerCase()} ${chosen.label}. The caption below is of the drawn figure.` : "";
    const mine = this.rows.filter((row) => chosen.where.every(([c, v]) => row[c] === v));
    const all = spec.series.map((s) => ({ ...s, rows: seriesRows(mine, s, spec) }));
    this.places = [...new Set(all.flatMap((s) => s.rows.map((r) => r.x)).filter(Number.isFinite))]
      .sort((a, b) => a - b);
    this.series = all.map((s) => levelled(s, this.places))
      .filter((s) => s.rows.length && !this.hidden.has(s.key));
    this.slider.max = this.places.length - 1;
    const width = Math.max(300, Math.min(680, this.figure.clientWidth));
    this.chart = lineChart({
      width, height: Math.round(Math.min(380, 0.35 * width + 150)), title: `${spec.title}, ${chosen.label}`,
      x: spec.x, y: { label: chosen.y || spec.y.label, kind: chosen.kind || spec.y.kind },
      series: this.series, levels: chosen.levels || [], marks: this.marks,
    });
    this.picture.replaceChildren(this.chart);
    this.read();
  }

  /* Values of every curve where the slider stands. */
  read() {
    const x = this.places[this.slider.value] ?? this.places[0];
    this.where.textContent = numbers.plain(x);
    this.slider.setAttribute("aria-valuetext", `${this.spec.x.label} ${numbers.plain(x)}`);
    this.cursor?.remove();
    const { box } = this.chart, place = this.chart.scaleX(x);
    this.cursor = draw(this.chart, "line", { x1: place, x2: place, y1: box.top, y2: box.bottom, class: "cursor" });
    const found = this.series.map((s) => [s, s.rows.find((r) => r.x === x)]).filter(([, row]) => row);
    this.dots?.remove();
    this.dots = draw(this.chart, "g", { class: "dots" });
    for (const [series, row] of found) {
      draw(this.dots, "circle", { cx: place, cy: this.chart.scaleY(row.y), r: 5, fill: "none", stroke: series.color, "stroke-width": 2 });
    }
    this.values.replaceChildren(make("ul", {}, ...found.map(([series, row]) => make("li", {},
      swatch(series), `${series.label}: ${numbers.significant(row.y, 3)}`,
      Number.isFinite(row.low) ? ` [${numbers.significant(row.low, 3)}, ${numbers.significant(row.high, 3)}]` : ""))));
  }

  point(event) {
    const frame = this.chart.getBoundingClientRect();
    const at = ((event.clientX - frame.left) / frame.width) * this.chart.viewBox.baseVal.width;
    const away = this.places.map((x) => Math.abs(this.chart.scaleX(x) - at));
    this.slider.value = away.indexOf(Math.min(...away));
    this.read();
  }
}

function isSameSet(members, train) {
  const sorted = (values) => [...values].sort((a, b) => a - b).join();
  return sorted(members) === sorted(train);
}

function seriesRows(rows, series, spec) {
  const mine = rows.filter((row) => series.where.every(([c, v]) => row[c] === v));
  const [low, high] = spec.band;
  return mine.map((row) => ({
    x: number(row[spec.x.column]), y: number(row[series.column]),
    low: series.column === "mean" ? number(row[low]) : NaN,
    high: series.column === "mean" ? number(row[high]) : NaN,
  })).filter((row) => Number.isFinite(row.y)).sort((a, b) => a.x - b.x);
}

/* A method whose one value belongs to no place is a level line. */
function levelled(series, places) {
  const [first] = series.rows;
  if (series.rows.length !== 1 || Number.isFinite(first.x)) return series;
  return { ...series, marker: "", rows: places.map((x) => ({ ...first, x })) };
}

function swatch(series) {
  const svg = draw(document.createElement("div"), "svg", {
    viewBox: "-16 -7 32 14", class: "swatch", "aria-hidden": "true",
  });
  if (!series.dotsOnly) {
    draw(svg, "path", { d: "M-16,0H16", stroke: series.color, "stroke-width": 1.8, "stroke-dasharray": series.dash });
  }
  const fill = series.marker === "x" ? "none" : series.color;
  draw(svg, "path", { d: SHAPES[series.marker] || SHAPES[""], fill, stroke: series.color });
  return svg;
}

/* By figure name. */
const explorers = {};

function startExplorers() {
  for (const source of document.querySelectorAll('script[data-explore]')) {
    const name = source.dataset.explore, figure = document.getElementById(`fig-${name}`);
    if (figure) explorers[name] = new Explorer(figure, JSON.parse(source.textContent));
  }
}
