/* Numbers for people, as irm_bench/report/numbers.py writes them. */
"use strict";

const numbers = {
  /* So many decimals, a true minus, thousands in groups. */
  fixed(value, decimals) {
    const text = value.toLocaleString("en-US", {
      minimumFractionDigits: decimals, maximumFractionDigits: decimals,
    });
    return /[1-9]/.test(text) ? text.replace("-", "−") : text.replace("-", "");
  },

  /* So many significant digits: 1,234, 0.0123, 1.2 × 10⁻⁷. */
  significant(value, digits = 3) {
    if (value === null || Number.isNaN(value)) return "none";
    if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
    if (value === 0) return "0";
    const exponent = Number(value.toExponential(digits - 1).split("e")[1]);
    if (exponent < -4 || exponent >= 9) {
      const mantissa = numbers.fixed(value / 10 ** exponent, digits - 1);
      return `${mantissa}\u2009×\u200910${numbers.superscript(exponent)}`;
    }
    return numbers.fixed(Number(value.toPrecision(digits)), Math.max(0, digits - 1 - exponent));
  },

  superscript(exponent) {
    return String(exponent).replace(/[-0-9]/g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
  },

  /* A setting as one would write it. */
  plain(value) {
    const size = Math.abs(value);
    if (value === 0) return "0";
    if (size >= 1e-4 && size < 1e9) {
      return Number(value.toPrecision(10)).toLocaleString("en-US", { maximumFractionDigits: 14 })
        .replace("-", "−");
    }
    return numbers.significant(value, 3).replace("1.00\u2009×\u2009", "");
  },

  /* The number that a cell of a table starts with; NaN if it starts with none. */
  parse(text) {
    const clean = text.trim().replace(/[,\s]/g, "").replaceAll("−", "-").replace(/^[<>≤≥]/, "");
    const found = clean.match(/^(-?\d*\.?\d+)(?:×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?/);
    if (!found) return NaN;
    const plain = (found[2] || "⁰").replace(/./gu, (c) => "-0123456789"["⁻⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c)]);
    return Number(found[1]) * 10 ** Number(plain);
  },
};

if (typeof module !== "undefined") module.exports = { numbers };
