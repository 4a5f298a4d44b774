// What happened in a run, one entry an event, by step: asked, replied, planned, judged and by which rule, run,
// observed and from where.

import { h, link, said } from "./dom.js";
import { many, number, span } from "./format.js";
import { values } from "./ask.js";

/** The entries of a run; each knows the number of its event, so that a run can be gone through again. */
export class Timeline {
  element = h("div", { class: "timeline" });
  #entries = [];
  #list = null;
  #writes = new Map();
  /** The files that calls wrote, once those have succeeded. */
  files = new Set();
  #began = null;
  #step = 0;

  get count() {
    return this.#entries.length;
  }

  /** What the run had taken after its first `count` events. */
  usage(count) {
    return this.#entries[count - 1]?.usage;
  }

  push(event, number) {
    if (number < this.#entries.length) return;
    this.#began ??= event.at;
    // A step of the budget: a model that decides one small thing at a time is asked often within one.
    const step = event.usage.steps + 1;
    if (this.#list === null) this.#group("Begin");
    else if (event.type === "thinking" && step !== this.#step) this.#group(`Step ${(this.#step = step)}`);
    this.#wrote(event);
    const made = entry(event);
    const after = h("time", { class: "after" }, `+${span((event.at - this.#began) / 1000)}`);
    const item = h("li", { class: `entry ${event.type} ${made.tone ?? ""}`, "data-n": number },
      h("div", { class: "what" }, h("span", { class: "kind" }, made.kind), made.head, after), made.body);
    this.#entries.push({ item, group: this.#list.parentElement, usage: event.usage });
    this.#list.append(item);
  }

  /** Shows the run as it was after its first `count` events. */
  show(count) {
    const groups = new Map();
    this.#entries.forEach(({ item, group }, at) => {
      item.hidden = at >= count;
      item.classList.toggle("now", at === count - 1 && count < this.#entries.length);
      groups.set(group, (groups.get(group) ?? false) || at < count);
    });
    for (const [group, seen] of groups) group.hidden = !seen;
    if (count < this.#entries.length) this.#entries[count - 1]?.item.scrollIntoView({ block: "nearest" });
  }

  #wrote(event) {
    const call = event.call ?? event.action?.id;
    const wanted = event.type === "judged" ? event.action.capabilities : event.type === "used" ? [event.capability] : [];
    const paths = event.verdict?.decision === "deny" ? [] : wanted.flatMap((it) => it.write ?? []);
    if (paths.length > 0) this.#writes.set(call, [...(this.#writes.get(call) ?? []), ...paths]);
    if (event.type === "observed" && event.observation.status === "ok") {
      this.#writes.get(call)?.forEach((path) => this.files.add(path));
    }
  }

  #group(step) {
    this.#list = h("ol", {});
    this.element.append(h("section", { class: "step", "aria-label": step }, h("h3", {}, step), this.#list));
  }
}

/** One event: its kind in a word, what is at a glance, and all of it. */
function entry(event) {
  const made = KINDS[event.type];
  return made ? made(event) : { kind: event.type };
}

const KINDS = {
  started: ({ agent, strategy, parts: attached }) => ({
    kind: "started", head: [h("bdi", {}, agent.name), ` with ${agent.model}, by ${strategy}`], body: [said(agent.task), parts(attached)],
  }),
  resumed: () => ({ kind: "resumed", head: "taken up again" }),
  said: ({ text }) => ({ kind: "said", head: "a person says", body: said(text) }),
  undone: () => ({ kind: "undone", head: "a person took back what was said last" }),
  thinking: ({ reserved, last }) => ({
    kind: "asks", head: ["the model, ", many(reserved, "token"), " set aside", last && "; the budget has room for no other, so this has to be the answer"],
  }),
  replied: ({ reply }) => ({
    kind: "replied",
    head: [`${number(reply.usage.input)} tokens read, ${number(reply.usage.output)} written`, reply.finish !== "stop" && `, ${reply.finish}`],
    body: [
      reply.reasoning && h("details", {}, h("summary", {}, "reasoning"), h("div", { class: "said" }, reply.reasoning)),
      reply.content && said(reply.content),
      (reply.tool_calls ?? []).length > 0 && h("p", { class: "faint" }, "wants ", reply.tool_calls.map((call, at) => [at > 0 && ", ", h("code", {}, call.name)])),
      (reply.notes ?? []).map((note) => h("p", { class: "faint" }, note)),
    ],
  }),
  unanswered: ({ reason }) => ({ kind: "no reply", tone: "bad", body: said(reason) }),
  planned: ({ plan }) => ({ kind: "plan", body: said(plan) }),
  revised: ({ parts }) => ({ kind: "plan", head: "as a person wants it", body: h("ul", {}, parts.map((part) => h("li", {}, part))) }),
  judged: ({ action, verdict }) => ({
    kind: "call", tone: TONES[verdict.decision],
    head: [h("code", { class: "call" }, action.id), h("code", {}, action.tool), verdictOf(verdict)],
    body: [
      values(action.arguments), rules(verdict),
      action.capabilities.length > 0 && h("p", { class: "wants" }, "wants ", action.capabilities.map((it) => h("code", {}, capability(it)))),
      action.taint.length > 0 && h("details", {}, h("summary", {}, `judged as knowing ${many(action.taint.length, "source")}`), origins(action.taint)),
    ],
  }),
  answered: ({ call, granted }) => ({
    kind: "a person", tone: granted ? "good" : "bad", head: [granted ? "allowed " : "refused ", h("code", { class: "call" }, call)],
  }),
  acting: ({ call, effect }) => ({ kind: "runs", head: [h("code", { class: "call" }, call), h("span", { class: "faint" }, effect)] }),
  used: ({ call, capability: it, verdict }) => ({
    kind: "uses", tone: verdict.decision === "allow" ? "" : TONES[verdict.decision],
    head: [h("code", { class: "call" }, call), h("code", {}, capability(it)), verdictOf(verdict)],
    body: verdict.decision === "allow" ? null : rules(verdict),
  }),
  done: ({ call }) => ({ kind: "done", head: [h("code", { class: "call" }, call), " changed what it said it would"] }),
  observed: ({ call, observation }) => ({
    kind: "observed", tone: observation.status === "ok" ? "good" : "bad",
    head: [h("code", { class: "call" }, call), h("span", { class: "chip" }, observation.status), h("span", { class: "faint" }, span(took(observation.cost)))],
    body: [said(observation.text, "said code"), parts(observation.parts), observation.origins.length > 0 && h("p", { class: "from" }, "from ", origins(observation.origins))],
  }),
  ended: ({ outcome }) => ({
    kind: "ended", tone: outcome.reason === null ? "good" : "bad",
    head: outcome.reason === null ? "with an outcome" : outcome.reason, body: outcome.detail && said(outcome.detail),
  }),
};

const TONES = { allow: "good", ask: "ask", deny: "bad" };
const WORDS = { allow: "allowed", ask: "a person decides", deny: "denied" };

const verdictOf = ({ decision }) => h("span", { class: `chip ${TONES[decision]}` }, WORDS[decision]);

/** The rule that decided, in its own words. */
/** What stands beside a text: what it is and its digest, never its bytes. */
function parts(list) {
  return (list ?? []).map(({ media_type: kind, pixels, bytes, sha256 }) => {
    const size = pixels ? `, ${pixels[0]} x ${pixels[1]}` : "";
    return h("p", { class: "faint" }, `[${kind}${size}, ${number(bytes)} bytes] sha256 `, h("code", {}, sha256));
  });
}

function rules({ decision, reasons }) {
  if (reasons.length > 0) return h("ul", { class: "rules" }, reasons.map((reason) => h("li", {}, reason)));
  return decision === "allow" && h("p", { class: "faint" }, "the agent file grants it, and no rule is against it");
}

function capability(it) {
  const [[kind, what]] = Object.entries(it);
  if (kind === "fetch") return `${what.method} ${what.url}`;
  if (kind === "run") return ["run", what.program, ...what.arguments].join(" ");
  return `${kind} ${what}`;
}

/** Where bytes came from; what others may have written is marked. */
function origins(list) {
  return h("span", { class: "origins" }, list.map((origin) => {
    const { kind, what, inherited } = originOf(origin);
    const untrusted = ["web", "server", "program"].includes(kind);
    return h("span", { class: `origin ${untrusted ? "untrusted" : ""}` },
      kind, " ", kind === "web" ? link(what) : h("bdi", {}, what), inherited && " (inherited)", untrusted && h("span", { class: "unseen" }, " untrusted"));
  }));
}

function originOf(origin) {
  if (typeof origin === "string") return { kind: origin, what: "", inherited: false };
  const [[kind, what]] = Object.entries(origin);
  if (kind.toLowerCase() === "inherited") return { ...originOf(what), inherited: true };
  return { kind: kind.toLowerCase(), what: String(what), inherited: false };
}

const took = ({ time }) => (time?.secs ?? 0) + (time?.nanos ?? 0) / 1e9;
