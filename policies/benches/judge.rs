//! What a judgement costs: the policies put together once a run, then asked for each capability.

use std::hint::black_box;
use std::path::PathBuf;

use agent_core::action::{Action, CallId, Capability, Decision};
use agent_core::permission::Grants;
use agent_core::policy::Policy;
use agent_core::provenance::Origin;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
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

/// The nth of the actions that are asked about.
type Nth<'a> = &'a dyn Fn(u64) -> Action;

fn judge(c: &mut Criterion) {
    c.bench_function("policy/new", |b| b.iter(|| black_box(Cedar::new(&grants()).is_ok())));
    let Ok(policy) = Cedar::new(&grants()) else { return };
    let file = |path: String| Capability::Read(path.into());
    let page = |url: String| Capability::Fetch {
        method: "GET".to_string(),
        url: url.parse().unwrap_or_else(|_| std::process::abort()),
    };
    let read =
        |n| action("files.read", vec![file(format!("/home/me/agents/almanac/docs/a/b/c/{n}.md"))]);
    let denied = |n| action("files.read", vec![file(format!("/etc/{n}"))]);
    let fetch =
        |n| action("web.read", vec![page(format!("https://www.en.example.org/wiki/Errand?q={n}"))]);
    // Each is asked for the first time, but the last.
    let cases: [(&str, Nth, Decision); 4] = [
        ("read", &read, Decision::Allow),
        ("denied", &denied, Decision::Deny),
        ("fetch", &fetch, Decision::Allow),
        ("read again", &|_| read(0), Decision::Allow),
    ];
    for (name, nth, expected) in cases {
        assert_eq!(policy.judge(&nth(0)).decision, expected, "{name}");
        let mut n = 0;
        c.bench_function(&format!("policy/judge {name}"), |b| {
            let next = || {
                n += 1;
                nth(n)
            };
            b.iter_batched(next, |action| policy.judge(&action), BatchSize::SmallInput);
        });
    }
}

criterion_group!(benches, judge);
criterion_main!(benches);
