// What a run waits for, all of it, and a person's word on it. The word repeats the digest of what was shown,
// so nothing else can come of it.

import { ask } from "./api.js";
import { fill, h, tell } from "./dom.js";

/** The whole of what `run` waits for; `done(run)` once it was answered, or once it turns out to be over. */
export function waiting(run, done) {
  const { waits } = run;
  const trouble = h("div", {});
  const send = async (path, body, word) => {
    const buttons = [...card.querySelectorAll("button")];
    buttons.forEach((button) => (button.disabled = true));
    try {
      const next = await ask("POST", `/v1/runs/${run.id}/${path}`, { digest: waits.digest, ...body });
      tell(word);
      done(next);
    } catch (error) {
      buttons.forEach((button) => (button.disabled = false));
      fill(trouble, h("p", { class: "problem", role: "alert" }, error.message));
      if (error.status === 409 || error.status === 404) done(null);
    }
  };
  const inner = waits.question === null ? approval(waits, send) : question(run, waits, send);
  const title = waits.question === null
    ? ["May it call ", h("code", {}, waits.tool), "?"]
    : ["It asks you something"];
  const name = `asks-${run.id}`;
  const card = h("article", { class: "card asks", "aria-labelledby": name },
    h("h2", { id: name }, title), inner, trouble);
  return card;
}

function approval(waits, send) {
  return [
    waits.reasons.length > 0 && h("p", {}, "It waits for you, since ", waits.reasons.join("; "), "."),
    h("h3", {}, "Arguments"), values(waits.arguments),
    h("h3", {}, "What it wants of this machine"),
    waits.capabilities.length > 0
      ? h("ul", { class: "wants" }, waits.capabilities.map((it) => h("li", {}, h("code", {}, it))))
      : h("p", { class: "faint" }, "nothing that was named beforehand"),
    h("div", { class: "row" },
      h("button", { type: "button", class: "main", click: () => send("approval", { decision: "approve" }, "approved") }, "Approve"),
      h("button", { type: "button", click: () => send("approval", { decision: "deny" }, "denied") }, "Deny"),
      h("span", { class: "faint" }, "digest ", h("code", {}, waits.digest))),
  ];
}

function question(run, waits, send) {
  const id = `reply-${run.id}`;
  const text = h("p", { class: "said" }, waits.question);
  const submit = (read) => (event) => {
    event.preventDefault();
    const value = read();
    if (value) send("reply", { text: value }, "answered");
  };
  if (waits.choices.length > 0) {
    const choices = waits.choices.map((choice) =>
      h("button", { type: "button", click: () => send("reply", { text: choice }, "answered") }, choice));
    return [text, h("div", { class: "row", role: "group", "aria-label": "Answers" }, choices)];
  }
  const input = h("textarea", { id, rows: 2, autocomplete: "off" });
  return [text, h("form", { submit: submit(() => input.value) },
    h("label", { for: id }, "Your answer"), input,
    h("div", { class: "row" }, h("button", { type: "submit", class: "main" }, "Answer")))];
}

/** Arguments by their names, each of them whole. */
export function values(it) {
  const names = it !== null && typeof it === "object" && !Array.isArray(it) ? Object.entries(it) : [["", it]];
  if (names.length === 0) return h("p", { class: "faint" }, "none");
  return h("dl", { class: "values" }, names.map(([name, value]) => [
    h("dt", {}, name),
    h("dd", {}, h("div", { class: "said code" }, typeof value === "string" ? value : JSON.stringify(value, null, 2))),
  ]));
}
