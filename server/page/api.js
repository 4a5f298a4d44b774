// Speaks to the server. The token is kept in this tab, or in this browser where the user wants that, and is
// sent in a header: an address never holds it.

const KEY = "errand.token";

let token = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);

/** What the server refused: `status`, `code`, and a `message` for people. */
export class Refused extends Error {
  constructor(status, { message, code } = {}) {
    super(message ?? `the server answered with status ${status}`);
    this.status = status;
    this.code = code ?? "";
  }
}

export const hasToken = () => token !== null;

/** Keeps a token: in this tab, or beyond it. */
export function keep(text, where) {
  token = text;
  forget();
  (where === "browser" ? localStorage : sessionStorage).setItem(KEY, text);
  token = text;
}

export function forget() {
  token = null;
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
}

/** Forgets the token; the key of a ticket opens nothing any more from here on. */
export async function leave() {
  const ended = asked("DELETE", "/v1/session").catch(() => {});
  forget();
  await ended;
}

/** A key for a ticket, which is taken once. */
export async function redeem(ticket) {
  const answer = await asked("POST", "/v1/session", undefined, { authorization: `Bearer ${ticket}` });
  keep((await answer.json()).token, "tab");
}

/** Asks, and reads the answer as JSON. */
export async function ask(method, path, body, headers) {
  return (await asked(method, path, body, headers)).json();
}

/** Lets the browser keep a file of the server. */
export async function save(path, name) {
  const answer = await asked("GET", path);
  const address = URL.createObjectURL(await answer.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

/** The server-sent events of an answer, as they come: `{ kind, id, data }`. */
export async function* stream(method, path, body, headers, signal) {
  const answer = await asked(method, path, body, headers, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    let end;
    while ((end = text.indexOf("\n\n")) !== -1) {
      const event = { kind: "message", id: "", data: "" };
      for (const line of text.slice(0, end).split("\n")) {
        const [, name, rest] = /^([a-z]+): ?(.*)$/s.exec(line) ?? [];
        if (name === "event") event.kind = rest;
        else if (name === "id") event.id = rest;
        else if (name === "data") event.data += rest;
      }
      text = text.slice(end + 2);
      if (event.data) yield event;
    }
  }
}

/**
 * Follows a run from its first event on until it rests. A connection that ends before that is made again,
 * from the event after the last that came.
 */
export async function follow(run, last, { event, state, lost }, signal) {
  let wait = 500;
  while (!signal.aborted) {
    try {
      const headers = last === null ? {} : { "last-event-id": String(last) };
      for await (const it of stream("GET", `/v1/runs/${run}/events`, undefined, headers, signal)) {
        wait = 500;
        const data = JSON.parse(it.data);
        if (it.kind === "error") throw new Refused(500, data.error);
        if (it.kind === "state") {
          state(data);
          if (data.status !== "running") return;
        } else {
          last = Number(it.id);
          event(data, last);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status < 500 && error.status !== 429) throw error;
    }
    lost(wait);
    await pause(wait, signal);
    wait = Math.min(wait * 2, 8000);
  }
}

/** Does something now and then again, while the page is looked at. */
export async function often(ms, signal, work) {
  while (!signal.aborted) {
    if (!document.hidden) await work().catch(() => {});
    await pause(ms, signal);
  }
}

function pause(ms, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });
}

async function asked(method, path, body, headers = {}, signal = undefined) {
  const sent = { authorization: `Bearer ${token}`, ...headers };
  if (body !== undefined) sent["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method, headers: sent, signal, body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, { message: "the server cannot be reached: is `errand serve` running?" });
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  const refused = new Refused(answer.status, told.error);
  if (answer.status === 401 && path !== "/v1/session") {
    dispatchEvent(new CustomEvent("locked", { detail: refused.message }));
  }
  throw refused;
}
