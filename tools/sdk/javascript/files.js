// Files of the agent. Paths are relative to the agent file's folder; every use is judged.

import * as host from "errand:tool/files@0.1.0";

import { Failed, said } from "./errand.js";

const judged = (use) => {
  try {
    return use();
  } catch (error) {
    throw new Failed(said(error));
  }
};

/** The folders and files that the agent may read, as its file names them. */
export const roots = () => host.roots();

/** The whole file, as bytes. */
export const read = (path) => judged(() => host.read(path));

/** The whole file, as text. */
export const readText = (path) => new TextDecoder().decode(read(path));

/** What is directly in a folder, sorted by name: entries with `path`, `folder`, `size`. */
export const list = (path) => judged(() => host.list(path));

/** Creates or replaces the whole file, or leaves it as it was. */
export function write(path, data) {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  judged(() => host.write(path, bytes));
}

/** Gives a file or a folder another path. A file that stands there stays, unless `replace`. */
export const rename = (path, to, { replace = false } = {}) =>
  judged(() => host.rename(path, to, replace ? "replace" : "keep"));

/** Removes a file or an empty folder; `delete` is a word of the language. */
export const remove = (path) => judged(() => host.delete(path));
