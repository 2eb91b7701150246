/* The shelf: its claims searched by words, its tables sorted. */
"use strict";

function startSearch() {
  const field = document.getElementById("search"), count = document.getElementById("n-shown");
  const rows = [...document.querySelectorAll("#table-claims tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const look = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      n += row.hidden ? 0 : 1;
    });
    count.textContent = `${n} of ${rows.length} claims`;
  };
  field.addEventListener("input", look);
  look();
}

document.documentElement.classList.add("scripted");
startTheme();
startPrinting();
startTables();
if (document.getElementById("search")) startSearch();
