//! Agent files that ask for what their reader was built without.

use std::fs;

use agent_core::agent::Provider;
use agent_file::LeftOut;

use super::{Ground, RIGHT};

const NOTHING: LeftOut =
    LeftOut { feature: "", tables: &[], acts: &[], tools: &[], provider: None };

const ALL: &[LeftOut] = &[
    LeftOut { feature: "mcp", tables: &["mcp"], ..NOTHING },
    LeftOut { feature: "research", tables: &["research"], acts: &["research", "read"], ..NOTHING },
    LeftOut { feature: "onnx", tools: &["data.search"], provider: Some(Provider::Onnx), ..NOTHING },
    LeftOut { feature: "openai", provider: Some(Provider::Openai), ..NOTHING },
];

const SCRIPTED: &str = "[model]\nprovider = \"scripted\"\nname = \"replies.jsonl\"\n";

#[test]
fn what_a_build_has_not_is_refused_by_its_name() {
    let mut all = String::new();
    let cases = [
        ("what it has", String::new(), SCRIPTED, None),
        ("a server", "[mcp.servers.x]\ncommand = \"x\"\n".to_string(), SCRIPTED, None),
        ("a strategy", "act = \"research\"\n[research]\ndepth = \"quick\"\n".to_string(), SCRIPTED, None),
        (
            "a tool, and the server that brings another",
            "[tools]\nuse = [\"files.read\", \"data.search\", \"x.y\"]\n[mcp.servers.x]\ncommand = \"x\"\n"
                .to_string(),
            SCRIPTED,
            None,
        ),
        ("the default model", String::new(), "", None),
        ("a remote model", String::new(), "[model]\nprovider = \"openai\"\nname = \"m\"\n", None),
        ("another in its place", String::new(), "", Some("scripted:HERE/replies.jsonl")),
        ("a local one in its place", String::new(), SCRIPTED, Some("smollm2-135m")),
        ("an agent below", "[agents.sub]\nfile = \"sub.toml\"\n".to_string(), SCRIPTED, None),
    ];
    for (what, text, model, in_place) in cases {
        let mut ground = Ground { left_out: ALL, ..Ground::new() };
        let here = ground.folder.path().to_str().unwrap().to_string();
        ground.model = in_place.map(|model| &*model.replace("HERE", &here).leak());
        let below = format!("{RIGHT}act = \"read\"\ndescription = \"d\"\n{SCRIPTED}");
        fs::write(ground.folder.path().join("sub.toml"), below).unwrap();
        let report = match ground.load(format!("{RIGHT}{text}{model}").as_bytes(), &[]) {
            Ok(_) => "(no problem)".to_string(),
            Err(report) => report,
        };
        all += &format!("## {what}\n\n{report}\n\n");
    }
    insta::assert_snapshot!(all);
}
