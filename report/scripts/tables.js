/* Tables: sort by a column, copy as tab-separated text. */
"use strict";

function startTables() {
  for (const table of document.querySelectorAll("table.sortable")) {
    table.querySelectorAll("thead th").forEach((head, column) => makeSortable(table, head, column));
    const tools = table.closest(".table")?.querySelector(".tools");
    if (!tools) continue;
    const button = make("button", { type: "button", className: "tool", textContent: "Copy" });
    button.addEventListener("click", () => copyTable(table, button));
    tools.prepend(button);
  }
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

function copyTable(table, button) {
  const cells = (row) => [...row.cells].map((c) => c.textContent.trim().replace(/\s+/g, " "));
  const text = [...table.rows].map((row) => cells(row).join("\t")).join("\n");
  const done = (worked) => {
    button.textContent = worked ? "Copied" : "Select and copy by hand";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => done(true), () => done(copyOld(text)));
  else done(copyOld(text));
}

/* Where the page has no clipboard, as in some browsers when it is opened from disk. */
function copyOld(text) {
  const area = make("textarea", { value: text });
  document.body.append(area);
  area.select();
  const worked = document.execCommand("copy");
  area.remove();
  return worked;
}
