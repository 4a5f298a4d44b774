// Values that the component keeps between its calls: anything that JSON can hold.

import * as host from "errand:tool/kv@0.1.0";

import { Failed, said } from "./errand.js";

const judged = (use) => {
  try {
    return use();
  } catch (error) {
    throw new Failed(said(error));
  }
};

/** The value of a key, or undefined. */
export function get(key) {
  const value = judged(() => host.get(key));
  return value === undefined ? undefined : JSON.parse(new TextDecoder().decode(value));
}

/** Sets the whole value, or leaves it as it was. */
export function set(key, value) {
  judged(() => host.set(key, new TextEncoder().encode(JSON.stringify(value))));
}

/** Removes a key; one that is not there is fine. */
export const remove = (key) => judged(() => host.delete(key));

/** All keys, sorted. */
export const keys = () => judged(() => host.keys());
