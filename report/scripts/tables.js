/* Tables: sort by a column, copy as tab-separated text or as LaTeX, one stop for the tab key each. */
"use strict";

function startTables() {
  for (const table of document.querySelectorAll("table.sortable")) {
    table.querySelectorAll("thead th").forEach((head, column) => makeSortable(table, head, column));
    addCopies(table);
    rove(table);
  }
  for (const box of document.querySelectorAll('.scroll, .plot, math[display="block"]')) freeStop(box);
}

function addCopies(table) {
  const tools = table.closest(".table")?.querySelector(".tools");
  if (!tools) return;
  const title = table.closest(".scroll").getAttribute("aria-label");
  const kinds = [["Copy", asTabs], ["Copy as LaTeX", asLatex]];
  for (const [label, write] of kinds.reverse()) {
    const words = make("span", { textContent: label });
    const button = make("button", { type: "button", className: "tool" }, words,
      make("span", { className: "unseen", textContent: `: ${title}` }));
    button.addEventListener("click", () => copyText(write(table), words, label));
    tools.prepend(button);
  }
}

/* A box is a stop of its own only where it scrolls and nothing in it can be focused; as long as it is
   not laid out, it may scroll. */
function freeStop(box) {
  const stops = box.querySelector("a, button, [tabindex]");
  const look = () => {
    if (!stops && (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight)) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  if (!stops) box.tabIndex = 0;
  new ResizeObserver(look).observe(box);
}

/* Of the links and buttons of a table one is a stop; arrows, Home and End go to the others. */
function rove(table) {
  const all = () => [...table.querySelectorAll("thead button, tbody a")];
  all().forEach((one, i) => { one.tabIndex = i ? -1 : 0; });
  table.addEventListener("focusin", ({ target }) => {
    const stop = target.closest("thead button, tbody a");
    if (stop) all().forEach((one) => { one.tabIndex = one === stop ? 0 : -1; });
  });
  table.addEventListener("keydown", (event) => {
    const stops = all(), here = stops.indexOf(event.target);
    const moves = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: stops.length - 1 };
    const next = event.key in moves ? stops[moves[event.key]] : nextRow(stops, here, event.key);
    if (here < 0 || !next) return;
    event.preventDefault();
    next.focus();
  });
}

/* The stop nearest in the row under or over a stop. */
function nextRow(stops, here, key) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!step || here < 0) return null;
  const cell = stops[here].closest("th, td"), row = cell.parentElement;
  const others = step > 0 ? stops.slice(here) : stops.slice(0, here).reverse();
  const beyond = others.filter((one) => one.closest("tr") !== row);
  const near = beyond.filter((one) => one.closest("tr") === beyond[0].closest("tr"));
  const away = (one) => Math.abs(one.closest("th, td").cellIndex - cell.cellIndex);
  return near.sort((a, b) => away(a) - away(b))[0];
}

function makeSortable(table, head, column) {
  const button = make("button", { type: "button", className: "sort" }, ...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const falling = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const body = table.tBodies[0], rows = [...body.rows];
    rows.sort((a, b) => (falling ? -1 : 1) * compareCells(a.cells[column], b.cells[column]));
    body.append(...rows);
  });
}

/* Numbers before texts, numbers by size, texts by the alphabet, empty cells last. */
function compareCells(a, b) {
  const [x, y] = [a, b].map((cell) => cell.textContent.trim());
  const [m, n] = [x, y].map(numbers.parse);
  if (!x || !y) return (x ? 0 : 1) - (y ? 0 : 1);
  if (Number.isFinite(m) && Number.isFinite(n)) return m - n;
  if (Number.isFinite(m) !== Number.isFinite(n)) return Number.isFinite(m) ? -1 : 1;
  return x.localeCompare(y, "en");
}

const cellTexts = (row) => [...row.cells].map((c) => c.textContent.trim().replace(/\s+/g, " "));

function asTabs(table) {
  return [...table.rows].map((row) => cellTexts(row).join("\t")).join("\n");
}

const LATEX = {
  "\\": "\\textbackslash{}", "&": "\\&", "%": "\\%", "#": "\\#", _: "\\_", $: "\\$", "{": "\\{", "}": "\\}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
  "−": "$-$", "×": "$\\times$", "σ": "$\\sigma$", "φ": "$\\phi$", "γ": "$\\gamma$", "τ": "$\\tau$", "ε": "$\\varepsilon$",
  "λ": "$\\lambda$", "Σ": "$\\Sigma$", "<": "$<$", ">": "$>$", "\u2009": "\\,", "–": "--", "“": "``", "”": "''", "’": "'", "²": "$^2$",
};

function latexText(text) {
  return text.replace(/[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+/g, (run) => `\u0001${[...run].map((c) => "-0123456789"["⁻⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c)]).join("")}\u0002`)
    .replace(/[₀-₉]+/g, (run) => `\u0003${[...run].map((c) => "₀₁₂₃₄₅₆₇₈₉".indexOf(c)).join("")}\u0002`)
    .replace(/[\\&%#_${}~^−×σφγτελΣ<>\u2009–“”’²]/g, (c) => LATEX[c])
    .replace(/\u0001(.*?)\u0002/g, "$^{$1}$").replace(/\u0003(.*?)\u0002/g, "$_{$1}$");
}

/* As a booktabs tabular: numbers to the right as in the page. */
function asLatex(table) {
  const heads = [...table.tHead.rows[0].cells];
  const align = heads.map((cell) => (cell.classList.contains("n") ? "r" : "l")).join("");
  const line = (row) => `${cellTexts(row).map(latexText).join(" & ")} \\\\`;
  const body = [...table.tBodies[0].rows].map(line);
  return ["% needs \\usepackage{booktabs}", `\\begin{tabular}{${align}}`, "\\toprule", line(table.tHead.rows[0]),
    "\\midrule", ...body, "\\bottomrule", "\\end{tabular}", ""].join("\n");
}

function copyText(text, words, label) {
  const done = (worked) => {
    words.textContent = worked ? "Copied" : "Select and copy by hand";
    setTimeout(() => { words.textContent = label; }, 2000);
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => done(true), () => done(copyOld(text)));
  else done(copyOld(text));
}

/* Where the page has no clipboard, as in some browsers when it is opened from disk. */
function copyOld(text) {
  const area = make("textarea", { value: text }), before = document.activeElement;
  document.body.append(area);
  area.select();
  const worked = document.execCommand("copy");
  area.remove();
  before.focus();
  return worked;
}

if (typeof module !== "undefined") module.exports = { tables: { latexText } };
