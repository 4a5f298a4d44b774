//! What the default policies say, case by case: grants, an action, the verdict.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use agent_core::action::{Action, CallId, Capability, Decision};
use agent_core::path::resolve;
use agent_core::permission::Grants;
use agent_core::policy::Policy;
use agent_core::provenance::Origin;
use agent_core::scope::Scope;
use policies::Cedar;
use proptest::prelude::*;
use serde_json::Value;

const ROOT: &str = "/home/me";

/// Grants in one line: `read docs, write out, net *.example.org, ask web.post`.
fn grants(text: &str) -> Grants {
    let tools = [
        "files.read",
        "files.write",
        "files.delete",
        "web.read",
        "web.search",
        "web.post",
        "python",
        "ask.person",
        "notes.add",
        "notes.find",
    ];
    let mut grants =
        Grants { root: ROOT.into(), tools: tools.map(String::from).to_vec(), ..Grants::default() };
    grants.acting.push("notes.add".to_string());
    grants.forms.push("web.search".to_string());
    grants.reading.push("notes".to_string());
    for grant in text.split(", ").filter(|grant| !grant.is_empty()) {
        let (kind, what) = grant.split_once(' ').unwrap();
        match kind {
            "read" => grants.read.push(resolve(ROOT.as_ref(), what).unwrap()),
            "write" => grants.write.push(resolve(ROOT.as_ref(), what).unwrap()),
            "delete" => grants.delete.push(resolve(ROOT.as_ref(), what).unwrap()),
            "net" => grants.net.push(what.parse().unwrap()),
            "ask" => grants.ask.push(what.to_string()),
            _ => panic!("`{kind}` is no grant"),
        }
    }
    grants
}

/// A capability in a word or two: `read docs/a.md`, `POST https://example.org/`.
fn capability(text: &str) -> Capability {
    let (kind, what) = text.split_once(' ').unwrap();
    match kind {
        "read" => Capability::Read(resolve(ROOT.as_ref(), what).unwrap()),
        // A method may be in lower case as well.
        "delete" if !what.contains("://") => {
            Capability::Delete(resolve(ROOT.as_ref(), what).unwrap())
        }
        "write" => Capability::Write(resolve(ROOT.as_ref(), what).unwrap()),
        method => Capability::Fetch { method: method.to_string(), url: what.parse().unwrap() },
    }
}

fn action(tool: &str, capabilities: Vec<Capability>, taint: Vec<Origin>) -> Action {
    let id = CallId("c1".to_string());
    Action { id, tool: tool.to_string(), arguments: Value::Null, capabilities, taint }
}

fn said(grants: &Grants, action: &Action) -> String {
    let policy = Cedar::new(grants).unwrap();
    let verdict = policy.judge(action);
    let fresh = Cedar::new(grants).unwrap();
    for policy in [&policy, &fresh] {
        assert_eq!(verdict, policy.judge(action), "the same action gets the same verdict");
    }
    let decision = match verdict.decision {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    };
    assert_eq!(verdict.reasons.is_empty(), verdict.decision == Decision::Allow);
    [vec![decision.to_string()], verdict.reasons].concat().join("; ")
}

/// `tool: capability + capability < origin` against the verdict; `deny` alone looks no further.
fn check(text: &str, call: &str, expected: &str) {
    let (call, taint) = call.split_once(" < ").unwrap_or((call, ""));
    let (tool, wants) = call.split_once(": ").unwrap_or((call, ""));
    let capabilities = wants.split(" + ").filter(|want| !want.is_empty()).map(capability);
    let origins =
        taint.split(' ').filter(|origin| !origin.is_empty()).map(|origin| match origin.parse() {
            Ok(url) => Origin::Web(url),
            Err(_) if origin.starts_with('@') => Origin::Server(origin[1..].to_string()),
            Err(_) if origin.ends_with('/') => {
                Origin::Folder(resolve(ROOT.as_ref(), origin).unwrap())
            }
            Err(_) if origin.starts_with('~') => {
                Origin::File(resolve(ROOT.as_ref(), &origin[1..]).unwrap()).inherited()
            }
            Err(_) => Origin::File(resolve(ROOT.as_ref(), origin).unwrap()),
        });
    let action = action(tool, capabilities.collect(), origins.collect());
    let said = said(&grants(text), &action);
    if matches!(expected, "deny" | "ask") {
        assert!(said.starts_with(expected), "{text} | {call} < {taint}: {said}");
    } else {
        assert_eq!(said, expected, "{text} | {call} < {taint}");
    }
}

