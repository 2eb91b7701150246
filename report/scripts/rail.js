/* The list of contents: open beside the text where there is room, and marked where one reads. */
"use strict";

function startRail() {
  const contents = document.getElementById("contents");
  const links = new Map([...contents.querySelectorAll("a")].map((a) => [a.getAttribute("href").slice(1), a]));
  const beside = matchMedia("(min-width: 68.75rem)");
  const place = () => { contents.open = beside.matches; };
  beside.addEventListener("change", place);
  place();
  const seen = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target.id);
    const first = [...links.keys()].find((id) => seen.has(id));
    if (!first) return;
    for (const [id, link] of links) {
      if (id === first) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-10% 0px -60% 0px" }); // where one has jumped to, the end of what is above it is seen too
  for (const id of links.keys()) watcher.observe(document.getElementById(id));
}
