// What runs took by day, as bars. The same numbers are in a table for those who do not see bars.

import { h } from "./dom.js";
import { day, many, money, number } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const DAYS = 30;

/** Of these runs the cost of each day, or where none cost anything, the tokens. */
export function chart(runs) {
  if (runs.length === 0) return null;
  const paid = runs.some((run) => run.usage.cost_usd > 0);
  const taken = ({ usage }) => (paid ? usage.cost_usd : usage.input_tokens + usage.output_tokens);
  const said = paid ? money : number;
  const days = new Map();
  const from = Math.max(runs.at(-1).created_ms, Date.now() - (DAYS - 1) * 86_400_000);
  // Half days, so that a day of 23 hours is not left out.
  for (let at = from; at <= Date.now() + 43_200_000; at += 43_200_000) {
    if (at <= Date.now() || day(at) === day(Date.now())) days.set(day(at), { sum: 0, runs: 0 });
  }
  for (const run of runs) {
    const entry = days.get(day(run.created_ms));
    if (entry) (entry.sum += taken(run), entry.runs++);
  }
  const all = [...days];
  const total = all.reduce((sum, [, entry]) => sum + entry.sum, 0);
  const what = paid ? "Cost" : "Tokens";
  const title = `${what} by day: ${said(total)} in ${many(all.reduce((sum, [, entry]) => sum + entry.runs, 0), "run")}`;
  return h("figure", { class: "chart" },
    h("figcaption", {}, title),
    bars(all, Math.max(...all.map(([, entry]) => entry.sum)), said, title),
    h("details", {}, h("summary", {}, "as a table"),
      h("table", {}, h("thead", {}, h("tr", {}, ["Day", "Runs", what].map((it) => h("th", { scope: "col" }, it)))),
        h("tbody", {}, all.map(([name, entry]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "num" }, number(entry.runs)), h("td", { class: "num" }, said(entry.sum))))))));
}

function bars(days, most, said, title) {
  const [width, height] = [Math.max(days.length, 8) * 24, 72];
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height + 16}`, role: "img", "aria-label": title, preserveAspectRatio: "xMinYMax meet" });
  svg.append(shape("line", { x1: 0, y1: height + 0.5, x2: width, y2: height + 0.5, class: "axis" }));
  days.forEach(([name, entry], at) => {
    const tall = most > 0 ? (entry.sum / most) * (height - 6) : 0;
    const bar = shape("rect", { x: at * 24 + 3, y: height - tall, width: 18, height: tall, rx: 2, class: "bar-of-day" });
    const tip = shape("title", {});
    tip.textContent = `${name}: ${said(entry.sum)} in ${many(entry.runs, "run")}`;
    bar.append(tip);
    svg.append(bar);
    if (at === 0 || at === days.length - 1) {
      const text = shape("text", { x: at === 0 ? 3 : at * 24 + 21, y: height + 13, "text-anchor": at === 0 ? "start" : "end" });
      text.textContent = days.length > 3 || at === 0 ? name.slice(5) : "";
      svg.append(text);
    }
  });
  return svg;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
