/* Light, dark, or as the system has it; remembered where the browser lets a page remember. */
"use strict";

const THEMES = { system: "◐ Theme: system", light: "☀ Theme: light", dark: "☾ Theme: dark" };

function stored(value) {
  try {
    if (value !== undefined) localStorage.setItem("theme", value);
    return localStorage.getItem("theme");
  } catch {
    return null; // no storage: the choice lasts as long as the page
  }
}

function startTheme() {
  let theme = THEMES[stored()] ? stored() : "system";
  const button = make("button", { type: "button", className: "tool theme" });
  const apply = () => {
    button.textContent = THEMES[theme];
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  button.addEventListener("click", () => {
    const order = Object.keys(THEMES);
    theme = order[(order.indexOf(theme) + 1) % order.length];
    stored(theme);
    apply();
  });
  document.getElementById("top").append(button);
  apply();
}
