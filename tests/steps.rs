//! What a run does step by step: its journal, one line an event.

mod budgets;
mod code;

use serde_json::{Value, json};

use crate::place::{Place, Ran, call, python, say};
use crate::server::{Asked, Server, reply};

/// Reads `docs`.
pub(crate) const READ: &str =
    "[tools]\nuse = [\"files.list\", \"files.read\"]\n[permissions]\nread = [\"docs\"]";
/// Also writes `out`.
pub(crate) const WRITE: &str = "[tools]\nuse = [\"files.read\", \"files.write\"]\n[permissions]\n\
                     read = [\"docs\"]\nwrite = [\"out\"]";
const BY_TOOLS: &str = "act = \"tools\"";
const BY_CODE: &str = "act = \"code\"";

pub(crate) fn place() -> Place {
    filled(Place::new())
}

fn filled(place: Place) -> Place {
    place.write("docs/a.md", "The tower is 30 m high.\n").write("docs/b.md", "Built in 1874.\n");
    place.write("out/.keep", "");
    place
}

/// Runs these replies, and gives the journal.
pub(crate) fn ran(place: &Place, head: &str, tables: &str, replies: &[Value]) -> (Ran, String) {
    let ran = place.agent(head, tables, replies).run();
    let journal = place.journal(&ran.run());
    (ran, journal)
}

fn read(path: &str) -> (&'static str, Value) {
    ("files.read", json!({ "path": path }))
}

