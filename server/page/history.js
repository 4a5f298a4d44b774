// The runs that were, newest first, and what they took over time.

import { ask, often } from "./api.js";
import { fill, h } from "./dom.js";
import { money, moment, number, span, status, tone } from "./format.js";
import { chart } from "./chart.js";

const PAGE = 100;
const STATUSES = ["running", "waiting", "done", "fault", "interrupted", "cancelled", "steps", "tokens", "time", "cost", "unsupported"];

export async function history(view, _, signal) {
  const runs = new Map();
  const { data: agents } = await ask("GET", "/v1/agents");
  const agent = chosen("agent", "Agent", agents.map((it) => [it.name, it.name]));
  const state = chosen("state", "Status", STATUSES.map((it) => [it, status(it)]));
  const body = h("tbody", {});
  const table = h("table", { class: "list" },
    h("thead", {}, h("tr", {}, ["Agent", "Status", "Began", "Took", "Steps", "Tokens", "Cost"].map((it, at) => h("th", { scope: "col", class: at > 2 ? "num" : "" }, it)))), body);
  const drawing = h("div", {});
  const older = h("button", { type: "button", hidden: true }, "Older runs");
  const note = h("p", { class: "faint", role: "status" });

  // Nothing, where the filters are others by the time that the answer is there.
  const asked = async (more) => {
    const query = new URLSearchParams({ limit: PAGE, ...more });
    const [one, such] = [agent.value, state.value];
    if (one) query.set("agent", one);
    if (such) query.set("status", such);
    const { data } = await ask("GET", `/v1/runs?${query}`);
    return agent.value === one && state.value === such ? data : undefined;
  };
  const draw = () => {
    const all = [...runs.values()].sort((a, b) => b.created_ms - a.created_ms);
    // What the keyboard is on stays so.
    const focused = body.contains(document.activeElement) && document.activeElement.getAttribute("href");
    fill(body, all.map(row));
    if (focused) [...body.querySelectorAll("a")].find((it) => it.getAttribute("href") === focused)?.focus();
    fill(drawing, chart(all));
    fill(note, all.length === 0 ? (agent.value || state.value ? "No run is so." : "No run yet: start one.") : "");
    table.hidden = all.length === 0;
  };
  const load = async (more = {}) => {
    const data = await asked(more);
    if (!data) return;
    data.forEach((run) => runs.set(run.id, run));
    older.hidden = data.length < PAGE;
    draw();
  };
  older.addEventListener("click", () => load({ before_ms: Math.min(...[...runs.values()].map((run) => run.created_ms)) }));
  for (const input of [agent, state]) {
    input.addEventListener("change", () => (runs.clear(), load()));
  }
  fill(view, h("h1", {}, "Runs"), drawing,
    h("div", { class: "row filters" }, labelled(agent), labelled(state)), table, note, older);
  await load();
  await often(5000, signal, async () => {
    const data = await asked({ limit: 20 });
    if (!data) return;
    const before = JSON.stringify([...runs.values()].map(seen));
    data.forEach((run) => runs.set(run.id, run));
    if (before !== JSON.stringify([...runs.values()].map(seen))) draw();
  });
}

const seen = (run) => [run.id, run.status, run.events];

function row(run) {
  const { usage } = run;
  const cell = (label, ...children) => h("td", { "data-label": label, class: ["Began", "Status"].includes(label) ? "" : "num" }, children);
  const task = run.task.split("\n")[0];
  return h("tr", {},
    h("th", { scope: "row" }, h("a", { href: `#/runs/${run.id}` }, h("bdi", {}, run.agent)), h("span", { class: "faint task" }, task.length > 90 ? `${task.slice(0, 90)}…` : task)),
    cell("Status", h("span", { class: `chip ${tone(run.status)}` }, status(run.status))),
    cell("Began", moment(run.created_ms)),
    cell("Took", span(usage.seconds)),
    cell("Steps", number(usage.steps)),
    cell("Tokens", number(usage.input_tokens + usage.output_tokens)),
    cell("Cost", usage.cost_usd > 0 ? money(usage.cost_usd) : "–"));
}

function chosen(id, label, options) {
  return h("select", { id, "data-label": label }, h("option", { value: "" }, "all"), options.map(([value, text]) => h("option", { value }, text)));
}

const labelled = (input) => h("label", {}, h("span", {}, input.dataset.label), input);
