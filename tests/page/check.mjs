/* Opens a page in Chromium and prints, as JSON, all that a test may want to know of it.
   node check.mjs PAGE.html: a file from disk, in light, dark and narrow windows, with and without
   scripts; AXE=1 runs axe-core in each, before and after everything is opened; SEARCH=WORDS searches
   the claims of a site's first page for them. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const require = createRequire(import.meta.url);
const axe = require.resolve("axe-core/axe.min.js");
const WINDOWS = {
  light: { width: 1200, height: 900, scheme: "light" },
  dark: { width: 1200, height: 900, scheme: "dark" },
  phone: { width: 390, height: 844, scheme: "light" },
  "small, dark": { width: 320, height: 640, scheme: "dark" },
  "no scripts": { width: 1200, height: 900, scheme: "light", script: false },
};
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

async function look(browser, url, { width, height, scheme, script = true }) {
  const page = await browser.newPage();
  const found = { requests: [], console: [], violations: [] };
  page.on("request", (request) => {
    if (!request.url().startsWith("data:") && request.url() !== url) found.requests.push(request.url());
  });
  page.on("console", (message) => found.console.push(message.text()));
  page.on("pageerror", (error) => found.console.push(String(error)));
  await page.setJavaScriptEnabled(script);
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(url, { waitUntil: "load" });
  await page.setJavaScriptEnabled(true);
  Object.assign(found, await page.evaluate(measure));
  Object.assign(found, { header: await page.evaluate(readHeader) });
  if (script) {
    if (process.env.AXE) found.violations = await audit(page);
    found.keys = await byKeyboard(page);
    found.touched = await page.evaluate(touch);
    if (process.env.AXE) found.violations.push(...await audit(page));
    if (scheme === "light" && width > 1000) {
      found.mismarked = await followContents(page);
      found.walk = await walk(page);
      if (await page.$("#answer a.num")) found.cited = await followNumber(page);
      await page.emulateMediaType("print");
      found.printed = await page.evaluate(onPaper);
      await page.emulateMediaType("screen");
    }
    found.calculator = await page.evaluate(calculate);
    found.runs = await page.evaluate(compareRuns);
    if (process.env.SEARCH) Object.assign(found, await page.evaluate(searchShelf, process.env.SEARCH));
  }
  await page.close();
  return found;
}

/* What is seen without touching anything. */
function measure() {
  const seen = (element) => element.checkVisibility();
  const parts = [...document.querySelectorAll("main > section")];
  const lay = (how) => parts.forEach((part) => { part.style.contentVisibility = how; });
  lay("visible"); // the text that is seen is that of what is laid out
  const text = document.body.innerText.length;
  const wide = [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1
    && !e.closest(".scroll, .plot, pre, math, svg"));
  lay("");
  return {
    overflow: document.documentElement.scrollWidth - innerWidth,
    wide: wide.slice(0, 5).map((e) => e.outerHTML.slice(0, 200)),
    text,
    figures: [...document.querySelectorAll("figure .plot")].filter(seen).length,
    sections: [...document.querySelectorAll("main > section")].filter(seen).length,
    buttons: document.querySelectorAll("button").length,
    formVisible: Boolean(document.querySelector("form:not([hidden])")),
    background: getComputedStyle(document.body).backgroundColor,
  };
}

/* The header that a site gives its pages. */
function readHeader() {
  const header = document.querySelector("nav.site");
  if (!header) return null;
  const links = [...header.querySelectorAll("a")];
  return {
    seen: links.length > 0 && links.every((link) => link.checkVisibility()),
    current: links.filter((link) => link.getAttribute("aria-current") === "page").map((link) => link.textContent),
    right: Math.max(...links.map((link) => link.getBoundingClientRect().right)) - innerWidth,
  };
}

/* What is on paper for the reader on screen alone, and what paper says of the page's address. */
function onPaper() {
  dispatchEvent(new Event("beforeprint"));
  const feet = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).map((rule) => rule.cssText);
  const from = document.querySelector(".printed-from");
  const found = {
    from: from.textContent,
    foot: feet.join("").match(/@bottom-left\s*{[^}]*content:\s*"([^"]*)"/)?.[1] ?? "",
    shown: [...document.querySelectorAll(".site, .rail, .tools, .up, .theme, #runs-pick")]
      .filter((e) => e.checkVisibility()).map((e) => e.outerHTML.slice(0, 120)),
  };
  dispatchEvent(new Event("afterprint"));
  return { ...found, after: from.textContent };
}

