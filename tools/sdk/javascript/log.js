// What a tool says while it works, for the person who runs it: never for the model.

import { write } from "errand:tool/log@0.1.0";

export const debug = (text) => write("debug", text);
export const info = (text) => write("info", text);
export const warn = (text) => write("warn", text);
export const error = (text) => write("error", text);
