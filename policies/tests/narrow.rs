//! What a model's grammar is left with, checked with the decoder's own matcher.
#![allow(clippy::unwrap_used)]

use agent_core::path::resolve;
use agent_core::permission::Grants;
use agent_core::policy::Policy;
use agent_core::tool::{Effect, ToolSpec};
use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use policies::Cedar;
use serde_json::{Value, json};

const ROOT: &str = "/home/me";

fn grants(read: &[&str], write: &[&str], net: &[&str], tools: &[&str]) -> Grants {
    let paths = |paths: &[&str]| paths.iter().map(|p| resolve(ROOT.as_ref(), p).unwrap()).collect();
    Grants {
        root: ROOT.into(),
        read: paths(read),
        write: paths(write),
        net: net.iter().map(|rule| rule.parse().unwrap()).collect(),
        ask: vec![],
        tools: tools.iter().map(ToString::to_string).collect(),
        ..Grants::default()
    }
}

fn tool(name: &str, effect: Effect, properties: Value) -> ToolSpec {
    let input = json!({"type": "object", "properties": properties, "additionalProperties": false});
    ToolSpec { name: name.into(), description: String::new(), input, output: json!({}), effect }
}

fn everything() -> Vec<ToolSpec> {
    vec![
        tool("files.read", Effect::Reads, json!({"path": {"type": "string", "format": "path"}})),
        tool("files.write", Effect::Idempotent, json!({"path": {"type": "string"}})),
        tool("web.read", Effect::Reads, json!({"url": {"type": "string", "format": "url"}})),
        tool("python", Effect::Pure, json!({"code": {"type": "string"}})),
    ]
}

fn names(grants: &Grants) -> Vec<String> {
    let tools = Cedar::new(grants).unwrap().narrow(&everything());
    tools.into_iter().map(|tool| tool.name).collect()
}

const ALL: [&str; 4] = ["files.read", "files.write", "web.read", "python"];

#[test]
fn tools_that_no_grant_reaches_are_dropped() {
    assert_eq!(names(&grants(&[], &[], &[], &ALL)), ["python"]);
    assert_eq!(names(&grants(&["docs"], &[], &[], &ALL)), ["files.read", "python"]);
    assert_eq!(names(&grants(&[], &["out"], &[], &ALL)), ["files.write", "python"]);
    assert_eq!(names(&grants(&[], &[], &["a.org"], &ALL)), ["web.read", "python"]);
    assert_eq!(names(&grants(&["docs"], &["out"], &["a.org"], &["web.read"])), ["web.read"]);
}

/// Whether the decoder could write this argument of this tool.
fn writes(grants: &Grants, name: &str, argument: &str, value: &str) -> bool {
    let tools = Cedar::new(grants).unwrap().narrow(&everything());
    let tool = tools.into_iter().find(|tool| tool.name == name).unwrap();
    let environment = toktrie::ApproximateTokEnv::single_byte_env();
    let factory = ParserFactory::new_simple(&environment).unwrap();
    let grammar = TopLevelGrammar::from_json_schema(tool.input);
    let mut matcher = Matcher::new(factory.create_parser(grammar));
    assert!(!matcher.is_error(), "{:?}", matcher.get_error());
    let text = json!({argument: value}).to_string();
    let tokens = environment.tokenize(&text);
    matcher.try_consume_tokens(&tokens).unwrap() == tokens.len() && matcher.is_accepting().unwrap()
}

#[test]
fn paths_are_prefixed_by_what_is_granted() {
    let some = grants(&["docs", "/srv/data.d", "notes.md"], &["out"], &[], &ALL);
    for path in [
        "docs",
        "docs/",
        "./docs/a.md",
        "docs/a/b c.md",
        "docs/.hidden",
        "docs/..a",
        "docs/ü.md",
        "/srv/data.d/x.csv",
        "notes.md",
        "docs/a/",
    ] {
        assert!(writes(&some, "files.read", "path", path), "{path}");
    }
    for path in [
        "",
        "/etc/passwd",
        "docs/../x",
        "docs/..",
        "..",
        "../docs/a",
        "docs-secret",
        "docsecret/a",
        "out/a.md",
        "/srv/dataXd/x",
        "docs//a",
        "notesXmd",
        "docs/a\n",
    ] {
        assert!(!writes(&some, "files.read", "path", path), "{path}");
    }
    assert!(writes(&some, "files.write", "path", "out/report.md"));
    assert!(!writes(&some, "files.write", "path", "docs/a.md"));
    let root = grants(&["."], &[], &[], &ALL);
    for path in ["a.md", "docs/a.md", ".", "./a", ".hidden"] {
        assert!(writes(&root, "files.read", "path", path), "{path}");
    }
    for path in ["/etc/passwd", "..", "../x", "a/../../x"] {
        assert!(!writes(&root, "files.read", "path", path), "{path}");
    }
    assert!(writes(&grants(&["/"], &[], &[], &ALL), "files.read", "path", "/etc/passwd"));
}

#[test]
fn urls_are_those_of_granted_hosts() {
    let some = grants(&[], &[], &["example.org", "*.b.org", "127.0.0.1:8080", "[::1]:80"], &ALL);
    for url in [
        "https://example.org",
        "http://example.org/a?b=c#d",
        "https://example.org?q",
        "https://x.y.b.org/",
        "http://127.0.0.1:8080/a",
        "http://[::1]/",
    ] {
        assert!(writes(&some, "web.read", "url", url), "{url}");
    }
    for url in [
        "",
        "https://evil.org/",
        "https://example.org.evil.org/",
        "https://example.org@evil.org/",
        "https://exampleXorg/",
        "https://b.org/",
        "http://127.0.0.1/",
        "file:///etc/passwd",
        "https://example.org:81/",
        "http://127.0.0.1:80800/",
    ] {
        assert!(!writes(&some, "web.read", "url", url), "{url}");
    }
    let public = grants(&[], &[], &["public"], &ALL);
    assert!(writes(&public, "web.read", "url", "https://en.wikipedia.org/wiki/Errand"));
    assert!(!writes(&public, "web.read", "url", "https://localhost/"));
    assert!(!writes(&public, "web.read", "url", "ftp://example.org/"));
}

#[test]
fn other_tools_keep_their_shape() {
    let policy = Cedar::new(&grants(&["docs"], &["out"], &[], &["mine"])).unwrap();
    let given = tool(
        "mine",
        Effect::Writes,
        json!({
            "paths": {"type": "array", "items": {"type": "string", "format": "path"}},
            "path": {"type": "string", "enum": ["a"]},
            "pattern": {"type": "string", "pattern": "^a", "format": "path"},
            "count": {"type": "integer"},
        }),
    );
    let narrowed = policy.narrow(std::slice::from_ref(&given)).pop().unwrap();
    let at = |pointer: &str| narrowed.input.pointer(pointer).cloned().unwrap_or_default();
    assert!(at("/properties/paths/items/pattern").as_str().unwrap().contains("docs"));
    assert!(at("/properties/paths/items/pattern").as_str().unwrap().contains("out"));
    assert_eq!(at("/properties/path"), json!({"type": "string", "enum": ["a"]}));
    assert_eq!(at("/properties/pattern/pattern"), json!("^a"));
    assert!(at("/properties/pattern/allOf/0/pattern").is_string());
    assert_eq!(at("/properties/count"), json!({"type": "integer"}));
}