/* Opens a figure's explorer and reads on, with keys alone. */
async function byKeyboard(page) {
  if (!(await page.$(".tool[aria-expanded]"))) return null;
  await page.focus(".tool[aria-expanded]");
  await page.keyboard.press("Enter");
  const read = () => page.evaluate(() => ({
    open: document.activeElement.getAttribute("aria-expanded"),
    where: document.querySelector(".explore .where").textContent,
    values: document.querySelectorAll(".explore .values li").length,
  }));
  const first = await read();
  await page.focus(".explore input[type=range]");
  await page.keyboard.press("ArrowRight");
  return { first, second: await read() };
}

/* Chapters that the contents lead to, but where they then mark another one. */
async function followContents(page) {
  const found = [];
  for (const link of await page.$$("#contents a")) {
    await link.evaluate((a) => a.click());
    await new Promise((done) => setTimeout(done, 200)); // what scrolls is told between two frames
    if (!(await link.evaluate((a) => a.matches("[aria-current]")))) {
      found.push(await link.evaluate((a) => a.getAttribute("href")));
    }
  }
  return found;
}

/* Goes through the whole page with the tab key; then presses one button of each kind. */
async function walk(page) {
  const n = await page.evaluate(() => {
    document.activeElement.blur();
    scrollTo(0, 0);
    globalThis.unseen = [];
    document.addEventListener("focusin", ({ target }) => {
      target.dataset.walked = "yes";
      if (getComputedStyle(target).outlineStyle === "none") globalThis.unseen.push(target.outerHTML.slice(0, 120));
    });
    globalThis.stops = () => [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex]")]
      .filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility());
    return globalThis.stops().length;
  });
  for (let i = 0; i < n + 20; i++) await page.keyboard.press("Tab");
  const { missed, unseen, kinds } = await page.evaluate(() => {
    const kinds = {};
    for (const button of globalThis.stops().filter((e) => e.matches("button:not(.theme, [aria-expanded])"))) {
      const kind = button.className + button.textContent.split(":")[0];
      kinds[button.matches(".term, .sort") ? button.className : kind] ??= button;
    }
    globalThis.kinds = Object.values(kinds);
    return {
      missed: globalThis.stops().filter((e) => !e.dataset.walked).map((e) => e.outerHTML.slice(0, 120)),
      unseen: globalThis.unseen, kinds: globalThis.kinds.length,
    };
  });
  for (let i = 0; i < kinds; i++) {
    await page.evaluate((k) => globalThis.kinds[k].focus(), i);
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
  }
  return { pressed: kinds, unseen, missed, stops: n };
}

/* With keys alone: a number's card, closed again; then its line in the sources, and the way back. */
async function followNumber(page) {
  const isBack = () => page.evaluate(() => document.activeElement === document.querySelector("#answer a.num"));
  await page.focus("#answer a.num");
  await page.keyboard.press("Enter");
  const card = await page.evaluate(() => document.querySelector(".cited:popover-open")?.innerText ?? "");
  await page.keyboard.press("Escape");
  const closed = await isBack();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  const target = await page.evaluate(() => document.querySelector("tr:target")?.closest("section").id ?? "");
  await page.focus(".back");
  await page.keyboard.press("Enter");
  return { card, closed, target, returned: await isBack() };
}

/* Opens every explorer, sorts a table both ways, turns the theme. */
function touch() {
  document.querySelectorAll('.tool[aria-expanded="false"]').forEach((button) => button.click());
  const table = document.querySelector("table.sortable");
  const column = Math.min(3, table.tHead.rows[0].cells.length - 1);
  const sort = () => {
    table.querySelectorAll("thead th")[column].querySelector("button").click();
    return [...table.tBodies[0].rows].map((row) => row.cells[column].textContent.trim());
  };
  const sorted = [sort(), sort()];
  const theme = document.querySelector("button.theme");
  const themes = !theme ? [] : [1, 2, 3].map(() => {
    theme.click();
    return [document.documentElement.dataset.theme ?? "system", getComputedStyle(document.body).backgroundColor];
  });
  return {
    sorted, themes,
    explorers: document.querySelectorAll(".explore .chart").length,
    curves: [...document.querySelectorAll(".explore .chart")].map((c) => c.querySelectorAll("path").length),
    overflow: document.documentElement.scrollWidth - innerWidth,
  };
}

