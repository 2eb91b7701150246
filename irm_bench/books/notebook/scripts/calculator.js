/* The calculator: training σ, test σ and error weight → exact risks, in step with the figures. */
"use strict";

class Calculator {
  constructor(form, setting) {
    Object.assign(this, { form, setting });
    this.fields = form.elements;
    this.message = form.querySelector(".message");
    this.table = document.querySelector("#table-calculator tbody");
    this.picture = document.querySelector("#calculator .picture");
    this.link("sigma", "sigma_slider");
    this.link("weight", "weight_slider");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => { this.touched = true; this.update(); });
    form.addEventListener("reset", () => setTimeout(() => { this.slide(); this.update(); }));
    addEventListener("resize", () => this.update());
    form.hidden = false;
    this.recall();
    this.slide();
    if (this.touched) this.update();
    else this.drawWhenSeen();
  }

  /* The table stands as it would be computed; what is drawn can wait. */
  drawWhenSeen() {
    const watcher = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      this.update();
    }, { rootMargin: "100%" });
    watcher.observe(this.form);
  }

  /* The setting that the address names, so that a setting can be linked. */
  recall() {
    const [place, ...rest] = decodeURIComponent(location.hash.slice(1)).split("&");
    if (place !== "calculator" || !rest.length) return;
    const asked = new URLSearchParams(rest.join("&"));
    for (const name of ["train", "sigma", "weight"]) {
      if (asked.has(name)) this.fields[name].value = asked.get(name);
    }
    this.touched = true;
    document.getElementById("calculator").scrollIntoView();
  }

  remember({ train, sigma, weight }) {
    const address = `#calculator&train=${train.join(",")}&sigma=${sigma}&weight=${weight}`;
    history.replaceState(null, "", address);
  }

  /* A slider moves on the logarithm of its field. */
  link(name, slider) {
    this.fields[slider].addEventListener("input", () => {
      this.fields[name].value = Number((10 ** this.fields[slider].value).toPrecision(3));
    });
    this.fields[name].addEventListener("input", () => this.slide());
  }

  slide() {
    for (const name of ["sigma", "weight"]) {
      const value = Number(this.fields[name].value);
      if (value > 0) this.fields[`${name}_slider`].value = Math.log10(value);
    }
  }

  /* The numbers asked for, or what is wrong with them. */
  read() {
    const train = this.fields.train.value.split(/[,;\s]+/).filter(Boolean).map(Number);
    const [sigma, weight] = ["sigma", "weight"].map((name) => Number(this.fields[name].value || NaN));
    const good = (s) => s > 0 && s <= 10;
    if (train.length < 2 || train.length > 8 || !train.every(good)) {
      return { error: "Training σ: two to eight numbers above 0 and at most 10, with commas between." };
    }
    if (!good(sigma)) return { error: "Test σ: a number above 0 and at most 10." };
    if (!(weight >= 0 && weight <= 1)) return { error: "Error weight: a number from 0 to 1." };
    return { train, sigma, weight };
  }

  models({ train, weight }) {
    const { dim, learning_rate: rate, steps } = this.setting;
    return {
      oracle: theory.oracle,
      erm: theory.erm(train),
      irm: theory.irm(train, weight, dim),
      irm_steps: theory.descent(train, weight, dim, rate, steps),
    };
  }

  update() {
    const asked = this.read();
    this.message.textContent = asked.error || "";
    if (asked.error) return this.clear();
    const models = this.models(asked), { dim } = this.setting;
    const floor = dim * asked.sigma ** 2;
    for (const row of this.table.rows) {
      const phi = models[row.dataset.model];
      const cells = phi ? [...phi, theory.risk(phi, asked.sigma, dim)] : [NaN, NaN, NaN];
      [...cells, cells[2] / floor].forEach((value, i) => {
        row.cells[i + 1].textContent = phi ? numbers.significant(value, 4) : "diverges";
      });
    }
    this.say(asked, models);
    this.draw(asked, models);
    if (this.touched) {
      this.tell(asked);
      this.remember(asked);
    }
    return null;
  }

  /* Nothing stays that belongs to another setting. */
  clear() {
    for (const row of this.table.rows) {
      [...row.cells].slice(1).forEach((cell) => { cell.textContent = "–"; });
    }
    document.getElementById("calculated").textContent = "";
    this.picture.replaceChildren();
  }

  say({ train, sigma, weight }, models) {
    const risks = ["erm", "irm"].map((name) => theory.risk(models[name], sigma, this.setting.dim));
    const texts = risks.map((risk) => numbers.significant(risk, 4));
    const verdict = texts[0] === texts[1] ? "ERM and IRM have the same risk" : `${risks[0] < risks[1] ? "ERM" : "IRM"} has the lower risk`;
    document.getElementById("calculated").textContent =
      `Trained at σ = ${train.map(numbers.plain).join(", ")} with error weight ${numbers.plain(weight)} ` +
      `and tested at σ = ${numbers.plain(sigma)}, ${verdict}: ERM ${texts[0]}, IRM ${texts[1]}. ` +
      `ERM and the oracle are equal at σ = ${numbers.significant(theory.crossing(train), 4)}.`;
  }

  draw({ train, sigma, weight }, models) {
    const { dim, series } = this.setting;
    const [low, high] = [Math.min(-2, Math.log10(sigma)), Math.max(0.5, Math.log10(sigma))];
    const grid = Array.from({ length: 81 }, (_, i) => 10 ** (low + ((high - low) * i) / 80));
    const dots = this.trained(train, weight);
    const curves = series.filter((s) => models[s.key]).map((s) => ({
      ...s, rows: grid.map((x) => ({ x, y: theory.risk(models[s.key], x, dim) })),
    }));
    const chart = lineChart({
      width: Math.max(300, Math.min(680, this.picture.clientWidth)), height: 300,
      title: "Exact risk over the test σ, for the models of the calculator",
      x: { label: "σ of the test environment", kind: "log" }, y: { label: "exact risk", kind: "log" },
      series: [...curves, ...dots], marks: [{ x: sigma, label: `σ = ${numbers.plain(sigma)}` }],
    });
    const legend = make("div", { className: "legend" }, ...[...curves, ...dots].map((s) => (
      make("span", {}, swatch({ ...s, dotsOnly: Boolean(s.marker) }), s.marker ? `${s.label}, trained` : s.label))));
    this.picture.replaceChildren(legend, chart);
  }

  /* The page's own trained models as dots, where its grid has this training set; those with a
     penalty only at the error weight that they were trained with. */
  trained(train, weight) {
    const explorer = explorers.risk_over_sigma, panel = explorer?.panelOf(train);
    if (!panel) return [];
    const rows = figureRows(explorer.figure)
      .filter((row) => panel.where.every(([c, v]) => row[c] === v));
    const isOwn = (s) => !s.takesPenalty || Math.abs(weight - this.setting.error_weight) <= 1e-9 * weight;
    const found = this.setting.trained.filter(isOwn).map((s) => ({ ...s, dotsOnly: true, rows: rows
      .filter((row) => s.where.every(([c, v]) => row[c] === v))
      .map((row) => ({ x: number(row.sigma), y: number(row.mean) })) }));
    return found.filter((s) => s.rows.length);
  }

  /* The other figures show where the calculator stands. */
  tell({ train, sigma, weight }) {
    markFigure("risk_over_sigma", "sigma", sigma, `σ = ${numbers.plain(sigma)}`);
    markFigure("error_weight", "error_weight", weight, `ε = ${numbers.plain(weight)}`);
    explorers.risk_over_sigma?.showTraining(train);
    const marks = { risk_over_sigma: [sigma, "σ"], error_weight: [weight, "ε"] };
    for (const [name, [value, symbol]] of Object.entries(marks)) {
      const explorer = explorers[name];
      if (!explorer) continue;
      explorer.marks = [{ x: value, label: `${symbol} = ${numbers.plain(value)}` }];
      if (explorer.box && !explorer.box.hidden) explorer.redraw();
    }
  }
}

function startBook() {
  startStepper();
  return startCalculator();
}

function startCalculator() {
  const form = document.getElementById("calculator-form");
  const setting = document.getElementById("calculator-setting");
  if (form && setting) return new Calculator(form, JSON.parse(setting.textContent));
  return null;
}