#[test]
fn a_call_then_an_answer() {
    let (ran, journal) = ran(&place(), BY_TOOLS, READ, &[call([read("docs/a.md")]), say("30 m")]);
    assert_eq!(ran.code, Some(0));
    insta::assert_snapshot!(journal, @r#"
    started test by tools
    thinking 0
    replied 0 "" files.read{"path":"docs/a.md"}
    judged c1 files.read{"path":"docs/a.md"} allow
    acting c1 Reads
    observed c1 ok [file HERE/docs/a.md] The tower is 30 m high.
    thinking 1
    replied 1 "30 m"
    ended {"answer":"30 m"}
    "#);
}

#[test]
fn calls_of_one_reply_run_side_by_side() {
    let (_, journal) = ran(
        &place(),
        BY_TOOLS,
        READ,
        &[call([read("docs/b.md"), read("docs/missing.md"), read("docs/a.md")]), say("done")],
    );
    // In whatever order they come back.
    let mut seen: Vec<_> = journal.lines().filter(|line| line.starts_with("observed")).collect();
    seen.sort_unstable();
    insta::assert_snapshot!(seen.join("\n"), @r#"
    observed c1 ok [file HERE/docs/b.md] Built in 1874.
    observed c2 failed [folder HERE/docs] `docs/missing.md` does not exist
    observed c3 ok [file HERE/docs/a.md] The tower is 30 m high.
    "#);
}

#[test]
fn a_denied_call_is_told_with_its_reason() {
    let place = place();
    place.write("private.md", "secret");
    let (_, journal) = ran(&place, BY_TOOLS, READ, &[call([read("private.md")]), say("I may not")]);
    insta::assert_snapshot!(journal, @r#"
    started test by tools
    thinking 0
    replied 0 "" files.read{"path":"private.md"}
    judged c1 files.read{"path":"private.md"} deny: tool `files.read` may not read `private.md`; hint: add it to [permissions] read
    thinking 1
    replied 1 "I may not"
    ended {"answer":"I may not"}
    "#);
}

#[test]
fn a_tool_that_does_not_exist() {
    let reply = call([("files.delete", json!({ "path": "docs/a.md" }))]);
    let (_, journal) = ran(&place(), BY_TOOLS, READ, &[reply, say("no such tool")]);
    insta::assert_snapshot!(journal, @r#"
    started test by tools
    thinking 0
    replied 0 "" files.delete{"path":"docs/a.md"}
    judged c1 files.delete{"path":"docs/a.md"} deny: there is no tool `files.delete`; there is `files.list`, `files.read`
    thinking 1
    replied 1 "no such tool"
    ended {"answer":"no such tool"}
    "#);
}

#[test]
fn arguments_that_break_the_schema() {
    let reply = call([("files.read", json!({ "file": "docs/a.md", "lines": 0 }))]);
    let (_, journal) = ran(&place(), BY_TOOLS, READ, &[reply, say("sorry")]);
    insta::assert_snapshot!(journal, @r#"
    started test by tools
    thinking 0
    replied 0 "" files.read{"file":"docs/a.md","lines":0}
    judged c1 files.read{"file":"docs/a.md","lines":0} deny: wrong arguments for `files.read`: `lines` is less than the minimum of 1; there is no `file`; `path` is missing; it is files.read(path: str, start: int = None, lines: int = None)
    thinking 1
    replied 1 "sorry"
    ended {"answer":"sorry"}
    "#);
}

#[test]
fn what_is_said_beside_a_call_is_the_plan() {
    let mut first = call([read("docs/a.md")]);
    first["content"] = json!("Read a, then answer.");
    let mut second = call([read("docs/b.md")]);
    second["content"] = json!("It says nothing of the year: read b too.");
    let (_, journal) = ran(&place(), BY_TOOLS, READ, &[first, second, say("1874")]);
    insta::assert_snapshot!(journal, @r#"
    started test by tools
    thinking 0
    replied 0 "Read a, then answer." files.read{"path":"docs/a.md"}
    planned Read a, then answer.
    judged c1 files.read{"path":"docs/a.md"} allow
    acting c1 Reads
    observed c1 ok [file HERE/docs/a.md] The tower is 30 m high.
    thinking 1
    replied 1 "It says nothing of the year: read b too." files.read{"path":"docs/b.md"}
    planned It says nothing of the year: read b too.
    judged c2 files.read{"path":"docs/b.md"} allow
    acting c2 Reads
    observed c2 ok [file HERE/docs/b.md] Built in 1874.
    thinking 2
    replied 2 "1874"
    ended {"answer":"1874"}
    "#);
}

/// Runs these replies from a server, and gives what the model read after the task, a message each.
fn told(tables: &str, replies: &[Value]) -> String {
    let place = place();
    let (sending, bodies) = std::sync::mpsc::channel();
    let answers = replies.to_vec();
    let server = Server::start(move |asked: Asked| {
        sending.send(asked.body).unwrap();
        reply(&answers[asked.number])
    });
    let agent = format!(
        "name = \"told\"\ntask = \"do it\"\nact = \"tools\"\n[model]\nprovider = \"openai\"\n\
         name = \"m\"\nbase_url = \"http://{}/v1\"\n{tables}",
        server.at
    );
    let ran = place.write("agent.toml", agent).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    let last: Value = serde_json::from_slice(&bodies.try_iter().last().unwrap()).unwrap();
    let messages = last["messages"].as_array().unwrap().iter().skip(2);
    let lines = messages.filter(|message| message["role"] != "assistant").map(|message| {
        format!("{}: {}", message["role"].as_str().unwrap(), message["content"].as_str().unwrap())
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn results_are_told_in_the_order_asked() {
    let first = call([read("docs/b.md"), read("docs/missing.md"), read("docs/a.md")]);
    insta::assert_snapshot!(told(READ, &[first, say("done")]), @r#"
    tool: Built in 1874.
    tool: `docs/missing.md` does not exist
    tool: The tower is 30 m high.
    "#);
}

#[test]
fn the_same_failing_call_again_is_remarked_on() {
    let missing = || call([read("docs/missing.md")]);
    insta::assert_snapshot!(told(READ, &[missing(), missing(), say("gone")]), @r#"
    tool: `docs/missing.md` does not exist
    tool: `docs/missing.md` does not exist
    This is the same call as before, and it failed again. Do something else.
    "#);
}

#[test]
fn an_answer_that_does_not_hold_is_sent_back_with_what_is_wrong() {
    let tables = format!("{READ}\n{CITED}");
    let replies = [
        say("30 m"),
        say("{\"answer\": \"30 m\"}"),
        say("{\"answer\": \"30 m\", \"source\": \"docs/a.md\"}"),
        call([read("docs/a.md")]),
        say("{\"answer\": \"30 m\", \"source\": \"docs/b.md\"}"),
        say("{\"answer\": \"30 m\", \"source\": \"docs/a.md\"}"),
    ];
    insta::assert_snapshot!(told(&tables, &replies), @r#"
    user: the answer must be one JSON value and nothing else: trailing characters at line 1 column 4
    user: the answer does not satisfy its schema: `source` is missing
    user: `docs/a.md` is cited, and nothing has been read
    tool: The tower is 30 m high.
    user: `docs/b.md` was not read; cite one of: docs/a.md
    "#);
}

#[test]
fn a_reply_that_was_cut_is_not_acted_on() {
    let mut cut = call([read("docs/a.md")]);
    cut["finish"] = json!("length");
    insta::assert_snapshot!(told(READ, &[cut, say("short")]), @r#"user: your reply was cut after 5 tokens and nothing of it was done: be shorter"#);
}

#[test]
fn an_empty_reply_is_asked_again() {
    insta::assert_snapshot!(told(READ, &[say(""), say("done")]), @r#"user: the reply is empty: answer, or act"#);
}

const HEIGHT: &str = "[output.schema]\ntype = \"object\"\nrequired = [\"metres\"]\n\
                      additionalProperties = false\n\
                      [output.schema.properties.metres]\ntype = \"integer\"";

#[test]
fn an_answer_that_breaks_its_schema_is_sent_back() {
    let (ran, journal) = ran(
        &place(),
        BY_TOOLS,
        &format!("{READ}\n{HEIGHT}"),
        &[
            call([read("docs/a.md")]),
            say("30 m"),
            say("{\"metres\": \"30\"}"),
            say("```json\n{\"metres\": 30}\n```"),
        ],
    );
    assert_eq!(ran.finished()["outcome"], json!({ "metres": 30 }));
    insta::assert_snapshot!(journal, @r#"
    started test by tools
    thinking 0
    replied 0 "" files.read{"path":"docs/a.md"}
    judged c1 files.read{"path":"docs/a.md"} allow
    acting c1 Reads
    observed c1 ok [file HERE/docs/a.md] The tower is 30 m high.
    thinking 1
    replied 1 "30 m"
    thinking 2
    replied 2 "{\"metres\": \"30\"}"
    thinking 3
    replied 3 "```json\n{\"metres\": 30}\n```"
    ended {"metres":30}
    "#);
}

const CITED: &str = "[output.schema]\ntype = \"object\"\nrequired = [\"answer\", \"source\"]\n\
                     [output.schema.properties.answer]\ntype = \"string\"\n\
                     [output.schema.properties.source]\ntype = \"string\"\nformat = \"source\"";

#[test]
fn a_source_that_was_not_read_cannot_be_cited() {
    let cites = |source: &str| say(&json!({ "answer": "30 m", "source": source }).to_string());
    let place = place();
    let (ran, journal) = ran(
        &place,
        BY_TOOLS,
        &format!("{READ}\n{CITED}"),
        &[cites("docs/a.md"), call([read("docs/a.md")]), cites("docs/b.md"), cites("docs/a.md")],
    );
    assert_eq!(ran.finished()["outcome"]["source"], "docs/a.md");
    insta::assert_snapshot!(journal, @r#"
    started test by tools
    thinking 0
    replied 0 "{\"answer\":\"30 m\",\"source\":\"docs/a.md\"}"
    thinking 1
    replied 1 "" files.read{"path":"docs/a.md"}
    judged c1 files.read{"path":"docs/a.md"} allow
    acting c1 Reads
    observed c1 ok [file HERE/docs/a.md] The tower is 30 m high.
    thinking 2
    replied 2 "{\"answer\":\"30 m\",\"source\":\"docs/b.md\"}"
    thinking 3
    replied 3 "{\"answer\":\"30 m\",\"source\":\"docs/a.md\"}"
    ended {"answer":"30 m","source":"docs/a.md"}
    "#);
}

fn asking() -> String {
    WRITE.replace("write =", "ask = [\"files.write\"]\nwrite =")
}

fn report() -> Value {
    call([("files.write", json!({ "path": "out/report.txt", "content": "30 m" }))])
}

#[test]
fn a_call_that_needs_a_yes_waits_for_it() {
    let place = place();
    let ran = place.agent(BY_TOOLS, &asking(), &[report(), say("written")]).run();
    assert_eq!((ran.code, &ran.finished()["reason"]), (Some(3), &json!("approval")));
    assert!(!place.path("out/report.txt").exists());
    // Waiting is not ending: without a word it still waits.
    assert_eq!(place.resume(&ran.run(), &[]).code, Some(3));
    let resumed = place.approve(&ran);
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert_eq!(place.read("out/report.txt"), "30 m");
    insta::assert_snapshot!(place.journal(&ran.run()), @r#"
    started test by tools
    thinking 0
    replied 0 "" files.write{"path":"out/report.txt","content":"30 m"}
    judged c1 files.write{"path":"out/report.txt","content":"30 m"} ask: tool `files.write` needs a person's yes
    resumed
    resumed
    answered c1 yes
    acting c1 Idempotent
    used c1 write `HERE/out/report.txt` allow: tool `files.write` needs a person's yes
    done c1
    observed c1 ok [host] {"path":"out/report.txt","bytes":4}
    thinking 1
    replied 1 "written"
    ended {"answer":"written"}
    "#);
}

/// Thousands of calls in one reply were all judged and run.
#[test]
fn a_reply_with_more_calls_than_one_may_make() {
    let place = place();
    let write = json!({ "path": "out/many.txt", "content": "x" });
    let calls: Vec<Value> =
        (0..65).map(|_| json!({ "name": "files.write", "arguments": write })).collect();
    let reply = json!({ "content": "all at once", "tool_calls": calls });
    let ran = place.agent(BY_TOOLS, WRITE, &[reply, report(), say("written")]).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    let rejected = ran.lines().into_iter().find(|line| line["type"] == "rejected").unwrap();
    let text = rejected["text"].as_str().unwrap();
    assert!(text.starts_with("These are 65 calls, and none of them was made: "), "{text}");
    assert!(!place.path("out/many.txt").exists() && place.path("out/report.txt").exists());
}

#[test]
fn a_call_that_is_refused_does_not_happen() {
    let place = place();
    let ran = place.agent(BY_TOOLS, &asking(), &[report(), say("I was not allowed")]).run();
    let resumed = place.resume(&ran.run(), &["--deny"]);
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert_eq!(resumed.observations(), ["denied: a person said no"]);
    assert!(!place.path("out/report.txt").exists());
    insta::assert_snapshot!(place.journal(&ran.run()), @r#"
    started test by tools
    thinking 0
    replied 0 "" files.write{"path":"out/report.txt","content":"30 m"}
    judged c1 files.write{"path":"out/report.txt","content":"30 m"} ask: tool `files.write` needs a person's yes
    resumed
    answered c1 no
    thinking 1
    replied 1 "I was not allowed"
    ended {"answer":"I was not allowed"}
    "#);
}

#[test]
fn what_is_not_allowed_cannot_be_approved() {
    let place = place();
    let reply = call([("files.write", json!({ "path": "docs/a.md", "content": "31 m" }))]);
    let ran = place.agent(BY_TOOLS, &asking(), &[reply, say("no")]).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(place.read("docs/a.md"), "The tower is 30 m high.\n");
}

#[test]
fn the_lines_for_programs() {
    let place = place();
    let mut first = call([read("docs/a.md"), read("agent.toml")]);
    first["content"] = json!("Read it.");
    let ran = place.agent(BY_TOOLS, READ, &[first, say("30 m")]).run();
    let lines: Vec<String> = ran
        .lines()
        .into_iter()
        .map(|mut line| {
            if line.get("run").is_some() {
                line["run"] = json!("ID");
            }
            if line.get("usage").is_some() {
                for changing in ["seconds", "input_tokens", "output_tokens"] {
                    line["usage"][changing] = json!("N");
                }
            }
            line.to_string()
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"type":"started","run":"ID"}
    {"type":"plan","text":"Read it."}
    {"type":"call","id":"c1","tool":"files.read","arguments":{"path":"docs/a.md"}}
    {"type":"verdict","id":"c1","verdict":"allow","reasons":[]}
    {"type":"call","id":"c2","tool":"files.read","arguments":{"path":"agent.toml"}}
    {"type":"verdict","id":"c2","verdict":"deny","reasons":["tool `files.read` may not read `agent.toml`","hint: add it to [permissions] read"]}
    {"type":"observation","id":"c2","status":"denied","text":"denied: tool `files.read` may not read `agent.toml`; hint: add it to [permissions] read","origins":["host"]}
    {"type":"observation","id":"c1","status":"ok","text":"The tower is 30 m high.","origins":["file HERE/docs/a.md"]}
    {"type":"finished","run":"ID","outcome":{"answer":"30 m"},"reason":null,"detail":null,"usage":{"steps":2,"input_tokens":"N","output_tokens":"N","cost_usd":0.0,"seconds":"N"}}
    "#);
}

/// Asks for the height of the tower.
pub(crate) const TOWER: &str = "[output.schema]\ntype = \"object\"\nrequired = [\"height\"]\n\
                     properties.height = { type = \"number\" }";

#[test]
fn a_call_written_as_text_is_a_call() {
    let text = "I read it.\n```json\n{\"name\": \"files_read\", \"arguments\": {\"path\": \"docs/a.md\"}}\n```";
    for how in [BY_TOOLS, BY_CODE] {
        let tables = READ.replace("\"files.list\"", "\"files.list\", \"python\"");
        let place = filled(Place::with_python());
        let (_, journal) = ran(&place, how, &tables, &[say(text), say("30 m")]);
        assert!(journal.contains("observed c1 ok"), "{how}: {journal}");
    }
}

#[test]
fn what_is_neither_call_nor_answer_goes_back() {
    let odd = [
        "<tool_call>\n{\"name\": \"files.re",
        "<think>Hm",
        "```json\n{\"name\": \"rm\", \"arguments\": {}}\n```",
        "The budget is nearly spent. Do not act any more.",
    ];
    let replies: Vec<Value> = odd.iter().map(|text| say(text)).chain([say("30 m")]).collect();
    let (ran, _) = ran(&place(), BY_TOOLS, READ, &replies);
    assert_eq!(ran.finished()["outcome"], json!({"answer": "30 m"}), "{ran}");
    assert_eq!(ran.finished()["usage"]["steps"], 5);
}

#[test]
fn a_budget_that_ends_without_an_answer_has_no_outcome() {
    let tables = format!("{READ}\n[budget]\nsteps = 2");
    let spent = say("The budget is nearly spent.");
    let (ran, _) = ran(&place(), BY_TOOLS, &tables, &[call([read("docs/a.md")]), spent]);
    assert_eq!(ran.code, Some(1), "{ran}");
    let finished = ran.finished();
    assert_eq!((&finished["outcome"], &finished["reason"]), (&Value::Null, &json!("steps")));
}

#[test]
fn a_filled_in_answer_stands_on_something_observed_or_on_a_decision() {
    let tables = format!("{READ}\n{TOWER}");
    let answer = || say(r#"{"height": 30}"#);
    let (looked, _) =
        ran(&place(), BY_TOOLS, &tables, &[answer(), call([read("docs/a.md")]), answer()]);
    assert_eq!((looked.code, &looked.finished()["usage"]["steps"]), (Some(0), &json!(3)));
    let (decided, _) = ran(&place(), BY_TOOLS, &tables, &[answer(), answer()]);
    assert_eq!((decided.code, &decided.finished()["usage"]["steps"]), (Some(0), &json!(2)));
}
