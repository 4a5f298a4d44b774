// The first view: the agents, and for one of them the form that starts a run.

import { ask } from "./api.js";
import { fill, h } from "./dom.js";
import { dropDraft, form } from "./form.js";

/** Shows the agents; the one of this name with its form, or the only one. */
export async function start(view, chosen) {
  const { data: agents } = await ask("GET", "/v1/agents");
  const open = agents.find((agent) => agent.name === chosen) ?? (agents.length === 1 ? agents[0] : undefined);
  const missing = chosen && open?.name !== chosen;
  fill(view,
    h("h1", {}, "Start a run"),
    missing && h("p", { class: "problem" }, `there is no agent \`${chosen}\` that you may run`),
    agents.length === 0 ? none() : h("div", { class: "agents" }, agents.map((agent) => card(agent, agent === open))));
  if (open && chosen) view.querySelector("form :is(input, textarea, select, button)")?.focus();
}

function card(agent, open) {
  const head = [
    h("span", { class: "name" }, agent.name),
    agent.description && h("span", { class: "about" }, agent.description),
    h("span", { class: "faint" }, agent.model),
  ];
  if (!open) return h("a", { class: "card agent", href: `#/start/${encodeURIComponent(agent.name)}` }, head);
  // A request that is sent twice starts one run.
  let key = crypto.randomUUID?.() ?? String(Math.random());
  let sent = "";
  const begin = async (params) => {
    const body = JSON.stringify(params);
    if (sent !== body) (sent = body, key = `${key.slice(0, 36)}-${Date.now()}`);
    const run = await ask("POST", "/v1/runs", { agent: agent.name, params }, { "idempotency-key": key });
    dropDraft(agent.name);
    location.hash = `#/runs/${run.id}`;
  };
  return h("section", { class: "card agent open", "aria-label": `Agent ${agent.name}` }, h("h2", {}, head), form(agent, begin));
}

function none() {
  return h("div", { class: "card" },
    h("p", {}, "This server runs no agents that you may start."),
    h("p", {}, "Its file names them, each with an agent file:"),
    h("pre", {}, "[agents.clerk]\nfile = \"clerk.toml\""),
    h("p", {}, h("a", { href: "#/chat" }, "Talk with its models"), " in the meantime."));
}
