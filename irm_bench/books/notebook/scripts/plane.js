/* The weights in the plane of φ(X) and φ(Z), update by update: paths of the page's own runs, and
   from random starts those that theory computes. Without scripts the drawn figure shows three moments. */
"use strict";

const PLANE = { x: [-0.6, 1.8], y: [-0.8, 1.5], near: { x: [-0.1, 1.35], y: [-0.25, 1.1] } };
const N_STARTS = 6;
const NOBODY = "nobody"; // no seed has this name, and the mean has none

class Stepper {
  constructor(figure, setting) {
    Object.assign(this, { figure, setting, starts: [] });
    this.rows = figureRows(figure);
    this.paths = groupPaths(this.rows.filter((row) => row.kind !== "zero penalty"));
    this.zero = groupPaths(this.rows.filter((row) => row.kind === "zero penalty"));
    this.places = [...new Set(this.paths.flatMap((p) => p.points.map((q) => q.updates)))].sort((a, b) => a - b);
    this.words = make("span", { textContent: "Step through" });
    this.button = make("button", { type: "button", className: "tool" }, this.words);
    this.button.setAttribute("aria-expanded", "false");
    this.button.addEventListener("click", () => this.toggle());
    figure.querySelector(".tools").prepend(this.button);
  }

  toggle() {
    const open = this.button.getAttribute("aria-expanded") === "false";
    this.button.setAttribute("aria-expanded", String(open));
    this.words.textContent = open ? "Show the drawn figure" : "Step through";
    if (open && !this.box) this.build();
    this.figure.querySelector(".plot").hidden = open;
    this.box.hidden = !open;
    if (open) this.redraw();
    else this.stop();
  }

  build() {
    const seeds = [...new Set(this.paths.filter((p) => p.seed).map((p) => p.seed))];
    const option = (value, textContent) => make("option", { value, textContent });
    const runs = () => [option("", "the mean over all seeds"), ...seeds.map((s) => option(s, `seed ${s}`))];
    this.seed = make("select", {}, ...runs());
    this.beside = make("select", {}, option(NOBODY, "nothing"), ...runs());
    this.slider = make("input", { type: "range", min: 0, max: this.places.length - 1, step: 1, value: 0, id: "plane-at" });
    this.where = make("output", { className: "where" });
    this.play = make("button", { type: "button", className: "tool", textContent: "Play" });
    const random = make("button", { type: "button", className: "tool", textContent: "Start anywhere" });
    this.legend = make("div", { className: "legend" });
    this.picture = make("div", { className: "picture" });
    this.values = make("p", { className: "values" });
    this.values.setAttribute("aria-live", "polite");
    for (const picker of [this.seed, this.beside]) picker.addEventListener("change", () => this.redraw());
    this.slider.addEventListener("input", () => { this.stop(); this.redraw(); });
    this.play.addEventListener("click", () => (this.timer ? this.stop() : this.run()));
    random.addEventListener("click", () => this.startAnywhere());
    this.box = make("div", { className: "stepper explore-box" },
      make("p", { className: "reading" }, make("label", { textContent: "Paths of " }, this.seed),
        make("label", { textContent: "beside " }, this.beside), random),
      this.legend, this.picture,
      make("p", { className: "reading" }, this.play, make("label", { htmlFor: "plane-at", textContent: "updates: " }, this.where), this.slider),
      this.values);
    this.figure.querySelector(".plot").after(this.box);
    addEventListener("resize", () => this.box.hidden || this.redraw());
  }

