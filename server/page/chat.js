// A conversation with a model of this server. It is kept in this tab's memory and nowhere else.

import { ask, stream } from "./api.js";
import { fill, h, tell } from "./dom.js";
import { many } from "./format.js";

/** The conversation, which outlives a look at another view. */
const talk = { model: "", messages: [], draft: "", stop: null, draw: () => {} };

export async function chat(view) {
  const { data: models } = await ask("GET", "/v1/models");
  if (models.length === 0) {
    return fill(view, h("h1", {}, "Chat"), h("p", {}, "This server has no models that you may ask. ", h("code", {}, "errand serve --model NAME"), " names one."));
  }
  if (!models.some((model) => model.id === talk.model)) talk.model = models[0].id;
  const select = h("select", { id: "model", change: () => (talk.model = select.value) },
    models.map((model) => h("option", { value: model.id, selected: model.id === talk.model }, model.id)));
  const log = h("ol", { class: "talk", "aria-label": "Conversation" });
  const input = h("textarea", { id: "says", rows: 2, "aria-describedby": "how", input: () => (talk.draft = input.value) });
  input.value = talk.draft;
  const send = h("button", { type: "submit", class: "main" }, "Send");
  const stop = h("button", { type: "button", click: () => talk.stop?.abort() }, "Stop");
  const anew = h("button", {
    type: "button",
    click() {
      talk.stop?.abort();
      talk.messages = [];
      draw();
      input.focus();
    },
  }, "New conversation");
  const form = h("form", {
    class: "say",
    submit(event) {
      event.preventDefault();
      if (talk.stop || input.value.trim() === "") return;
      talk.messages.push({ role: "user", content: input.value });
      input.value = talk.draft = "";
      answer();
    },
    keydown(event) {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    },
  }, h("label", { for: "says", class: "unseen" }, "Message"), input,
    h("div", { class: "row" }, send, stop, anew, h("span", { id: "how", class: "faint" }, "Enter sends, Shift+Enter begins a line")));
  const draw = () => {
    fill(log, talk.messages.map(message));
    [send.disabled, stop.disabled] = [talk.stop !== null, talk.stop === null];
    log.lastElementChild?.scrollIntoView({ block: "nearest" });
  };
  talk.draw = draw;
  fill(view, h("div", { class: "row between" }, h("h1", {}, "Chat"), h("label", {}, h("span", {}, "Model"), select)), log, form);
  draw();
  input.focus();
}

function message({ role, content, problem, usage }) {
  return h("li", { class: role },
    h("span", { class: "who" }, role === "user" ? "You" : talk.model),
    h("div", { class: "said" }, content || (problem ? "" : "…")),
    problem && h("p", { class: "problem", role: "alert" }, problem),
    usage && h("p", { class: "faint" }, `${many(usage.prompt_tokens, "token")} read, ${usage.completion_tokens} written`));
}

/** Asks the model, and adds what it says as it comes. */
async function answer() {
  const messages = talk.messages.filter((it) => it.content).map(({ role, content }) => ({ role, content }));
  const reply = { role: "assistant", content: "" };
  talk.messages.push(reply);
  talk.stop = new AbortController();
  talk.draw();
  try {
    const body = { model: talk.model, messages, stream: true, stream_options: { include_usage: true } };
    for await (const { data } of stream("POST", "/v1/chat/completions", body, {}, talk.stop.signal)) {
      if (data === "[DONE]") break;
      const piece = JSON.parse(data);
      if (piece.error) throw new Error(piece.error.message);
      reply.content += piece.choices?.[0]?.delta?.content ?? "";
      reply.usage = piece.usage ?? reply.usage;
      talk.draw();
    }
    tell("the model answered");
  } catch (error) {
    reply.problem = talk.stop.signal.aborted ? "stopped" : error.message;
  } finally {
    talk.stop = null;
    talk.draw();
  }
}
