/* The map: which quantity and regime is shown, and of which methods and data. */
"use strict";

function startBook() {
  const pick = document.querySelector("[data-map-pick]");
  if (!pick) return;
  pick.hidden = false;
  const field = (name) => pick.querySelector(`[data-map-${name}]`);
  const show = () => {
    const wanted = `${field("regime").value} ${field("quantity").value}`;
    for (const box of document.querySelectorAll("[data-map]")) box.hidden = box.dataset.map !== wanted;
    const method = field("method").value.trim().toLowerCase(), data = field("data").value.trim().toLowerCase();
    for (const row of document.querySelectorAll("#map tr[data-method]")) {
      const other = (row.dataset.rowData || "").replaceAll("_", " ");
      row.hidden = !matches(row.dataset.method, method) || (other !== "" && !matches(other, data));
    }
    for (const cell of document.querySelectorAll("#map [data-data]")) {
      cell.hidden = !matches(cell.dataset.data.replaceAll("_", " "), data);
    }
  };
  pick.addEventListener("input", show);
  show();
}

/* Whether one of the words that are asked for, parted by commas, is in a text. */
function matches(text, wanted) {
  const words = wanted.split(",").map((word) => word.trim().replaceAll("_", " ")).filter(Boolean);
  return !words.length || words.some((word) => text.toLowerCase().includes(word));
}
