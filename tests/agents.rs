//! Agents that call other agents: their runs, their budgets, and what they may not.

use agent_core::event::{Event, RunId, What};
use agent_core::journal::Journal;
use serde_json::{Value, json};
use store::Store;

use crate::place::{Place, Ran, block_on, call, say};
use crate::server::{Asked, Server};
use axum::response::IntoResponse;

const BY_TOOLS: &str = "act = \"tools\"";
/// Calls `researcher.toml`, and may read `docs`.
const PARENT: &str = "[agents.researcher]\nfile = \"researcher.toml\"\n[tools]\n\
                      use = [\"files.read\", \"files.write\"]\n[permissions]\n\
                      read = [\"docs\"]\nwrite = [\"out\"]";
const CHILD: &str = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]";

fn place() -> Place {
    let place = Place::new();
    place.write("docs/a.md", "The tower is 30 m high.\n").write("out/.keep", "");
    place
}

/// Writes an agent that others call; it has one parameter, `question`.
fn child(place: &Place, name: &str, tables: &str, replies: &[Value]) {
    let lines: String = replies.iter().map(|reply| format!("{reply}\n")).collect();
    place.write(format!("{name}.jsonl"), lines).write(
        format!("{name}.toml"),
        format!(
            "name = \"{name}\"\ndescription = \"Looks things up.\"\nact = \"tools\"\n\
             task = \"Find out: {{{{ question }}}}\"\n\
             [params.question]\ntype = \"string\"\ndescription = \"what to find out\"\n\
             [model]\nprovider = \"scripted\"\nname = \"{name}.jsonl\"\n{tables}\n"
        ),
    );
}

fn ask(question: &str) -> (&'static str, Value) {
    ("agents.researcher", json!({ "question": question }))
}

fn read(path: &str) -> (&'static str, Value) {
    ("files.read", json!({ "path": path }))
}

fn counted(mut reply: Value, tokens: u64) -> Value {
    reply["usage"] = json!({ "prompt_tokens": tokens, "completion_tokens": 1 });
    reply
}

fn run_of(ran: &Ran, way: &str) -> String {
    format!("{}-{way}", ran.run())
}

