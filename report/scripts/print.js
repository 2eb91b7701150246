/* On paper: where the page came from, under every page where the browser can, and at the end. */
"use strict";

function startPrinting() {
  const from = document.querySelector(".printed-from"), feet = document.createElement("style");
  document.head.append(feet);
  addEventListener("beforeprint", () => {
    const [address] = location.href.split("#");
    from.textContent = address;
    feet.textContent = `@page { @bottom-left { content: "${address.replace(/["\\]/g, "\\$&")}"; font-size: 8pt; } }`;
  });
  addEventListener("afterprint", () => { from.textContent = feet.textContent = ""; });
}
