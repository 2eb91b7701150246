/* A number opens a card that says what it is, how sure, and where it stands; and leads there and back. */
"use strict";

function startCited() {
  const card = make("div", { className: "cited", popover: "auto" });
  card.setAttribute("role", "note");
  document.body.append(card);
  const back = make("button", { type: "button", className: "tool back", textContent: "Back to where you read", hidden: true });
  document.body.append(back);
  for (const term of document.querySelectorAll("button.term")) {
    const meaning = document.getElementById(term.getAttribute("popovertarget"));
    term.addEventListener("click", () => setTimeout(() => { // it opens after the click was heard
      if (meaning.matches(":popover-open")) placeCard(meaning, term);
    }));
  }
  let from = null;
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.num");
    const row = link && document.getElementById(link.getAttribute("href").slice(1));
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    from = link;
    fillCard(card, link, row);
    card.showPopover();
    placeCard(card, link);
    card.querySelector("a").focus();
  });
  card.addEventListener("click", (event) => {
    if (!event.target.closest("a")) return;
    card.hidePopover();
    back.hidden = false;
  });
  card.addEventListener("keydown", (event) => {
    if (event.key === "Tab") { card.hidePopover(); from.focus(); event.preventDefault(); }
  });
  card.addEventListener("toggle", (event) => {
    if (event.newState === "closed" && card.contains(document.activeElement)) from.focus();
  });
  back.addEventListener("click", () => {
    back.hidden = true;
    from.scrollIntoView({ block: "center" });
    from.focus();
  });
}

function fillCard(card, link, row) {
  const [table, line, what, value, seeds, diverged] = [...row.cells].map((cell) => cell.textContent.trim());
  const facts = [["value", value], ["what", what], ["seeds", seeds], ["diverged", diverged === "0" ? "" : diverged],
    ["where", `${table}.csv, line ${line}`]];
  const list = make("dl", {}, ...facts.filter(([, text]) => text)
    .flatMap(([name, text]) => [make("dt", { textContent: name }), make("dd", { textContent: text })]));
  const there = make("a", { href: link.getAttribute("href"), textContent: "Its line in the list of sources" });
  card.replaceChildren(list, make("p", {}, there));
}

/* Under the number, or over it where there is no room; inside the window. */
function placeCard(card, link) {
  const at = link.getBoundingClientRect(), { width, height } = card.getBoundingClientRect();
  const under = at.bottom + 6 + height <= innerHeight;
  Object.assign(card.style, { inset: "auto", margin: "0" });
  card.style.top = `${Math.max(8, under ? at.bottom + 6 : at.top - height - 6)}px`;
  card.style.left = `${Math.max(8, Math.min(at.left, document.documentElement.clientWidth - width - 8))}px`;
}
