// The models of this server, and what they do at this moment.

import { ask, often } from "./api.js";
import { fill, h } from "./dom.js";
import { many, moment, number } from "./format.js";

export async function models(view, _, signal) {
  const body = h("div", { class: "view" });
  fill(view, h("h1", {}, "Models"), body);
  const { data: agents } = await ask("GET", "/v1/agents");
  const refresh = async () => fill(body, told(await ask("GET", "/v1/status"), agents));
  await refresh();
  await often(2000, signal, refresh);
}

function told(status, agents) {
  return [
    status.models.length > 0
      ? h("table", { class: "list" },
          h("thead", {}, h("tr", {}, ["Model", "Now", "In line", "Context", "Read", "Written"].map((it, at) => h("th", { scope: "col", class: at > 1 ? "num" : "" }, it)))),
          h("tbody", {}, status.models.map(row)))
      : h("p", { class: "faint" }, "This server has no models that you may ask."),
    h("p", { class: "faint" },
      `errand ${status.version}, since ${moment(status.began * 1000)} · ${status.runs} of ${many(status.most_runs, "run")} at once · tokens are those of clients since then`),
    agents.length > 0 && [
      h("h2", {}, "Agents and their models"),
      h("table", { class: "list" },
        h("thead", {}, h("tr", {}, ["Agent", "Model"].map((it) => h("th", { scope: "col" }, it)))),
        h("tbody", {}, agents.map((agent) => h("tr", {},
          h("th", { scope: "row" }, h("a", { href: `#/start/${encodeURIComponent(agent.name)}` }, agent.name)),
          h("td", { "data-label": "Model" }, agent.model))))),
    ],
  ];
}

function row(model) {
  const cell = (label, value) => h("td", { class: "num", "data-label": label }, value);
  return h("tr", {},
    h("th", { scope: "row" }, model.id),
    h("td", { "data-label": "Now" }, h("span", { class: `chip ${model.busy ? "live" : "calm"}` }, model.busy ? "answers" : "idle")),
    cell("In line", `${model.waiting} of ${model.most_waiting}`),
    cell("Context", model.context_window > 0 ? number(model.context_window) : "–"),
    cell("Read", number(model.tokens.read)),
    cell("Written", number(model.tokens.written)));
}
