// Uses each thing that a host lends, once, through the SDK.

import { Failed, any, object, tools } from "./sdk/errand.js";
import * as files from "./sdk/files.js";
import * as http from "./sdk/http.js";
import * as kv from "./sdk/kv.js";
import * as log from "./sdk/log.js";
import * as progress from "./sdk/progress.js";
import { call } from "./sdk/tools.js";

function refused(path) {
  try {
    files.read(path);
    return false;
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return true;
  }
}

function all() {
  log.info("looking\u001b[31m around\u202e");
  progress.report(1, 2, "half way");
  const before = kv.get("n") ?? 0;
  kv.set("n", before + 1);
  kv.set("gone", true);
  kv.remove("gone");
  const text = files.readText("docs/a.md");
  const names = files.list("docs").map((entry) => entry.path);
  files.write("out/b.md", text.toUpperCase());
  const sent = http.send({
    method: "POST",
    url: "http://AT/posted",
    headers: { "content-type": "application/json" },
    secrets: { "x-key": "TOOL_KEY" },
    body: '{"a":1}',
  }).ok();
  const got = http.get("http://AT/plain").ok().text();
  const called = call("files.read", { path: "docs/a.md" });
  return {
    before, keys: kv.keys(), roots: files.roots(), text, names, got, sent: sent.json(),
    refused: refused("secret.txt"), called: called.text,
  };
}

export const { describe, invoke } = tools({
  description: "Uses all that there is.",
  wants: {
    net: ["AT"], read: ["docs"], write: ["out"], tools: ["files.read"], kv: true,
    secrets: [{ name: "TOOL_KEY", host: "AT", header: "x-key" }],
  },
  tools: {
    all: {
      description: "Uses all that there is.",
      effect: "egress",
      input: object({}),
      output: any(),
      run: all,
    },
  },
});
