// The network. The host sends the request, follows redirects, and judges every hop.

import * as host from "errand:tool/http@0.1.0";

import { Failed, said } from "./errand.js";

/** Sends a GET. */
export const get = (url) => send({ method: "GET", url });

/**
 * Sends a request. `headers`: name to text. `secrets`: header to the name of a secret, whose value
 * the host puts in. `body`: a text or bytes. Any status is an answer.
 */
export function send({ method = "GET", url, headers = {}, secrets = {}, body }) {
  const value = (tag) => ([name, val]) => ({ name, value: { tag, val } });
  const all = [
    ...Object.entries(headers).map(value("text")),
    ...Object.entries(secrets).map(value("secret")),
  ];
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  try {
    return new Response(host.send({ method, url, headers: all, body: bytes }));
  } catch (error) {
    throw new Failed(said(error));
  }
}

class Response {
  constructor({ status, url, contentType, body }) {
    Object.assign(this, { status, url, contentType, body });
  }

  /** This answer, if its status is one of success. */
  ok() {
    if (this.status >= 200 && this.status < 300) return this;
    throw new Failed(`\`${this.url}\` answered with status ${this.status}`);
  }

  text() {
    return new TextDecoder().decode(this.body);
  }

  json() {
    return JSON.parse(this.text());
  }
}