#[test]
fn tools() {
    check("", "python", "allow");
    check(
        "",
        "shell",
        "deny; tool `shell` is not one that this agent uses; hint: add it to [tools] use",
    );
    check("read docs", "shell: read docs/a.md", "deny");
    check("ask python", "python", "ask; tool `python` needs a person's yes");
    check("ask files.read, read docs", "files.read: read docs/a", "ask");
    check("", "ask.person", "ask; tool `ask.person` waits for a person's answer");
    // What is denied cannot be approved.
    check("ask files.read, read docs", "files.read: read x", "deny");
    check("", "Agent::\"this\"", "deny");
}

#[test]
fn what_is_gone_is_asked_for() {
    for (grants, expected) in [
        ("write out, delete out/tmp", "allow"),
        (
            "write out",
            "ask; deleting or moving `out/tmp/a` away needs a person's yes; \
             hint: add it to [permissions] delete",
        ),
        ("write out, delete out/other", "ask"),
        ("write out, delete out/tmp, ask files.delete", "ask"),
        // What may be deleted without asking must still be what may be written.
        (
            "read out, delete out",
            "deny; tool `files.delete` may not delete `out/tmp/a`; \
             hint: add it to [permissions] write",
        ),
    ] {
        check(grants, "files.delete: delete out/tmp/a", expected);
    }
    check("write out", "files.delete: delete docs/a", "deny");
}

#[test]
fn files() {
    for (grants, call, expected) in [
        ("read docs", "files.read: read docs/a.md", "allow"),
        ("read docs", "files.read: read docs", "allow"),
        ("read docs", "files.read: read docs/a/b/c/../d.md", "allow"),
        ("read notes.md", "files.read: read notes.md", "allow"),
        ("read .", "files.read: read docs/a.md", "allow"),
        ("read /", "files.read: read /etc/passwd", "allow"),
        ("read docs, read more", "files.read: read docs/a + read more/b", "allow"),
        ("write out", "files.write: write out/a.md", "allow"),
        ("read docs, write docs", "files.write: write docs/a.md", "allow"),
        (
            "read docs",
            "files.read: read /etc/passwd",
            "deny; tool `files.read` may not read `/etc/passwd`; \
             hint: add it to [permissions] read",
        ),
        (
            "read docs",
            "files.write: write docs/a.md",
            "deny; tool `files.write` may not write `docs/a.md`; \
             hint: add it to [permissions] write",
        ),
        ("write out", "files.read: read out/a.md", "deny"),
        ("", "files.read: read docs", "deny"),
        // A folder is not what its name begins.
        ("read docs", "files.read: read docs-secret/a", "deny"),
        ("read docs", "files.read: read docsecret", "deny"),
        ("read notes.md", "files.read: read notes.md.bak", "deny"),
        ("read docs", "files.read: read doc", "deny"),
        ("read docs", "files.read: read .", "deny"),
        ("read docs", "files.read: read docs/../secret", "deny"),
        ("read docs", "files.read: read DOCS/a", "deny"),
        ("read docs", "files.read: read docs/*", "allow"),
        // Every capability must be allowed.
        ("read docs", "files.read: read docs/a + read secret", "deny"),
        (
            "read docs",
            "python: read docs/a + write docs/b + GET https://a.org/",
            "deny; tool `python` may not write `docs/b`; hint: add it to [permissions] write; \
             tool `python` may not reach `a.org`; hint: add it to [permissions] net",
        ),
    ] {
        check(grants, call, expected);
    }
}

#[test]
fn paths_without_a_safe_spelling() {
    for path in ["docs/a", "/home/me/docs/../../you", "/home/me/docs/a\0b", "", ".."] {
        let action = action("files.read", vec![Capability::Read(path.into())], vec![]);
        assert!(said(&grants("read /"), &action).starts_with("deny"), "{path:?}");
    }
    #[cfg(unix)]
    {
        let bytes = std::os::unix::ffi::OsStrExt::from_bytes(b"/home/me/docs/\xff");
        let path: &std::ffi::OsStr = bytes;
        let action = action("files.read", vec![Capability::Read(path.into())], vec![]);
        assert!(said(&grants("read ."), &action).starts_with("deny"));
    }
}