  /* A step every tenth of a second; with reduced motion, the end at once. */
  run() {
    const last = this.places.length - 1;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.slider.value = last;
      return this.redraw();
    }
    if (Number(this.slider.value) === last) this.slider.value = 0;
    this.play.textContent = "Pause";
    this.timer = setInterval(() => {
      this.slider.value = Number(this.slider.value) + 1;
      this.redraw();
      if (Number(this.slider.value) === last) this.stop();
    }, 100);
    return null;
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    if (this.play) this.play.textContent = "Play";
  }

  /* Other starts: ERM and IRM with infinitely many rows, by theory. */
  startAnywhere() {
    const { dim, train, error_weight: weight, learning_rate: rate } = this.setting;
    const random = () => Math.random() * 2 - 0.5;
    this.starts = Array.from({ length: N_STARTS }, () => {
      const start = Array.from({ length: 2 * dim }, random);
      return { erm: theory.path(start, train, null, rate, this.places), irm: theory.path(start, train, weight, rate, this.places) };
    });
    this.redraw();
  }

  redraw() {
    const at = Number(this.slider.value), updates = this.places[at];
    this.where.textContent = numbers.plain(updates);
    this.slider.setAttribute("aria-valuetext", `${numbers.plain(updates)} updates`);
    const [shown, beside] = [this.seed, this.beside].map(({ value }) => this.paths.filter((p) => p.seed === value));
    const width = Math.max(290, Math.min(640, this.figure.clientWidth - 24));
    const range = this.starts.length ? PLANE : PLANE.near;
    const svg = this.axes(width, range);
    for (const curve of this.zero) this.line(svg, curve.points, "currentColor", { class: "zero", "stroke-dasharray": "2 3", "stroke-width": 1.5 });
    for (const start of this.starts) {
      for (const name of ["erm", "irm"]) {
        const { color } = this.setting.looks[name];
        this.line(svg, start[name].slice(0, at + 1), color, { "stroke-width": 1, opacity: 0.7 });
        this.dot(svg, start[name][at], color, "o");
      }
    }
    for (const path of beside) this.path(svg, path, updates, { "stroke-width": 1, opacity: 0.8 }, "none");
    for (const path of shown) this.path(svg, path, updates, { "stroke-width": 2 });
    const star = draw(svg, "text", { x: svg.scaleX(1), y: svg.scaleY(0) + 5, "text-anchor": "middle", class: "star" }, "★");
    star.setAttribute("aria-hidden", "true");
    this.picture.replaceChildren(svg);
    this.tell(shown, beside, updates);
  }

  /* A path up to where it is after so many updates, and a mark there. */
  path(svg, path, updates, style, fill) {
    const look = this.look(path), points = path.points.filter((p) => p.updates <= updates);
    this.line(svg, points, look.color, { ...style, "stroke-dasharray": look.dash });
    this.dot(svg, points[points.length - 1], look.color, look.marker, fill);
  }

  axes(width, range) {
    const height = Math.round(0.7 * width), box = { left: 56, right: width - 14, top: 10, bottom: height - 44 };
    const svg = draw(document.createElement("div"), "svg", {
      viewBox: `0 0 ${width} ${height}`, role: "img", class: "chart plane",
      "aria-label": "Paths of the weights in the plane of φ(X) and φ(Z)",
    });
    const x = makeScale("linear", ...range.x, box.left, box.right), y = makeScale("linear", ...range.y, box.bottom, box.top);
    drawAxes(svg, box, x, y, { width, height, x: { label: "φ(X), mean weight of the causes" }, y: { label: "φ(Z), of the effects" } });
    return Object.assign(svg, { scaleX: x, scaleY: y, range });
  }

  /* The parts of a path that lie inside the axes. */
  line(svg, points, stroke, more) {
    let d = "", pen = "M";
    for (const point of points) {
      if (this.isInside(svg, point)) d += `${pen}${svg.scaleX(point.x).toFixed(1)},${svg.scaleY(point.y).toFixed(1)}`;
      pen = this.isInside(svg, point) ? "L" : "M";
    }
    if (d) draw(svg, "path", { d, fill: "none", stroke, ...more });
  }

  dot(svg, point, color, marker, fill = color) {
    if (!point || !this.isInside(svg, point)) return;
    const transform = `translate(${svg.scaleX(point.x).toFixed(1)} ${svg.scaleY(point.y).toFixed(1)})`;
    draw(svg, "path", { d: SHAPES[marker] || SHAPES.o, transform, fill, stroke: color });
  }

  isInside(svg, { x, y }) {
    const { x: [left, right], y: [low, high] } = svg.range;
    return x >= left && x <= right && y >= low && y <= high;
  }

  look(path) {
    return this.setting.trained.find((s) => s.key === `${path.method}-${path.penalty}`);
  }

  tell(shown, beside, updates) {
    this.legend.replaceChildren(...shown.map((path) => {
      const look = this.look(path);
      return make("span", {}, swatch(look), look.label);
    }), make("span", {}, "┄ no penalty in an environment"), make("span", {}, "★ the causes alone"));
    const here = (path) => path?.points.filter((p) => p.updates <= updates).pop();
    const told = shown.map((path) => {
      const other = beside.find((p) => p.method === path.method && p.penalty === path.penalty);
      return `${this.look(path).label}: ${placeWords(here(path), here(other))}`;
    });
    const thin = beside.length ? ` Thin and hollow: ${this.beside.selectedOptions[0].textContent}; in brackets, how much its weights differ.` : "";
    const more = this.starts.length ? ` Thin: ${N_STARTS} random starts with infinitely many rows.` : "";
    this.values.textContent = `${told.join("; ")}.${thin}${more}`;
  }
}

/* The weights at a place, and how far those of another run are from them. */
function placeWords(here, other) {
  const sign = (value) => (value < 0 ? "" : "+") + numbers.significant(value, 2);
  return [["φ(X)", "x"], ["φ(Z)", "y"]].map(([name, axis]) => {
    const more = other ? ` (${sign(other[axis] - here[axis])})` : "";
    return `${name} ${numbers.significant(here[axis], 3)}${more}`;
  }).join(", ");
}

/* Rows of one path, in the order of the table. */
function groupPaths(rows) {
  const found = new Map();
  for (const row of rows) {
    const key = [row.kind, row.environment, row.method, row.penalty, row.seed].join("|");
    if (!found.has(key)) found.set(key, { ...row, points: [] });
    const point = { x: number(row.phi_x), y: number(row.phi_z), updates: number(row.updates) };
    if (Number.isFinite(point.x) && Number.isFinite(point.y)) found.get(key).points.push(point);
  }
  return [...found.values()].filter((path) => path.points.length);
}

function startStepper() {
  const figure = document.getElementById("fig-phi_plane");
  const setting = document.getElementById("plane-setting");
  return figure && setting ? new Stepper(figure, JSON.parse(setting.textContent)) : null;
}
