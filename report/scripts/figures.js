/* Every figure as SVG and PNG, on white paper, and its data as a table. */
"use strict";

const MOST_ROWS_OF_FIGURE = 200;

function startFigures() {
  for (const figure of document.querySelectorAll("figure[id]")) {
    const tools = figure.querySelector(".tools"), name = figure.id.replace("fig-", "");
    const title = figure.querySelector("figcaption strong").textContent;
    const tool = (label, act) => {
      const button = make("button", { type: "button", className: "tool", textContent: label });
      button.append(make("span", { className: "unseen", textContent: `: ${title}` }));
      button.addEventListener("click", () => act(button));
      tools.append(button);
    };
    tool("SVG", () => save(`${name}.svg`, new Blob([drawnAlone(figure)], { type: "image/svg+xml" })));
    tool("PNG", () => asPng(drawnAlone(figure), (blob) => save(`${name}.png`, blob)));
    tool("Table", (button) => toggleData(figure, button, title));
  }
}

/* What is seen of the figure, its drawing or its chart, with colours of its own. */
function drawnAlone(figure) {
  const shown = [...figure.querySelectorAll("svg:not(.swatch)")].find((svg) => svg.checkVisibility());
  const svg = (shown || figure.querySelector("svg")).cloneNode(true);
  const [, , width, height] = svg.getAttribute("viewBox").split(/\s+/);
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  svg.setAttribute("style", "background:#fff;color:#000;font:12px sans-serif");
  for (const line of svg.querySelectorAll(".grid")) line.setAttribute("style", "stroke:#000;opacity:.12");
  for (const line of svg.querySelectorAll(".axis, .level, .cursor")) line.setAttribute("style", "stroke:#000;fill:none");
  return new XMLSerializer().serializeToString(svg)
    .replace(/var\(--c[0-9a-f]{6},\s*(#[0-9a-f]{6})\)/g, "$1").replaceAll("currentColor", "#000000");
}

function asPng(text, done) {
  const image = new Image();
  image.addEventListener("load", () => {
    const canvas = make("canvas", { width: 3 * image.width, height: 3 * image.height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(done, "image/png");
  });
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}

function save(name, blob) {
  const link = make("a", { download: name, href: URL.createObjectURL(blob) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function toggleData(figure, button, title) {
  const old = figure.querySelector(".figure-data");
  button.setAttribute("aria-expanded", String(!old));
  if (old) return old.remove();
  const rows = figureRows(figure), names = Object.keys(rows[0]);
  const cell = (name, text) => make(name, { textContent: text });
  const head = make("tr", {}, ...names.map((name) => Object.assign(cell("th", name.replaceAll("_", " ")), { scope: "col" })));
  const body = rows.slice(0, MOST_ROWS_OF_FIGURE)
    .map((row) => make("tr", {}, ...names.map((name) => cell("td", readable(row[name])))));
  const left = rows.length - body.length;
  const box = make("div", { className: "scroll tall figure-data", tabIndex: 0 },
    make("table", { className: "small" }, make("thead", {}, head), make("tbody", {}, ...body)),
    left > 0 ? make("p", { textContent: `${left} more rows are in the CSV file.` }) : "");
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", `Data: ${title}`);
  return figure.append(box);
}

function readable(text) {
  return text && Number.isFinite(Number(text)) ? numbers.plain(Number(text)) : text;
}
