// Other tools of the agent, through the same gate as any call.

import * as host from "errand:tool/tools@0.1.0";

import { Failed, said } from "./errand.js";

/** Calls a tool that `wants.tools` names. */
export function call(name, given = {}) {
  try {
    return JSON.parse(host.call(name, JSON.stringify(given)));
  } catch (error) {
    throw new Failed(said(error));
  }
}
