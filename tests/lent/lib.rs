//! Uses each thing that a host lends, once, through the SDK.

use errand_sdk::http::{self, Request};
use errand_sdk::{Nothing, Secret, Value, Wants, call, files, json, kv, log, progress, tools};

fn all(_: Nothing) -> Result<Value, String> {
    log::info("looking\u{1b}[31m around\u{202e}");
    progress::report(1, Some(2), "half way");
    let before: u64 = kv::get("n")?.unwrap_or(0);
    kv::set("n", &(before + 1))?;
    kv::set("gone", &true)?;
    kv::delete("gone")?;
    let text = files::read_text("docs/a.md")?;
    let names: Vec<String> = files::list("docs")?.into_iter().map(|entry| entry.path).collect();
    files::write("out/b.md", text.to_uppercase())?;
    let sent = Request::new("POST", "http://AT/posted")
        .secret("x-key", "TOOL_KEY")
        .json(&json!({"a": 1}))
        .send()?
        .ok()?;
    let got = http::get("http://AT/plain")?.ok()?.text();
    let refused = files::read("secret.txt").is_err();
    let called = call("files.read", &json!({"path": "docs/a.md"}))?;
    Ok(json!({
        "before": before, "keys": kv::keys()?, "roots": files::roots(), "text": text,
        "names": names, "got": got, "sent": sent.json::<Value>()?, "refused": refused,
        "called": called["text"],
    }))
}

tools! {
    description: "Uses all that there is.";
    wants: Wants {
        net: &["AT"],
        read: &["docs"],
        write: &["out"],
        tools: &["files.read"],
        secrets: &[Secret { name: "TOOL_KEY", host: "AT", header: "x-key" }],
        kv: true,
    };

    /// Uses all that there is.
    all: egress,
}
