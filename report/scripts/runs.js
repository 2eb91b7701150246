/* Two runs beside each other, or one beside the mean over seeds: which, the reader chooses. */
"use strict";

const KEYS_OF_RUNS = ["study", "metric", "environment", "model"];
const MEAN_OF_RUNS = "mean";

class Runs {
  constructor(box, pick) {
    this.box = box;
    this.body = box.querySelector("tbody");
    this.rows = figureRows(box);
    this.pickers = { study: make("select"), first: make("select"), second: make("select") };
    const studies = [...new Set(this.rows.map((row) => row.study))];
    fillPicker(this.pickers.study, studies.map((name) => [name, name.replaceAll("_", " ")]));
    const labels = [["study", "Study "], ["first", "Run "], ["second", "beside "]];
    pick.append(make("p", { className: "reading" }, ...labels.filter(([name]) => name !== "study" || studies.length > 1)
      .map(([name, words]) => make("label", { textContent: words }, this.pickers[name]))));
    this.pickers.study.addEventListener("change", () => { this.enter(); this.show(); });
    for (const name of ["first", "second"]) this.pickers[name].addEventListener("change", () => this.show());
    this.enter();
  }

  /* The runs of the chosen study, to choose from. */
  enter() {
    this.own = this.rows.filter((row) => row.study === this.pickers.study.value);
    this.seeds = seedsOf(this.own);
    const runs = this.seeds.map((seed) => [seed, `seed ${seed}`]);
    fillPicker(this.pickers.first, runs);
    fillPicker(this.pickers.second, [[MEAN_OF_RUNS, "the mean over seeds"], ...runs]);
    this.pickers.second.value = this.seeds[1];
  }

  show() {
    const { first, second } = this.pickers;
    for (const [name, picker] of Object.entries(this.pickers)) this.say(name, picker.selectedOptions[0].textContent);
    this.say("metric", this.own[0].metric);
    this.box.querySelectorAll("[aria-sort]").forEach((head) => head.removeAttribute("aria-sort"));
    this.body.replaceChildren(...this.own.map((row) => {
      const [environment, model, ...cells] = runs.line(row, this.seeds, first.value, second.value);
      return make("tr", {}, make("td", { textContent: environment }), Object.assign(make("th", { textContent: model }), { scope: "row" }),
        ...cells.map((textContent) => make("td", { className: "n", textContent })));
    }));
  }

  say(name, words) {
    this.box.querySelector(`[data-run="${name}"]`).textContent = words;
  }
}

const runs = {
  /* The cells of a model in an environment, as irm_bench/report/runs.py writes them. */
  line(row, seeds, first, second) {
    const values = seeds.map((seed) => number(row[seed]));
    const good = values.filter(Number.isFinite);
    const mean = good.reduce((sum, value) => sum + value, 0) / good.length;
    const of = (run) => (run === MEAN_OF_RUNS ? mean : number(row[run]));
    const [a, b] = [of(first), of(second)];
    const lower = `${good.filter((value) => value < a).length} of ${good.length}`;
    const [least, most] = good.length ? [Math.min(...good), Math.max(...good)] : [NaN, NaN];
    return [row.environment, row.model, runs.words(a), runs.words(b), runs.words(a - b, 3), runs.words(mean),
      runs.words(least), runs.words(most), Number.isFinite(a) ? lower : ""];
  },

  words: (value, digits = 4) => (Number.isFinite(value) ? numbers.significant(value, digits) : "diverged"),
};

/* The seeds that the rows of a study have, in the order of their numbers. */
function seedsOf(rows) {
  const names = Object.keys(rows[0]).filter((name) => !KEYS_OF_RUNS.includes(name));
  return names.filter((name) => rows.some((row) => row[name] !== ""));
}

function fillPicker(picker, choices) {
  picker.replaceChildren(...choices.map(([value, textContent]) => make("option", { value, textContent })));
}

function startRuns() {
  const pick = document.getElementById("runs-pick"), box = document.getElementById("table-runs");
  return pick && box ? new Runs(box, pick) : null;
}
