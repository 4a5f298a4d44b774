// How far a call is, for the person who runs it.

import * as host from "errand:tool/progress@0.1.0";

/** `done` of `total` where that is known, and what is being done. */
export function report(done, total, text = "") {
  host.report(BigInt(done), total === undefined ? undefined : BigInt(total), text);
}