#[test]
fn an_agent_is_a_tool_of_another() {
    let place = place();
    child(&place, "researcher", CHILD, &[call([read("docs/a.md")]), say("30 m")]);
    let ran = place.agent(BY_TOOLS, PARENT, &[call([ask("how high?")]), say("It is 30 m.")]).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    insta::assert_snapshot!(place.journal(&ran.run()), @r#"
    started test by tools
    thinking 0
    replied 0 "" agents.researcher{"question":"how high?"}
    judged c1 agents.researcher{"question":"how high?"} allow
    acting c1 Idempotent
    observed c1 ok [file HERE/docs/a.md] 30 m
    thinking 1
    replied 1 "It is 30 m."
    ended {"answer":"It is 30 m."}
    "#);
    insta::assert_snapshot!(place.journal(&run_of(&ran, "c1")), @r#"
    started researcher by tools
    thinking 0
    replied 0 "" files.read{"path":"docs/a.md"}
    judged c1 files.read{"path":"docs/a.md"} allow
    acting c1 Reads
    observed c1 ok [file HERE/docs/a.md] The tower is 30 m high.
    thinking 1
    replied 1 "30 m"
    ended {"answer":"30 m"}
    "#);
    let started = &place.events(&run_of(&ran, "c1"))[0].what;
    let What::Started { agent, .. } = started else { panic!("{started:?}") };
    assert_eq!(agent.task, "Find out: how high?");
    // The lines of the child name its run; the parent's do not.
    let kinds: Vec<String> = ran
        .lines()
        .iter()
        .map(|line| {
            let whose = if line["run"] == json!(run_of(&ran, "c1")) { "child " } else { "" };
            format!("{whose}{}", line["type"].as_str().unwrap())
        })
        .collect();
    insta::assert_snapshot!(kinds.join(", "), @"started, call, verdict, child started, child call, child verdict, child observation, child ended, observation, finished");
    // It is listed, marked as called, and shown in the run that called it.
    let listed = place.errand(["runs", "list"]).out.replace(&ran.run(), "RUN");
    let [child, own] = listed.lines().collect::<Vec<_>>()[..] else { panic!("{listed}") };
    assert!(child.starts_with("RUN-c1  done  ") && child.contains("  researcher: "), "{child}");
    assert!(child.ends_with(" (called by run RUN)"), "{child}");
    assert!(own.starts_with("RUN  done  ") && own.contains("  test: "), "{own}");
    let shown = place.errand(["runs", "show", &ran.run()]).out.replace(&ran.run(), "RUN");
    assert!(shown.contains("      run RUN-c1  done, 9 events  researcher\n"), "{shown}");
    let live = place.errand(["run", "agent.toml"]);
    let run = live.err.split_whitespace().nth(5).unwrap().to_string();
    // How long it took is the machine's affair.
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"[0-9.]+ s$", "… s");
    let _filtered = settings.bind_to_scope();
    insta::assert_snapshot!(live.err.trim_end().replace(&run, "RUN"), @r#"
    test · replies.jsonl · run RUN
      call     c1 agents.researcher {"question":"how high?"}
      allowed  c1
      c1 │ researcher · researcher.jsonl · run RUN-c1
      c1 │   call     c1 files.read {"path":"docs/a.md"}
      c1 │   allowed  c1
      c1 │   saw      c1 The tower is 30 m high.
      c1 │   answered {"answer":"30 m"}
      saw      c1 30 m
      4 steps, 516 tokens read, 34 written, … s
    "#);
}

/// What the agent that is called may read is what it was when the run began, not what another
/// program has put there until it is called.
#[test]
fn a_folder_of_a_called_agent_that_is_swapped_before_the_call() {
    let place = place();
    place.write("private/a.md", "the secret\n");
    child(&place, "researcher", CHILD, &[call([read("docs/a.md")]), say("read")]);
    let here = place.path("");
    let server = Server::start(move |asked| {
        if asked.number > 0 {
            return crate::server::reply(&json!({ "content": "done" }));
        }
        std::fs::rename(here.join("docs"), here.join("before")).unwrap();
        std::fs::rename(here.join("private"), here.join("docs")).unwrap();
        let call = json!({ "name": "agents_researcher", "arguments": { "question": "?" } });
        crate::server::reply(&json!({ "tool_calls": [call] }))
    });
    place.agent(BY_TOOLS, PARENT, &[]);
    let model = format!(
        "[model]\nprovider = \"openai\"\nname = \"m\"\nbase_url = \"http://{}/v1\"\n",
        server.at
    );
    let agent = place.read("agent.toml");
    let scripted = "[model]\nprovider = \"scripted\"\nname = \"replies.jsonl\"\n";
    assert!(agent.contains(scripted), "{agent}");
    place.write("agent.toml", agent.replace(scripted, &model));
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
    let journal = place.journal(&run_of(&ran, "c1"));
    assert!(journal.contains("The tower is 30 m high."), "{journal}");
    assert!(!journal.contains("the secret"), "{journal}");
}

#[test]
fn agents_run_side_by_side_and_their_results_keep_their_order() {
    let place = place();
    child(&place, "researcher", CHILD, &[call([read("docs/a.md")]), say("found")]);
    let replies = [call([ask("one"), ask("two"), ask("three")]), say("done")];
    let ran = place.agent(BY_TOOLS, PARENT, &replies).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    let journal = place.journal(&ran.run());
    let at = |event: &str| journal.find(event).unwrap();
    // All had begun before the first came back.
    let first = ["c1", "c2", "c3"].map(|id| at(&format!("observed {id} "))).into_iter().min();
    assert!(["c1", "c2", "c3"].iter().all(|id| at(&format!("acting {id} ")) < first.unwrap()));
    assert_eq!(ran.finished()["usage"]["steps"], 2 + 3 * 2);
}

#[test]
fn what_an_agent_spends_is_taken_from_its_parent() {
    let place = place();
    child(
        &place,
        "researcher",
        CHILD,
        &[counted(call([read("docs/a.md")]), 100), counted(say("30 m"), 200)],
    );
    let replies = [counted(call([ask("how high?")]), 10), counted(say("30 m"), 20)];
    let ran = place.agent(BY_TOOLS, PARENT, &replies).run();
    let usage = &ran.finished()["usage"];
    assert_eq!((&usage["steps"], &usage["input_tokens"]), (&json!(4), &json!(330)), "{ran}");
    assert_eq!(usage["output_tokens"], 4);
}

#[test]
fn an_agent_cannot_spend_more_than_its_parent_has_left() {
    let place = place();
    // It would go on for ever.
    let replies: Vec<Value> = (0..20).map(|_| call([read("docs/a.md")])).collect();
    child(&place, "researcher", CHILD, &replies);
    let tables = format!("{PARENT}\n[budget]\nsteps = 6");
    let again = [call([ask("one")]), say("nothing")];
    let ran = place.agent(BY_TOOLS, &tables, &again).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    let texts: Vec<String> = ran
        .lines()
        .iter()
        .filter(|line| line["type"] == "observation" && line["run"].is_null())
        .map(|line| line["text"].as_str().unwrap().to_string())
        .collect();
    // One step is kept for the answer, and that is the parent's next one.
    assert_eq!(texts, ["agent `researcher` spent its steps before it had an answer"]);
    assert_eq!(ran.finished()["usage"]["steps"], 6, "{ran}");
    // `budget` in `[agents.NAME]` is less than either file says.
    let narrow = PARENT.replace("researcher.toml\"\n", "researcher.toml\"\nbudget.steps = 2\n");
    let ran = place.agent(BY_TOOLS, &narrow, &[call([ask("one")]), say("nothing")]).run();
    assert_eq!(ran.finished()["usage"]["steps"], 4, "{ran}");
}

/// Cuts parent and child where a kill may have cut them, and resumes.
#[test]
fn a_run_killed_while_its_agent_works_goes_on_with_it() {
    let place = place();
    let write = ("files.write", json!({ "path": "out/1", "content": "one" }));
    let tables = "[tools]\nuse = [\"files.read\", \"files.write\"]\n[permissions]\n\
                  read = [\"docs\"]\nwrite = [\"out\"]";
    let replies = [call([read("docs/a.md")]), call([write]), say("written")];
    child(&place, "researcher", tables, &replies);
    let first = place.agent(BY_TOOLS, PARENT, &[call([ask("write")]), say("all done")]).run();
    assert_eq!(first.code, Some(0), "{first}");
    let (run, id) = (first.run(), run_of(&first, "c1"));
    let (whole, below) = (place.events(&run), place.events(&id));
    let acting = |event: &Event| matches!(event.what, What::Acting { .. });
    let cut = whole.iter().position(acting).unwrap() + 1;
    let done = |event: &Event| matches!(event.what, What::Done { .. });
    for k in 1..=below.len() {
        let home = place.cut(&format!("home-{k}"), &run, &whole[..cut]);
        {
            let store = Store::open(&home).unwrap();
            for (seq, event) in (0..).zip(&below[..k]) {
                block_on(store.append(&RunId(id.clone()), seq, event)).unwrap();
            }
        }
        let _ = std::fs::remove_file(place.path("out/1"));
        let mut command = place.command(["runs", "resume", &run, "--json"]);
        let resumed = place.ran(&command.env("ERRAND_HOME", &home).output().unwrap());
        assert_eq!(resumed.code, Some(0), "{k}: {resumed}");
        assert_eq!(resumed.finished()["outcome"], json!({"answer": "all done"}), "{k}");
        let after = Place::events_in(&home, &id);
        assert_eq!(after[..k], below[..k], "{k}");
        // What the child had written is not written again.
        let written = below[..k].iter().any(done);
        assert_eq!(place.path("out/1").exists(), !written, "{k}");
        // Nothing was paid twice: the child's five model calls at most, and the parent's.
        let steps = resumed.finished()["usage"]["steps"].as_u64().unwrap();
        assert_eq!(steps, 5, "{k}");
        let store = Store::open(&home).unwrap();
        assert_eq!(block_on(store.children(&RunId(run.clone()))).unwrap().len(), 1, "{k}");
    }
}

#[test]
fn an_agent_that_waits_for_a_person_makes_its_parent_wait() {
    let place = place();
    let tables = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]\n\
                  ask = [\"files.read\"]";
    child(&place, "researcher", tables, &[call([read("docs/a.md")]), say("30 m")]);
    let ran = place.agent(BY_TOOLS, PARENT, &[call([ask("how high?")]), say("It is 30 m.")]).run();
    assert_eq!(ran.code, Some(3), "{ran}");
    let detail = ran.finished()["detail"].as_str().unwrap().replace(&ran.run(), "RUN");
    insta::assert_snapshot!(detail, @"in run `RUN-c1` call `c1` waits for approval: tool `files.read` needs a person's yes");
    let resumed = place.approve(&ran);
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert_eq!(resumed.finished()["outcome"]["answer"], "It is 30 m.");
    // The child can also be answered by itself; then its parent goes on with what came of it.
    let ran = place.run();
    let alone = place.resume(&run_of(&ran, "c1"), &["--deny"]);
    assert_eq!(alone.finished()["outcome"]["answer"], "30 m", "{alone}");
    let resumed = place.resume(&ran.run(), &[]);
    assert_eq!(resumed.finished()["outcome"]["answer"], "It is 30 m.", "{resumed}");
}

#[test]
fn what_an_agent_has_read_labels_its_result_and_what_it_is_told() {
    let server = Server::start(|_: Asked| "a page\n".into_response());
    let place = place();
    let net = format!("net = [\"{}\"]", server.at);
    let url = format!("http://{}/page", server.at);
    let page = || ("web.read", json!({ "url": url }));
    child(
        &place,
        "researcher",
        &format!("[tools]\nuse = [\"web.read\"]\n[permissions]\n{net}"),
        &[call([page()]), say("a page")],
    );
    let tables = PARENT.replace("\"files.write\"]", "\"files.write\", \"web.read\"]") + "\n" + &net;
    let replies = [call([ask("one")]), call([ask("two")]), say("done")];
    let ran = place.agent(BY_TOOLS, &tables, &replies).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    let journal = place.journal(&ran.run());
    assert!(journal.contains(&format!("observed c1 ok [web {url}")), "{journal}");
    let taint = |way: &str| match &place.events(&run_of(&ran, way))[0].what {
        What::Started { taint, .. } => taint.iter().any(|origin| origin.untrusted()),
        other => panic!("{other:?}"),
    };
    // The second was asked by a model that had read the page.
    assert!(!taint("c1") && taint("c2"));
}

#[test]
fn an_agent_that_is_wider_than_its_parent_is_refused() {
    let place = place();
    place.write("private/b.md", "secret");
    child(
        &place,
        "researcher",
        "[tools]\nuse = [\"files.read\", \"web.read\"]\n[permissions]\n\
         read = [\"docs/a.md\", \"private\"]\nnet = [\"example.org\"]",
        &[say("no")],
    );
    let ran = place.agent(BY_TOOLS, PARENT, &[say("no")]).errand(["validate", "agent.toml"]);
    insta::assert_snapshot!(ran.all(), @r#"
    exit 2
    --- stderr
    error: researcher.toml:12:22: this agent may use `web.read`, and `agent.toml`, which calls it, may not
       |
    12 | use = ["files.read", "web.read"]
       |                      ^^^^^^^^^^
    hint: remove it here, or add it to [tools] use of `agent.toml`

    error: researcher.toml:14:22: this agent may read `private`, and `agent.toml`, which calls it, may not
       |
    14 | read = ["docs/a.md", "private"]
       |                      ^^^^^^^^^
    hint: remove it here, or add it to [permissions] read of `agent.toml`

    error: researcher.toml:15:8: this agent may reach `example.org`, and `agent.toml`, which calls it, may not
       |
    15 | net = ["example.org"]
       |        ^^^^^^^^^^^^^
    hint: remove it here, or add it to [permissions] net of `agent.toml`
    "#);
}

#[test]
fn agents_that_cannot_be_called_are_refused() {
    let place = place();
    let file = |name: &str| format!("[agents.x]\nfile = \"{name}\"");
    let refused = |tables: &str| {
        let ran = place.agent(BY_TOOLS, tables, &[say("no")]).errand(["validate", "agent.toml"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        ran.err
    };
    insta::assert_snapshot!(refused(&file("reseacher.toml")), @r#"
    error: agent.toml:10:8: there is no `reseacher.toml`
       |
    10 | file = "reseacher.toml"
       |        ^^^^^^^^^^^^^^^^
    hint: paths are relative to the agent file, in `HERE`
    "#);
    // What is wrong inside is shown where it is.
    child(&place, "researcher", "[tools]\nuse = [\"files.raed\"]", &[say("no")]);
    insta::assert_snapshot!(refused(&file("researcher.toml")), @r#"
    error: researcher.toml:12:8: unknown tool `files.raed`
       |
    12 | use = ["files.raed"]
       |        ^^^^^^^^^^^^
    hint: did you mean `files.read`?
    "#);
    insta::assert_snapshot!(refused(&file("agent.toml")), @r#"
    error: agent.toml:10:8: `agent.toml` leads back to itself
       |
    10 | file = "agent.toml"
       |        ^^^^^^^^^^^^
    hint: an agent cannot call itself, nor one above it
    "#);
    for (name, next) in [("a", "b"), ("b", "c"), ("c", "d")] {
        child(&place, name, &file(&format!("{next}.toml")), &[say("no")]);
    }
    child(&place, "d", "", &[say("no")]);
    insta::assert_snapshot!(refused(&file("a.toml")), @r#"
    error: c.toml:12:8: more than 3 agents below each other
       |
    12 | file = "d.toml"
       |        ^^^^^^^^
    hint: let an agent further up call it
    "#);
    child(&place, "c", &file("a.toml"), &[say("no")]);
    insta::assert_snapshot!(refused(&file("b.toml")), @r#"
    error: a.toml:12:8: `b.toml` leads back to itself
       |
    12 | file = "b.toml"
       |        ^^^^^^^^
    hint: an agent cannot call itself, nor one above it
    "#);
    let budget = "[agents.x]\nfile = \"d.toml\"\nbudget = { cost_usd = 1, steps = 0 }";
    insta::assert_snapshot!(refused(budget), @r#"
    error: agent.toml:11:12: `cost_usd` cannot be kept: `d.jsonl` has no price
       |
    11 | budget = { cost_usd = 1, steps = 0 }
       |            ^^^^^^^^
    hint: add `price` to `[model]` in `d.toml`

    error: agent.toml:11:34: `steps` must be at least 1, not 0
       |
    11 | budget = { cost_usd = 1, steps = 0 }
       |                                  ^
    "#);
}
