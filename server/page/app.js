// Which view is shown, and who is signed in.

import { ask, forget, hasToken, keep, leave, often, redeem } from "./api.js";
import { fill, h, problem } from "./dom.js";
import { chat } from "./chat.js";
import { history } from "./history.js";
import { inbox, waits } from "./inbox.js";
import { models } from "./models.js";
import { run } from "./run.js";
import { start } from "./start.js";

const VIEWS = { start, runs: history, run, inbox, chat, models };
const TITLES = { start: "Start a run", runs: "Runs", run: "Run", inbox: "Inbox", chat: "Chat", models: "Models" };

const main = document.getElementById("main");
const nav = document.getElementById("nav");
let shown = new AbortController();

addEventListener("hashchange", show);
addEventListener("locked", ({ detail }) => (forget(), signIn(detail)));
document.getElementById("leave").addEventListener("click", () => (leave(), signIn()));
document.querySelector(".skip").addEventListener("click", (event) => (event.preventDefault(), main.focus()));
begin();

/** Takes the ticket of a link, which leaves the address at once. */
async function begin() {
  const ticket = /^#ticket=([\w-]+)$/.exec(location.hash)?.[1];
  if (ticket) {
    window.history.replaceState(null, "", location.pathname);
    try {
      await redeem(ticket);
    } catch (error) {
      if (!hasToken()) return signIn(error.message);
    }
  }
  if (!hasToken()) return signIn();
  await enter();
}

async function enter() {
  let status;
  try {
    status = await ask("GET", "/v1/status");
  } catch (error) {
    if (error.status !== 401) signIn(error.message);
    return;
  }
  document.getElementById("name").textContent = status.user;
  document.getElementById("user").hidden = nav.hidden = false;
  show();
  badge();
}

/** How many runs wait, beside the inbox. */
function badge() {
  const signedIn = new AbortController();
  addEventListener("locked", () => signedIn.abort(), { once: true });
  document.getElementById("leave").addEventListener("click", () => signedIn.abort(), { once: true });
  const sign = document.getElementById("waiting");
  often(5000, signedIn.signal, async () => {
    const count = (await waits()).length;
    sign.hidden = count === 0;
    fill(sign, count, h("span", { class: "unseen" }, " waiting"));
  });
}

async function show() {
  if (nav.hidden) return;
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  const [, place = "start", about] = location.hash.split("/");
  const name = place === "runs" && about ? "run" : place in VIEWS ? place : "start";
  document.title = `${TITLES[name]} · errand`;
  for (const link of nav.querySelectorAll("a")) {
    if (link.getAttribute("href") === `#/${place}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const view = h("div", { class: `view ${name}`, "data-at": location.hash });
  fill(main, view);
  scrollTo(0, 0);
  try {
    await VIEWS[name](view, about && decodeURIComponent(about), signal);
  } catch (error) {
    if (!signal.aborted && error.status !== 401) fill(view, h("h1", {}, TITLES[name]), problem(error));
  }
}

/** Asks for the token; with what was wrong with the last one. */
function signIn(wrong) {
  shown.abort();
  document.getElementById("user").hidden = nav.hidden = true;
  document.title = "Sign in · errand";
  const input = h("input", { id: "token", type: "password", autocomplete: "current-password", required: true, spellcheck: "false", "aria-describedby": "where" });
  const longer = h("input", { id: "longer", type: "checkbox" });
  const submit = (event) => {
    event.preventDefault();
    if (input.value.trim() === "") return;
    keep(input.value.trim(), longer.checked ? "browser" : "tab");
    enter();
  };
  fill(main, h("form", { class: "card sign-in", submit },
    h("h1", {}, "Sign in"),
    wrong && h("p", { class: "problem", role: "alert" }, wrong),
    h("label", { for: "token" }, "Token"), input,
    h("p", { class: "faint", id: "where" }, "The server keeps it in ", h("code", {}, "serve.token"), " in its ", h("code", {}, "ERRAND_HOME"), "; with ", h("code", {}, "[users]"), ", each has one of their own."),
    h("div", { class: "check" }, longer, h("label", { for: "longer" }, "Remember it in this browser")),
    h("div", { class: "row" }, h("button", { type: "submit", class: "main" }, "Sign in"))));
  input.focus();
}