/* Sets the calculator and reads its table; also its table as the page came. */
function calculate() {
  const form = document.getElementById("calculator-form");
  if (!form) return null;
  const read = () => [...document.querySelectorAll("#table-calculator tbody tr")]
    .map((row) => [...row.cells].map((cell) => cell.textContent));
  const initial = read();
  const chosen = () => document.querySelector("#fig-risk_over_sigma select")?.value;
  form.elements.train.value = "2, 0.2";
  form.dispatchEvent(new Event("input", { bubbles: true }));
  const panel = chosen();
  form.elements.train.value = "0.2, 1, 1.5";
  form.elements.sigma.value = "0.7";
  form.elements.weight.value = "0.001";
  form.dispatchEvent(new Event("input", { bubbles: true }));
  const set = read();
  const marks = document.querySelectorAll(".calculated").length;
  form.elements.train.value = "nonsense";
  form.dispatchEvent(new Event("input", { bubbles: true }));
  return { initial, set, marks, panel, message: form.querySelector(".message").textContent };
}

/* The table of two runs as the page came, with another run beside the mean, and of another study. */
function compareRuns() {
  const table = document.querySelector("#table-runs table");
  if (!table) return null;
  const read = () => ({
    heads: [...table.tHead.rows[0].cells].map((cell) => cell.textContent),
    study: table.caption.querySelector("[data-run=study]").textContent,
    rows: [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent)),
  });
  const [study, first, second] = document.querySelectorAll("#runs-pick select");
  const choose = (picker, value) => {
    picker.value = value;
    picker.dispatchEvent(new Event("change"));
  };
  const initial = read();
  choose(first, first.options[0].value);
  const again = read();
  choose(first, first.options[1].value);
  choose(second, "mean");
  const mean = read();
  choose(study, study.options[1].value);
  return { initial, again, mean, other: read(), seeds: [...first.options].map((option) => option.value) };
}

/* On the first page of a site: the books of the claims that have these words, and what stays where
   it is as the table of errors is scrolled. */
function searchShelf(words) {
  const field = document.getElementById("search"), rows = [...document.querySelectorAll("#table-claims tbody tr")];
  const shown = () => rows.filter((row) => row.checkVisibility());
  const set = (text) => {
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  set(words);
  const books = shown().map((row) => row.cells[1].textContent);
  const told = document.getElementById("n-shown").textContent;
  set("");
  const box = document.querySelector("#table-matrix .scroll"), head = box.querySelector("tbody th");
  const left = () => head.getBoundingClientRect().left - box.getBoundingClientRect().left;
  const before = left();
  box.scrollLeft = box.scrollWidth;
  return {
    searched: { all: rows.length, books, told, after: shown().length },
    heads: { scrolled: box.scrollLeft, moved: left() - before },
  };
}

async function audit(page) {
  // axe is put in by the debugger, not by the page: its policy stays as it is.
  await page.evaluate(require("node:fs").readFileSync(axe, "utf8"));
  const result = await page.evaluate(() => globalThis.axe.run(document, {
    resultTypes: ["violations"], rules: { "color-contrast": { enabled: true }, "color-contrast-enhanced": { enabled: true } },
  }));
  return result.violations.map((v) => ({
    id: v.id, help: v.help, nodes: v.nodes.slice(0, 4).map((n) => `${n.target}: ${n.html.slice(0, 160)} ${n.failureSummary}`),
  }));
}

const url = pathToFileURL(process.argv[2]).href;
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium", headless: true, args: FLAGS,
});
const report = {};
for (const [name, view] of Object.entries(WINDOWS)) report[name] = await look(browser, url, view);
await browser.close();
console.log(JSON.stringify(report));
