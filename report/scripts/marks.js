/* Marks a value on the drawn figures, whose axes say where they lie (data-axes). */
"use strict";

function markFigure(name, column, value, label) {
  const figure = document.getElementById(`fig-${name}`);
  const svg = figure?.querySelector(".plot > svg");
  if (!svg || !figure.dataset.axes) return;
  svg.querySelectorAll(".calculated").forEach((old) => old.remove());
  for (const axes of JSON.parse(figure.dataset.axes)) {
    const place = axes.column === column ? between(axes.knots, value) : null;
    if (place === null) continue;
    const [left, top, right, bottom] = axes.box;
    const group = draw(svg, "g", { class: "calculated" });
    draw(group, "line", { x1: place, x2: place, y1: top, y2: bottom });
    const late = place > (left + right) / 2;
    draw(group, "text", {
      x: place + (late ? -3 : 3), y: top + 9, "text-anchor": late ? "end" : "start",
    }, label);
  }
}

/* Where a value lies between knots [value, place]: on their logarithm, or linearly from zero. */
function between(knots, value) {
  for (let i = 1; i < knots.length; i++) {
    const [[low, from], [high, to]] = [knots[i - 1], knots[i]];
    if (value < low || value > high) continue;
    const bend = low > 0 ? Math.log : (v) => v;
    return from + ((bend(value) - bend(low)) / (bend(high) - bend(low))) * (to - from);
  }
  return null;
}
