// All runs that wait for this user's word, each with the whole of what it waits for.

import { ask, often } from "./api.js";
import { fill, h, tell } from "./dom.js";
import { moment } from "./format.js";
import { waiting } from "./ask.js";

/** The runs that wait. */
export const waits = async () => (await ask("GET", "/v1/runs?status=waiting&limit=100")).data;

/** Shows them, and those that come. */
export async function inbox(view, _, signal) {
  const list = h("div", { class: "inbox" });
  fill(view, h("h1", {}, "Inbox"), list);
  const shown = new Map();
  const refresh = async () => {
    const runs = (await waits()).reverse();
    const now = new Set(runs.map(key));
    // What a person is reading or writing in stays where it is.
    for (const [digest, item] of shown) {
      if (!now.has(digest)) (item.remove(), shown.delete(digest));
    }
    for (const run of runs) {
      if (shown.has(key(run))) continue;
      const item = h("div", { class: "one" },
        h("p", { class: "faint" }, h("a", { href: `#/runs/${run.id}` }, run.agent), ` · ${moment(run.updated_ms)} · `, short(run)),
        waiting(run, async () => {
          await refresh();
          (list.querySelector("button, textarea") ?? view.querySelector("h1")).focus();
        }));
      shown.set(key(run), item);
      list.append(item);
    }
    let empty = list.querySelector(".empty");
    if (shown.size > 0) empty?.remove();
    else if (!empty) {
      list.append(h("p", { class: "empty faint" }, "No run waits for you. One that does is shown here with all that it wants to do."));
      tell("no run waits");
    }
  };
  view.querySelector("h1").tabIndex = -1;
  await refresh();
  await often(3000, signal, refresh);
}

const key = (run) => `${run.id} ${run.waits.digest}`;

function short(run) {
  const line = run.task.split("\n")[0];
  return line.length > 120 ? `${line.slice(0, 120)}…` : line;
}
