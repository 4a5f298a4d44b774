//! What a judgement costs: the policies put together once a run, then asked for each capability.

use std::hint::black_box;
use std::path::PathBuf;

use agent_core::action::{Action, CallId, Capability, Decision};
use agent_core::label::Origin;
use agent_core::permission::Grants;
use agent_core::policy::Policy;
use criterion::{Criterion, criterion_group, criterion_main};
use policies::Cedar;
use serde_json::Value;

fn grants() -> Grants {
    let net = ["*.example.org", "api.example.com", "127.0.0.1:8080"];
    Grants {
        root: "/home/me/agents/almanac".into(),
        read: vec!["/home/me/agents/almanac/docs".into(), "/home/me/notes".into()],
        write: vec!["/home/me/agents/almanac/out".into()],
        net: net.iter().filter_map(|rule| rule.parse().ok()).collect(),
        ask: Vec::new(),
        tools: ["files.read", "web.read", "python"].map(String::from).to_vec(),
        ..Grants::default()
    }
}

fn action(tool: &str, capabilities: Vec<Capability>) -> Action {
    let taint = vec![Origin::Host, Origin::File(PathBuf::from("/home/me/notes/a.md"))];
    Action {
        id: CallId("c1".to_string()),
        tool: tool.to_string(),
        arguments: Value::Null,
        capabilities,
        taint,
    }
}

fn judge(c: &mut Criterion) {
    c.bench_function("policy/new", |b| b.iter(|| black_box(Cedar::new(&grants()).is_ok())));
    let Ok(policy) = Cedar::new(&grants()) else { return };
    let file = |path: &str| Capability::Read(path.into());
    let page = |url: &str| Capability::Fetch {
        method: "GET".to_string(),
        url: url.parse().unwrap_or_else(|_| std::process::abort()),
    };
    let cases = [
        ("call", action("python", vec![]), Decision::Allow),
        (
            "read",
            action("files.read", vec![file("/home/me/agents/almanac/docs/a/b/c/d.md")]),
            Decision::Allow,
        ),
        ("denied", action("files.read", vec![file("/etc/passwd")]), Decision::Deny),
        (
            "fetch",
            action("web.read", vec![page("https://www.en.example.org/wiki/Errand?q=1")]),
            Decision::Allow,
        ),
    ];
    for (name, action, expected) in cases {
        assert_eq!(policy.judge(&action).decision, expected, "{name}");
        c.bench_function(&format!("policy/judge {name}"), |b| {
            b.iter(|| black_box(policy.judge(black_box(&action))));
        });
    }
}

criterion_group!(benches, judge);
criterion_main!(benches);
