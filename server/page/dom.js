// Makes nodes. A string becomes a text node and nothing else, with what hides in it written out: there is no
// way through here by which something that a model, a page or a server wrote becomes markup.

import { parts, visible } from "./visible.js";

/** An element with these attributes (a function is a listener, `true` a bare attribute) and children. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(key, value);
    else element.setAttribute(key, value === true ? "" : visible(value));
  }
  element.append(...nodes(children));
  return element;
}

/** What an element holds from now on. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/** A link to the web; an address of another kind is only text. It is told nothing of this page. */
export function link(address, text = address) {
  const web = /^https?:\/\//i.test(address) && URL.canParse(address);
  if (!web) return h("bdi", {}, text);
  return h("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, h("bdi", {}, text));
}

/** What was said, in full; where it is long, behind its first lines. */
export function said(text, kind = "said") {
  const long = text.length > 900 || text.split("\n").length > 14;
  if (!long) return h("div", { class: kind }, text);
  const head = text.split("\n").slice(0, 6).join("\n").slice(0, 400);
  const more = h("details", {}, h("summary", {}, `all of it, ${text.length.toLocaleString("en")} characters`));
  // Made once it is wanted: there may be many, each of megabytes.
  more.addEventListener("toggle", () => more.append(h("div", { class: kind }, text)), { once: true });
  return h("div", { class: "long" }, h("div", { class: `${kind} head` }, `${head} …`), more);
}

/** Tells people who cannot see the page what changed on it. */
export function tell(text) {
  document.getElementById("told").textContent = text;
}

/** What went wrong, where it is noticed. */
export function problem(error) {
  return h("p", { class: "problem", role: "alert" }, error.message ?? String(error));
}

function nodes(children) {
  const made = [];
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    if (child instanceof Node) made.push(child);
    else for (const { text, hidden } of parts(String(child))) made.push(hidden ? sign(text) : text);
  }
  return made;
}

function sign(text) {
  const mark = document.createElement("mark");
  mark.className = "sign";
  mark.title = "a character that cannot be seen";
  mark.textContent = text;
  return mark;
}
