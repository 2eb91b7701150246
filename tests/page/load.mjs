/* How fast pages open: node load.mjs PAGE.html …: the median of eleven loads in Chromium of the largest
   contentful paint, the load event, the longest task and the processor time of the page's thread, in
   seconds; then on a processor four times slower. Pages take turns, so that a busy machine slows all
   of them; of every page after the first, the median of its ratios to the load of the first before it. */
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const REPEATS = 11;
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
  const client = await page.createCDPSession();
  await client.send("Performance.enable");
  await page.goto(url, { waitUntil: "load" });
  await new Promise((done) => setTimeout(done, 1000)); // tasks that the load event starts
  const found = await page.evaluate(() => ({
    ...window.seen,
    load: performance.getEntriesByType("navigation")[0].loadEventEnd,
  }));
  const { metrics } = await client.send("Performance.getMetrics");
  found.processor = 1000 * metrics.find(({ name }) => name === "ThreadTime").value;
  await page.close();
  return found;
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS,
});
const files = process.argv.slice(2), names = ["paint", "load", "longest", "processor"];
for (const slowdown of [1, 4]) {
  const rounds = [];
  for (let i = 0; i < REPEATS; i += 1) {
    const round = [];
    for (const file of files) round.push(await load(browser, pathToFileURL(file).href, slowdown));
    rounds.push(round);
  }
  files.forEach((file, k) => {
    const told = names.map((name) => {
      const seconds = (median(rounds.map((round) => round[k][name])) / 1000).toFixed(2);
      const ratio = median(rounds.map((round) => round[k][name] / round[0][name])).toFixed(2);
      return `${name} ${seconds} s${k ? ` (${ratio} of the first)` : ""}`;
    });
    console.log(`${file}, slowed ${slowdown} times: ${told.join(", ")}`);
  });
}
await browser.close();