#[test]
fn hosts() {
    for (grants, url, expected) in [
        ("net example.org", "https://example.org/a?q=1#b", "allow"),
        ("net example.org", "http://example.org/", "allow"),
        ("net example.org", "https://EXAMPLE.org./", "allow"),
        ("net bücher.example", "https://BÜCHER.example/", "allow"),
        ("net example.org:8443", "https://example.org:8443/", "allow"),
        ("net *.example.org", "https://a.example.org/", "allow"),
        ("net *.example.org", "https://a.b.example.org/", "allow"),
        ("net *.example.org:81", "http://a.example.org:81/", "allow"),
        ("net public", "https://anything.example/", "allow"),
        ("net public", "https://93.184.216.34/", "allow"),
        ("net 93.184.216.34", "https://93.184.216.34/", "allow"),
        (
            "",
            "https://example.com/",
            "deny; tool `web.read` may not reach `example.com`; hint: add it to [permissions] net",
        ),
        (
            "net example.org",
            "https://example.org:8443/",
            "deny; tool `web.read` may not reach `example.org:8443`; \
             hint: add it to [permissions] net",
        ),
        ("net example.org:8443", "https://example.org/", "deny"),
        ("net example.org", "https://a.example.org/", "deny"),
        ("net example.org", "https://example.org.evil.com/", "deny"),
        ("net example.org", "https://evil-example.org/", "deny"),
        ("net *.example.org", "https://example.org/", "deny"),
        ("net *.example.org", "https://aexample.org/", "deny"),
        ("net *.example.org", "https://a.example.org:81/", "deny"),
        ("net public", "https://anything.example:8443/", "deny"),
        ("net public", "ftp://anything.example/", "deny"),
        ("net *.example.org", "https://*.example.org:444/", "deny"),
        ("net example.org", "https://public/", "deny"),
    ] {
        check(grants, &format!("web.read: GET {url}"), expected);
    }
}

#[test]
fn addresses_that_are_not_public_need_their_literal_and_port() {
    check("net 127.0.0.1:8080", "web.read: GET http://127.0.0.1:8080/a", "allow");
    check("net 127.0.0.1:8080", "web.read: POST http://127.0.0.1:8080/a", "allow");
    check("net [::1]:8080", "web.read: GET http://[::1]:8080/", "allow");
    check("net 127.0.0.1:8080", "web.read: GET http://2130706433:8080/", "allow");
    check(
        "net public",
        "web.read: GET http://169.254.169.254/latest",
        "deny; tool `web.read` may not reach `169.254.169.254`, a link-local address; \
         hint: add its literal address and port to [permissions] net",
    );
    for url in [
        "http://127.0.0.1/",
        "http://127.0.0.1:8080/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://10.0.0.1/",
        "http://172.16.5.4/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://100.100.100.200/latest/meta-data",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://db.localhost/",
    ] {
        check("net public, net *.localhost.example", &format!("web.read: GET {url}"), "deny");
        check("net 127.0.0.1:9", &format!("web.read: GET {url}"), "deny");
    }
    // A v4 address does not open its v6 form, nor the other way round.
    check("net 127.0.0.1:80", "web.read: GET http://[::ffff:127.0.0.1]/", "deny");
    check("net 127.0.0.1:80", "web.read: GET http://localhost/", "deny");
}

#[test]
fn urls_that_no_grant_makes_good() {
    check(
        "net example.org",
        "web.read: GET ftp://example.org/",
        "deny; tool `web.read` may not use `ftp:` URLs, only `http:` and `https:`",
    );
    check(
        "net example.org",
        "web.read: GET https://me:key@example.org/",
        "deny; a URL may not carry a user or a password",
    );
    check("net example.org, net evil.org", "web.read: GET https://example.org@evil.org/", "deny");
    for url in ["file:///etc/passwd", "data:text/plain,x", "javascript:1", "mailto:a@example.org"] {
        check("net public, net example.org, read /", &format!("web.read: GET {url}"), "deny");
    }
}

