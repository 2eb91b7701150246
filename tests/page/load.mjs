/* How fast pages open: node load.mjs PAGE.html …: the median of five loads in Chromium of the largest
   contentful paint, the load event and the longest task, in seconds; then on a processor four times
   slower. */
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const REPEATS = 5;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];

/* Watches a page from its beginning on; run in the page. */
function watch() {
  window.seen = { paint: 0, longest: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.seen.paint = entry.startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.seen.longest = Math.max(window.seen.longest, entry.duration);
  }).observe({ type: "longtask", buffered: true });
}

async function load(browser, url, slowdown) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1200, height: 900 });
  await page.emulateCPUThrottling(slowdown);
  await page.evaluateOnNewDocument(watch);
  await page.goto(url, { waitUntil: "load" });
  await new Promise((done) => setTimeout(done, 1000)); // tasks that the load event starts
  const found = await page.evaluate(() => ({
    ...window.seen,
    load: performance.getEntriesByType("navigation")[0].loadEventEnd,
  }));
  await page.close();
  return found;
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS,
});
for (const file of process.argv.slice(2)) {
  for (const slowdown of [1, 4]) {
    const found = [];
    for (let i = 0; i < REPEATS; i += 1) found.push(await load(browser, pathToFileURL(file).href, slowdown));
    const told = ["paint", "load", "longest"].map((name) =>
      `${name} ${(median(found.map((one) => one[name])) / 1000).toFixed(2)} s`);
    console.log(`${file}, slowed ${slowdown} times: ${told.join(", ")}`);
  }
}
await browser.close();
