/* Closed forms of Example 1 (γ = τ = 1) for φ = (a, …, a, b, …, b), a for each cause, b for each
   effect: what irm_bench/theory.py and irm_bench/sems/example_1.py compute, in two dimensions. */
"use strict";

const theory = {
  oracle: [1, 0],

  /* Exact risk of φ = [a, b] where the noise level is sigma: dim·[σ²((a + b − 1)² + (b − 1)²) + b²]. */
  risk([a, b], sigma, dim) {
    return dim * (sigma * sigma * ((a + b - 1) ** 2 + (b - 1) ** 2) + b * b);
  },

  meanVariance(sigmas) {
    return sigmas.reduce((sum, sigma) => sum + sigma * sigma, 0) / sigmas.length;
  },

  /* ERM: least squares over all training environments. */
  erm(sigmas) {
    const mean = theory.meanVariance(sigmas);
    return [1 / (mean + 1), mean / (mean + 1)];
  },

  /* The σ at which ERM is as good as the oracle. */
  crossing(sigmas) {
    const mean = theory.meanVariance(sigmas);
    return Math.sqrt(mean / (mean + 2));
  },

  /* IRM's objective, weight · Σ R + Σ (2q)², per component: value, gradient [∂a, ∂b] and Hessian
     [aa, ab, bb]. Each of the dim components of X shares the weight a, hence the division. */
  objective([a, b], sigmas, weight, dim) {
    const found = { value: 0, gradient: [0, 0], hessian: [0, 0, 0] };
    for (const sigma of sigmas) {
      const v = sigma * sigma, second = [2 * v, 2 * v, 4 * v + 2];
      const q = dim * (v * a * a + 2 * v * a * b + (2 * v + 1) * b * b - v * a - 2 * v * b);
      const slope = [2 * v * a + 2 * v * b - v, 2 * v * a + (4 * v + 2) * b - 2 * v];
      const steep = [2 * v * (a + b - 1), 2 * v * (a + b - 1) + 2 * v * (b - 1) + 2 * b];
      found.value += (weight * theory.risk([a, b], sigma, dim) + 4 * q * q) / dim;
      slope.forEach((s, i) => { found.gradient[i] += weight * steep[i] + 8 * q * s; });
      [[0, 0], [0, 1], [1, 1]].forEach(([i, j], k) => {
        found.hessian[k] += weight * second[k] + 8 * (dim * slope[i] * slope[j] + q * second[k]);
      });
    }
    return found;
  },

  /* Where gradient descent from (1, 1) ends: the gradient flow by implicit Euler steps, each solved
     by Newton's method; a step that raises the objective or goes too far is taken again, shorter. */
  irm(sigmas, weight, dim) {
    const at = (phi) => theory.objective(phi, sigmas, weight, dim);
    let phi = [1, 1], here = at(phi);
    let span = 0.1 / Math.hypot(...here.hessian);
    for (let i = 0; i < 5000; i++) {
      const scale = Math.hypot(...here.hessian) * (1 + Math.hypot(...phi));
      if (Math.hypot(...here.gradient) <= 1e-15 * scale) break;
      const [trial, correction] = theory.implicitStep(phi, span, at);
      const move = Math.hypot(trial[0] - phi[0], trial[1] - phi[1]), size = 1 + Math.hypot(...phi);
      const there = at(trial), falls = there.value <= here.value || move <= 1e-6 * size;
      if (falls && move <= 0.02 * size && correction <= 0.1 * move) {
        [phi, here, span] = [trial, there, span * 3];
      } else {
        span *= 0.25;
      }
      if (move <= 1e-16 * size) break;
    }
    return phi;
  },

  /* Newton's method for the minimum near phi of objective + |· − phi|² / (2 span). */
  implicitStep(phi, span, at) {
    let trial = phi, correction = 0;
    for (let i = 0; i < 3; i++) {
      const { gradient, hessian } = at(trial);
      const g = gradient.map((value, k) => value + (trial[k] - phi[k]) / span);
      const [aa, ab, bb] = [hessian[0] + 1 / span, hessian[1], hessian[2] + 1 / span];
      const det = aa * bb - ab * ab;
      const move = [-(bb * g[0] - ab * g[1]) / det, -(aa * g[1] - ab * g[0]) / det];
      trial = [trial[0] + move[0], trial[1] + move[1]];
      correction = Math.hypot(...move);
    }
    return [trial, correction];
  },

  /* φ after so many updates of gradient descent with infinitely many rows; null if it diverges. */
  descent(sigmas, weight, dim, rate, steps) {
    let phi = [1, 1];
    for (let i = 0; i < steps; i++) {
      const { gradient } = theory.objective(phi, sigmas, weight, dim);
      phi = [phi[0] - rate * gradient[0], phi[1] - rate * gradient[1]];
    }
    return phi.every(Number.isFinite) ? phi : null;
  },

  /* Gradient descent from any φ = (a₁ … a_dim, b₁ … b_dim) with infinitely many rows: after each
     number of updates of record {x: mean of a, y: mean of b, updates}. weight null: ERM. */
  path(start, sigmas, weight, rate, record) {
    const dim = start.length / 2, phi = [...start], found = [];
    const mean = (from) => phi.slice(from, from + dim).reduce((sum, value) => sum + value, 0) / dim;
    const last = record[record.length - 1];
    for (let i = 0, next = 0; i <= last; i++) {
      if (i === record[next]) {
        found.push({ x: mean(0), y: mean(dim), updates: i });
        next += 1;
      }
      const step = theory.gradient(phi, sigmas, weight);
      step.forEach((value, k) => { phi[k] -= rate * value; });
    }
    return found;
  },

  /* Of ERM's summed risks, or of IRM's objective: weight · Σ R + Σ (2q)² with q = φᵀ(Gφ − b). */
  gradient(phi, sigmas, weight) {
    const dim = phi.length / 2, found = new Array(2 * dim).fill(0);
    for (const sigma of sigmas) {
      const v = sigma * sigma;
      let q = 0;
      const slope = [], steep = [];
      for (let j = 0; j < dim; j++) {
        const a = phi[j], b = phi[j + dim];
        const [ga, gb] = [v * a + v * b, v * a + (2 * v + 1) * b];
        q += a * (ga - v) + b * (gb - 2 * v);
        [slope[j], slope[j + dim]] = [2 * ga - v, 2 * gb - 2 * v];
        [steep[j], steep[j + dim]] = [2 * (ga - v), 2 * (gb - 2 * v)];
      }
      for (let k = 0; k < 2 * dim; k++) {
        found[k] += weight === null ? steep[k] : weight * steep[k] + 8 * q * slope[k];
      }
    }
    return found;
  },
};

if (typeof module !== "undefined") module.exports = { theory };