#[test]
fn taint() {
    let web = "https://a.org/page";
    for (grants, call, expected) in [
        // Research: pages are read, a report is written, pages are read on.
        ("net public, write out", format!("files.write: write out/report.md < {web}"), "allow"),
        ("net public, write out", format!("web.read: GET https://b.org/ < {web}"), "allow"),
        ("net public, write out", format!("web.read: HEAD https://b.org/ < {web}"), "allow"),
        (
            "net public, write out, read out",
            format!("web.read: GET https://b.org/ < {web} out/n"),
            "allow",
        ),
        // Acting on the world, once untrusted content was read.
        ("net api.org", "web.post: POST https://api.org/".to_string(), "allow"),
        (
            "net api.org",
            format!("web.post: POST https://api.org/ < {web}"),
            "ask; the model has read pages from the web, and a POST to `api.org` may act on what \
             they say",
        ),
        ("net api.org", format!("web.post: delete https://api.org/ < {web}"), "ask"),
        // A search is a question, by whatever method.
        ("net api.org", format!("web.search: POST https://api.org/ < {web}"), "allow"),
        ("", format!("web.search: POST https://api.org/ < {web}"), "deny"),
        ("", format!("web.post: POST https://api.org/ < {web}"), "deny"),
        // A server may act on its own words; on others' a person is asked.
        ("", "notes.add".to_string(), "allow"),
        ("read docs", "notes.add < docs/a.md @notes".to_string(), "allow"),
        (
            "",
            format!("notes.add < @notes {web}"),
            "ask; the model has read untrusted content, and `notes.add` may act on what they say",
        ),
        ("", "notes.add < @other".to_string(), "ask"),
        ("", format!("notes.find < {web}"), "allow"),
    ] {
        check(grants, &call, expected);
    }
}

/// A model under an attacker's control reads no page first.
#[test]
fn private_files_in_an_address() {
    let asks = "ask; the model has read private files, and `b.org` is not granted in full: its \
                address could carry them out; hint: add `b.org` to [permissions] net";
    for (grants, call, expected) in [
        ("net public, read docs", "web.read: GET https://b.org/ < docs/a.md", asks),
        ("net public, read docs", "web.read: GET https://b.org/ < docs/a.md https://a.org/", asks),
        ("net *.b.org, read docs", "web.read: GET https://iban-1.b.org/ < docs/a.md", "ask"),
        ("net public, read docs", "web.search: GET https://b.org/?q=iban < docs/a.md", "ask"),
        ("net public, read docs", "web.search: read docs + GET https://b.org/?q=iban", "ask"),
        // Names of files, what a server gave that reads files, what an earlier run wrote.
        ("net public, read docs", "web.read: GET https://b.org/ < docs/", asks),
        ("net public", "web.read: GET https://b.org/ < @notes", asks),
        ("net public, read out, write out", "web.read: GET https://b.org/ < out/n ~docs/a", asks),
        // A host that the user named, and the agent's own notes.
        ("net public, net b.org, read docs", "web.read: GET https://b.org/ < docs/a", "allow"),
        ("net b.org, read docs", "web.read: HEAD https://b.org/ < docs/a", "allow"),
        ("net b.org, read docs", "web.search: POST https://b.org/ < docs/a", "allow"),
        ("net public, read out, write out", "web.read: GET https://b.org/ < out/n out/", "allow"),
        ("net public", "web.read: GET https://b.org/ < @other", "allow"),
        // Even there, a body holds more than an address.
        (
            "net b.org, read docs",
            "web.post: POST https://b.org/ < docs/a.md",
            "ask; the model has read private files, and a POST to `b.org` could carry them out",
        ),
        ("net b.org, read out, write out", "web.post: POST https://b.org/ < out/n", "allow"),
    ] {
        check(grants, call, expected);
    }
}

#[test]
fn a_reason_is_one_short_line_whatever_it_repeats() {
    let path = PathBuf::from(format!("/{}\n`{{tool}}`", "x".repeat(100_000)));
    let action = action("files.read", vec![Capability::Read(path)], vec![]);
    let said = said(&grants("read docs"), &action);
    assert!(said.len() < 400, "{}", said.len());
    assert!(!said.contains('\n'));
}

#[test]
fn a_grant_is_data_whatever_its_name() {
    let odd = r#"docs" || true; // */ permit(principal,action,resource);"#;
    check(&format!("read {odd}").replace(", ", ","), "files.read: read /etc/passwd", "deny");
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("docs".to_string()),
        2 => Just("..".to_string()),
        1 => Just(".".to_string()),
        1 => Just(String::new()),
        1 => Just("docs-secret".to_string()),
        2 => "[a-zA-Z*?\\\\\" .%-]{1,6}",
        1 => "\\PC{1,4}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn nothing_outside_the_grants_is_ever_allowed(
        parts in proptest::collection::vec(part(), 0..8), absolute in any::<bool>(), raw in any::<bool>(),
    ) {
        thread_local!(static POLICY: Cedar = Cedar::new(&grants("read docs, write docs/out")).unwrap());
        let text = format!("{}{}", if absolute { "/home/me/" } else { "" }, parts.join("/"));
        let path = if raw { PathBuf::from(&text) } else { resolve(ROOT.as_ref(), &text).unwrap() };
        let plain = path.is_absolute()
            && !path.components().any(|part| part == std::path::Component::ParentDir);
        let expect = |folder: &str| if plain && path.starts_with(folder) { Decision::Allow } else { Decision::Deny };
        let judge = |capability| {
            POLICY.with(|policy| policy.judge(&action("files.read", vec![capability], vec![])).decision)
        };
        prop_assert_eq!(judge(Capability::Read(path.clone())), expect("/home/me/docs"), "{:?}", path);
        prop_assert_eq!(judge(Capability::Write(path.clone())), expect("/home/me/docs/out"), "{:?}", path);
    }
}

