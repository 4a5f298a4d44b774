// One run: how it stands, what it waits for, what it may still take, what came of it, and what happened, as it
// happens or gone through again.

import { ask, follow, often, Refused, save } from "./api.js";
import { fill, h, said, tell } from "./dom.js";
import { prefill } from "./form.js";
import { moment, span, status, tone } from "./format.js";
import { budget } from "./budget.js";
import { report } from "./report.js";
import { Timeline } from "./timeline.js";
import { values, waiting } from "./ask.js";

const OVER = ["done", "steps", "tokens", "time", "cost", "cancelled", "unsupported"];

export async function run(view, id, signal) {
  let now = await ask("GET", `/v1/runs/${id}`);
  const timeline = new Timeline();
  const bars = budget(now.budget);
  const parts = { head: h("header", { tabindex: -1 }), asks: h("div", {}), outcome: h("div", {}), line: h("p", { class: "faint", role: "status" }) };
  const replay = player(timeline, bars, signal);
  fill(view, parts.head, parts.asks, parts.outcome, bars.element,
    h("div", { class: "row between" }, h("h2", {}, "What happened"), replay.element), parts.line, timeline.element);

  const show = (look) => {
    const before = now.status;
    now = look;
    fill(parts.head, head(look, act));
    if (!replay.back()) bars.show(look.usage);
    const digest = look.waits?.digest ?? "";
    if (parts.asks.dataset.digest !== digest || digest === "") {
      parts.asks.dataset.digest = digest;
      fill(parts.asks, look.waits && waiting(look, (next) => {
        if (next) show(next);
        parts.head.focus();
        again();
      }));
    }
    fill(parts.outcome, outcome(look, [...timeline.files]));
    if (before !== look.status) tell(`the run: ${status(look.status)}`);
  };
  const act = async (name) => {
    try {
      show(await ask("POST", `/v1/runs/${id}/${name}`));
      again();
    } catch (error) {
      parts.head.append(h("p", { class: "problem", role: "alert" }, error.message));
    }
  };

  let following = null;
  const again = () => {
    if (following) return;
    const last = timeline.count === 0 ? null : timeline.count - 1;
    const told = {
      event(event, number) {
        fill(parts.line);
        timeline.push(event, number);
        replay.grew();
      },
      state: show,
      lost: (wait) => fill(parts.line, `The connection is lost; tried again in ${span(wait / 1000)}.`),
    };
    following = follow(id, last, told, signal)
      .catch((error) => fill(parts.line, error instanceof Refused ? error.message : String(error)))
      .finally(() => (following = null));
  };
  show(now);
  again();
  // Another tab, or another person, may answer what it waits for.
  await often(4000, signal, async () => {
    if (following || OVER.includes(now.status)) return;
    const look = await ask("GET", `/v1/runs/${id}`);
    if (look.status === now.status && look.events === now.events) return;
    show(look);
    again();
  });
}

/** Goes through the events again: a slider, two buttons, and the arrow keys. */
function player(timeline, bars, signal) {
  const slider = h("input", { type: "range", min: 1, max: 1, value: 1, "aria-label": "Events shown" });
  const text = h("span", { class: "num faint" });
  const at = () => Number(slider.value);
  const show = () => {
    timeline.show(at());
    const usage = timeline.usage(at());
    if (usage) bars.show(usage);
    text.textContent = `${at()} of ${timeline.count}`;
    slider.setAttribute("aria-valuetext", `event ${text.textContent}`);
  };
  const go = (to) => {
    slider.value = Math.min(Math.max(1, to), timeline.count);
    show();
  };
  slider.addEventListener("input", show);
  const keys = { ArrowLeft: -1, ArrowRight: 1 };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (typing || event.altKey || event.ctrlKey || event.metaKey || !(event.key in keys)) return;
    event.preventDefault();
    go(at() + keys[event.key]);
  }, { signal });
  const button = (label, sign, step) => h("button", { type: "button", class: "plain", "aria-label": label, title: label, click: () => go(at() + step) }, sign);
  return {
    element: h("div", { class: "player", role: "group", "aria-label": "Replay" },
      button("Event before (left arrow)", "‹", -1), slider, button("Next event (right arrow)", "›", 1), text),
    /** Whether an earlier moment than the last is shown. */
    back: () => at() < timeline.count,
    grew() {
      const was = at() >= timeline.count - 1;
      slider.max = timeline.count;
      if (was) slider.value = timeline.count;
      show();
    },
  };
}

function head(look, act) {
  const sure = h("button", { type: "button", click: () => act("cancel") }, "Really cancel it");
  const cancel = h("button", { type: "button", click: () => (cancel.replaceWith(sure), sure.focus()) }, "Cancel");
  const anew = () => {
    prefill(look.agent, look.params);
    location.hash = `#/start/${encodeURIComponent(look.agent)}`;
  };
  return [
    h("div", { class: "row between" },
      h("h1", {}, h("bdi", {}, look.agent), " ", h("span", { class: `chip ${tone(look.status)}` }, status(look.status))),
      h("div", { class: "row" },
        ["interrupted", "fault"].includes(look.status) && h("button", { type: "button", class: "main", click: () => act("resume") }, "Resume"),
        !OVER.includes(look.status) && cancel,
        h("button", { type: "button", click: anew }, "Start again"))),
    h("p", { class: "faint" }, h("code", {}, look.id), ` · ${look.model} · began ${moment(look.created_ms)} · took ${span(look.usage.seconds)}`),
    Object.keys(look.params).length > 0 && h("details", { class: "given" }, h("summary", {}, "Parameters"), values(look.params)),
    look.detail && look.outcome !== null && h("p", {}, look.detail),
  ];
}

function outcome(look, written) {
  const { outcome: value } = look;
  if (value === null) {
    const why = look.detail && ["fault", ...OVER].includes(look.status);
    return why && h("section", { class: "card bad", "aria-label": "Why it stopped" }, h("h2", {}, "Why it stopped"), said(look.detail));
  }
  const isReport = Array.isArray(value.sections) && Array.isArray(value.sources);
  const only = Object.keys(value).length === 1 && typeof value.answer === "string";
  const shown = isReport ? report(value) : only ? h("div", { class: "said answer" }, value.answer) : values(value);
  const trouble = h("div", {});
  const file = (label, path, ending) => h("button", {
    type: "button", class: "plain",
    click: () => save(`/v1/runs/${look.id}/${path}`, `${look.id}.${ending}`).catch((error) => fill(trouble, h("p", { class: "problem", role: "alert" }, error.message))),
  }, label);
  const files = isReport
    ? ["md", "html", "json", "bib"].map((format) => file(format.toUpperCase(), `report?format=${format}`, format))
    : [file("JSON", "outcome", "json")];
  return h("section", { class: "card outcome", "aria-labelledby": "outcome" },
    h("div", { class: "row between" }, h("h2", { id: "outcome" }, isReport ? "Report" : "Outcome"),
      h("div", { class: "row files", role: "group", "aria-label": "Keep as a file" }, h("span", { class: "faint" }, "keep as"), files)),
    trouble, shown,
    written.length > 0 && h("p", { class: "wants" }, "wrote ", written.map((path) => h("code", {}, path))));
}
