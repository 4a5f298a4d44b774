// A form from the JSON Schema of an agent's parameters. What was typed is kept until a run began with it, so
// an error, a look at another view or a reload loses nothing.

import { fill, h } from "./dom.js";

const draftOf = (agent) => `errand.draft.${agent}`;

/** Puts values in the place of what was typed: a run is to be started again. */
export function prefill(agent, params) {
  const typed = Object.entries(params).map(([name, value]) => [name, asTyped(value)]);
  sessionStorage.setItem(draftOf(agent), JSON.stringify(Object.fromEntries(typed)));
}

export const dropDraft = (agent) => sessionStorage.removeItem(draftOf(agent));

/** The form; `begin(params)` is called with values that fit, and what it throws is shown. */
export function form(agent, begin) {
  const { properties = {}, required = [] } = agent.params;
  const draft = JSON.parse(sessionStorage.getItem(draftOf(agent.name)) ?? "{}");
  const fields = Object.entries(properties).map(([name, schema]) =>
    field(name, schema, required.includes(name), draft[name]));
  const trouble = h("div", { class: "trouble", "aria-live": "assertive" });
  const button = h("button", { type: "submit", class: "main" }, "Start the run");
  const submit = async (event) => {
    event.preventDefault();
    fill(trouble);
    const params = {};
    let first = null;
    for (const it of fields) {
      const wrong = it.read(params);
      it.complain(wrong);
      if (wrong) first ??= it;
    }
    if (first) return first.input.focus();
    button.disabled = true;
    try {
      await begin(params);
    } catch (error) {
      fill(trouble, h("p", { class: "problem", role: "alert" }, error.message));
      const named = fields.find((it) => error.message.includes(`\`${it.name}\``));
      if (named) (named.complain(error.message), named.input.focus());
    } finally {
      button.disabled = false;
    }
  };
  const keep = () => {
    const typed = Object.fromEntries(fields.map((it) => [it.name, it.typed()]));
    sessionStorage.setItem(draftOf(agent.name), JSON.stringify(typed));
  };
  const made = h("form", { class: "params", novalidate: true, submit, input: keep },
    fields.map((it) => it.element),
    fields.length === 0 && h("p", { class: "faint" }, "This agent has no parameters."),
    trouble, h("div", { class: "row" }, button));
  made.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) made.requestSubmit();
  });
  return made;
}

/** One parameter: its label, its input, and how that is read. */
function field(name, schema, needed, draft) {
  const kind = kindOf(schema);
  const id = `param-${name}`;
  const input = inputOf(kind, schema, id);
  const start = draft ?? (schema.default === undefined ? "" : asTyped(schema.default));
  if (kind === "boolean") input.checked = start === true || start === "true";
  else input.value = kind === "enum" && start !== "" && !schema.enum.some((it) => JSON.stringify(it) === start) ? JSON.stringify(start) : start;
  const wrong = h("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
  const notes = [schema.description, HINTS[kind]].filter(Boolean);
  const hint = notes.length > 0 && h("p", { class: "faint", id: `${id}-hint` }, notes.join(" · "));
  input.setAttribute("aria-describedby", `${hint ? `${id}-hint ` : ""}${id}-wrong`);
  if (needed && kind !== "boolean") input.setAttribute("aria-required", "true");
  const label = h("label", { for: id }, name, h("span", { class: "faint" }, needed ? "" : " optional"));
  const element = kind === "boolean"
    ? h("div", { class: "field check" }, h("div", {}, input, label), hint, wrong)
    : h("div", { class: "field" }, label, input, hint, wrong);
  return {
    name, element, input,
    typed: () => (kind === "boolean" ? input.checked : input.value),
    complain(message) {
      wrong.hidden = !message;
      fill(wrong, message ?? "");
      if (message) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    },
    read(params) {
      if (kind === "boolean") return void (params[name] = input.checked);
      if (input.value.trim() === "" && (kind !== "string" || !needed)) {
        return needed ? "a value is needed" : undefined;
      }
      if (input.value === "" && needed) return "a value is needed";
      const { value, message } = valueOf(kind, input.value);
      if (message) return message;
      params[name] = value;
      return undefined;
    },
  };
}

const HINTS = { list: "one a line, or a JSON array", json: "as JSON", integer: "a whole number", number: "a number" };

function kindOf(schema) {
  if (Array.isArray(schema.enum)) return "enum";
  if (schema.type === "array" && schema.items?.type === "string") return "list";
  return ["string", "integer", "number", "boolean"].includes(schema.type) ? schema.type : "json";
}

function inputOf(kind, schema, id) {
  const plain = { id, name: id, autocomplete: "off", spellcheck: "false" };
  if (kind === "boolean") return h("input", { ...plain, type: "checkbox" });
  if (kind === "integer" || kind === "number") return h("input", { ...plain, inputmode: "decimal" });
  if (kind === "enum") {
    const options = schema.enum.map((it) => h("option", { value: JSON.stringify(it) }, typeof it === "string" ? it : JSON.stringify(it)));
    return h("select", plain, h("option", { value: "" }, "choose"), options);
  }
  return h("textarea", { ...plain, rows: kind === "string" ? 1 : 3, class: kind === "json" ? "code" : "" });
}

/** What was typed, as the value that is sent. */
function valueOf(kind, typed) {
  if (kind === "string") return { value: typed };
  if (kind === "enum") return { value: JSON.parse(typed) };
  if (kind === "integer" || kind === "number") {
    const value = Number(typed.trim());
    if (!Number.isFinite(value)) return { message: `\`${typed.trim()}\` is no number` };
    if (kind === "integer" && !Number.isInteger(value)) return { message: `\`${typed.trim()}\` is no whole number` };
    return { value };
  }
  if (kind === "list" && !typed.trim().startsWith("[")) {
    return { value: typed.split("\n").map((line) => line.trim()).filter((line) => line !== "") };
  }
  try {
    const value = JSON.parse(typed);
    const texts = Array.isArray(value) && value.every((it) => typeof it === "string");
    return kind === "list" && !texts ? { message: "a list holds texts, each in quotes" } : { value };
  } catch (error) {
    return { message: `this is no JSON: ${error.message}` };
  }
}

function asTyped(value) {
  if (typeof value === "string" || typeof value === "boolean") return value;
  const lines = Array.isArray(value) && value.every((it) => typeof it === "string" && !/^\s|\n|\s$|^\[/.test(it));
  return lines ? value.join("\n") : JSON.stringify(value);
}