/// `weather.look` and `weather.act` are a component's: it reads `docs/a`, writes `out`, and reaches
/// `api.example.org` and what is below `example.com`.
fn component(call: &str, expected: &str) {
    let mut grants = grants("read docs, write out, write docs, net public, net 127.0.0.1:8080");
    grants.tools.extend(["weather.look", "weather.act"].map(String::from));
    let path = |path| resolve(ROOT.as_ref(), path).unwrap();
    let scope = Scope {
        read: vec![path("docs/a")],
        write: vec![path("out")],
        net: vec!["api.example.org".parse().unwrap(), "*.example.com".parse().unwrap()],
        changing: vec!["weather.act".to_string()],
        ..Scope::default()
    };
    grants.scopes.insert("weather".to_string(), scope);
    let (tool, wants) = call.split_once(": ").unwrap();
    let said = said(&grants, &action(tool, vec![capability(wants)], Vec::new()));
    match expected {
        "allow" => assert_eq!(said, "allow", "{call}"),
        _ => assert!(said.starts_with("deny; ") && said.contains(expected), "{call}: {said}"),
    }
}

#[test]
fn a_component_gets_what_it_wants_of_the_grants_and_no_more() {
    component("weather.look: read docs/a/b.md", "allow");
    component("weather.look: read docs/b.md", "may not read `docs/b.md`: its component");
    component("weather.look: read docs/ab", "its component does not want that");
    component("weather.look: read /etc/passwd", "its component does not want that");
    component("weather.look: GET https://api.example.org/x", "allow");
    component("weather.look: GET https://api.example.org:8443/", "its component");
    component("weather.look: GET https://x.example.com/", "allow");
    component("weather.look: GET https://example.com/", "its component");
    component("weather.look: GET https://evil.example/", "its component");
    component("weather.look: GET http://127.0.0.1:8080/", "its component");
    // What it wants and the agent was not granted is no grant either.
    component("weather.act: write out/x", "allow");
    component("weather.act: write docs/a/x", "may not write");
    component("weather.act: delete docs/a/x", "may not delete `docs/a/x`: its component");
    component("files.write: write docs/a/x", "allow");
    component("web.read: GET https://evil.example/", "allow");
}

#[test]
fn a_tool_that_says_it_changes_nothing_is_held_to_it() {
    component("weather.look: write out/x", "said that it changes nothing, and may not write");
    component("weather.look: delete out/x", "said that it changes nothing, and may not delete");
    component("weather.look: POST https://api.example.org/", "may not send a POST to");
    component("weather.look: HEAD https://api.example.org/", "allow");
    component("weather.act: POST https://api.example.org/", "allow");
    component("weather.act: DELETE https://api.example.org/", "allow");
    component("weather.unheard: read docs/a/b.md", "is not one that this agent uses");
}

#[test]
fn a_verdict_that_was_given_answers_only_what_was_asked() {
    let policy = Cedar::new(&grants("read docs, net api.example.org")).unwrap();
    let post = || vec![capability("POST https://api.example.org/")];
    let page = || vec![Origin::Web("https://evil.example/".parse().unwrap())];
    for _ in 0..2 {
        for (asked, expected) in [
            (action("web.post", post(), Vec::new()), Decision::Allow),
            (action("web.post", post(), page()), Decision::Ask),
            (action("web.other", post(), Vec::new()), Decision::Deny),
            (action("web.post", vec![capability("read docs/a")], Vec::new()), Decision::Allow),
            (action("web.post", vec![capability("write docs/a")], Vec::new()), Decision::Deny),
            (action("web.post", Vec::new(), page()), Decision::Allow),
        ] {
            assert_eq!(policy.judge(&asked).decision, expected, "{asked:?}");
        }
    }
}
