//! What a constrained model's run does step by step: one small decision at a time.

use serde_json::{Value, json};

use crate::place::{Ran, say};
use crate::steps::{READ, TOWER, WRITE, place, ran};

/// Acts step by step; the replies are those of a model that nothing constrains.
const STEPWISE: &str = "act = \"stepwise\"";

#[test]
fn a_stepwise_run_decides_one_thing_at_a_time() {
    let replies = [
        say("data"),
        say("yes"),
        say("files.read"),
        say("once"),
        say(r#"{"path": "docs/a.md"}"#),
        say("finish"),
        say("The tower is 30 m high."),
        say("know"),
    ];
    let (ran, journal) = ran(&place(), STEPWISE, READ, &replies);
    assert_eq!(ran.code, Some(0), "{ran}");
    // One step called a tool, another answered; the decisions in between are part of them.
    assert_eq!(ran.finished()["usage"]["steps"], 2);
    insta::assert_snapshot!(journal, @r#"
    started test by stepwise
    thinking 0
    replied 0 "data"
    thinking 1
    replied 1 "yes"
    judged c1 files.list{} allow
    acting c1 Reads
    observed c1 ok [folder HERE/docs] {"entries":[{"path":"docs/a.md","folder":false,"size":24},{"path":"docs/b.md","folder":false,"size":15}],"left_out":0}
    thinking 2
    replied 2 "files.read"
    planned next: files.read
    thinking 3
    replied 3 "once"
    thinking 4
    replied 4 "{\"path\": \"docs/a.md\"}"
    judged c2 files.read{"path":"docs/a.md"} allow
    acting c2 Reads
    observed c2 ok [file HERE/docs/a.md] The tower is 30 m high.
    thinking 5
    replied 5 "finish"
    thinking 6
    replied 6 "The tower is 30 m high."
    thinking 7
    replied 7 "know"
    ended {"answer":"The tower is 30 m high."}
    "#);
}

/// Chooses to write, is asked whether the task wants that, and goes on with these.
fn writes(wanted: &str, after: &[Value]) -> (Ran, String, Option<String>) {
    let place = place();
    let mut before = ["data", "yes", "files.write", "change", "do"].map(say).to_vec();
    before.push(say(wanted));
    let replies: Vec<Value> = before.iter().chain(after).cloned().collect();
    let (ran, journal) = ran(&place, STEPWISE, WRITE, &replies);
    let written = std::fs::read_to_string(place.path("out/b.md")).ok();
    (ran, journal, written)
}

#[test]
fn a_change_that_the_task_does_not_ask_for_is_left_out() {
    let mut read =
        [say("once"), say(r#"{"path": "docs/a.md"}"#), say("finish"), say("30 m")].to_vec();
    read.extend(["no", "complete"].map(say));
    let (ran, journal, written) = writes("no", &read);
    assert_eq!(ran.finished()["outcome"], json!({"answer": "30 m"}), "{journal}");
    assert!(journal.contains("planned leave out files.write"), "{journal}");
    assert_eq!(written, None);
}

#[test]
fn a_task_that_only_asks_changes_nothing() {
    let place = place();
    let words = ["data", "yes", "files.write", "change", "know", "once"];
    let read = [say(r#"{"path": "docs/a.md"}"#), say("finish"), say("30 m")];
    let replies: Vec<Value> = words.map(say).into_iter().chain(read).collect();
    let (ran, journal) = ran(&place, STEPWISE, WRITE, &replies);
    assert_eq!(ran.finished()["outcome"], json!({"answer": "30 m"}), "{journal}");
    assert!(journal.contains("planned leave out files.write"), "{journal}");
}

#[test]
fn a_long_text_is_written_in_a_turn_of_its_own() {
    let text = "# Towers\n\n- \"the\" tower";
    let fenced = format!("```markdown\n{text}\n```");
    let path = say(r#"{"path": "out/b.md"}"#);
    let (ran, journal, written) =
        writes("yes", &[path, say(&fenced), say("finish"), say("Written.")]);
    assert_eq!(ran.finished()["outcome"], json!({"answer": "Written."}), "{journal}");
    assert_eq!(written.as_deref(), Some(text));
}

#[test]
fn what_a_change_makes_up_is_not_done() {
    let path = || say(r#"{"path": "out/b.md"}"#);
    let made_up = || say("Dear Sir, the tower is 45 m high.\n\n[Your Name]");
    let (ran, journal, written) =
        writes("yes", &[path(), made_up(), say("the tower"), say("finish"), say("Written.")]);
    assert_eq!(ran.finished()["outcome"], json!({"answer": "Written."}), "{journal}");
    assert_eq!(written.as_deref(), Some("the tower"));
    // Insisting does not help, and a run that did not do what it was asked for has no answer.
    let read = say(r#"{"path": "docs/b.md"}"#);
    let (ran, journal, written) = writes(
        "yes",
        &[path(), made_up(), made_up(), say("once"), read, say("finish"), say("Built in 1874.")],
    );
    assert_eq!(written, None, "{journal}");
    let finished = ran.finished();
    assert_eq!((ran.code, &finished["outcome"]), (Some(1), &Value::Null), "{journal}");
    assert!(finished["detail"].to_string().contains("files.write was asked for"), "{finished}");
    // Neither does it in an argument beside the text: what a tool is to give back is looked up.
    let call = || say(r#"{"path": "out/files.read(path: 'docs/a.md').md"}"#);
    let path = say(r#"{"path": "docs/a.md"}"#);
    let after = [call(), path, say("files.write"), call(), say("finish"), say("Written.")];
    let (ran, journal, _) = writes("yes", &after);
    assert!(journal.contains("judged c1 files.read{\"path\":\"docs/a.md\"}"), "{journal}");
    assert!(!journal.contains("judged c2"), "{journal}");
    assert_eq!(ran.to_string().matches("`files.read` is a tool").count(), 2, "{ran}");
}

#[test]
fn what_was_done_is_told_in_the_tools_words_where_the_models_do_not_hold() {
    let made_up = || say("It has 512 characters.");
    let (ran, journal, written) = writes(
        "yes",
        &[
            say(r#"{"path": "out/b.md"}"#),
            say("the tower"),
            say("finish"),
            made_up(),
            made_up(),
            made_up(),
        ],
    );
    assert_eq!(written.as_deref(), Some("the tower"), "{journal}");
    let answer = ran.finished()["outcome"]["answer"].to_string();
    assert!(answer.contains("files.write: ") && !answer.contains("512"), "{answer}");
}

#[test]
fn a_file_that_the_task_names_is_written_before_the_end() {
    let head = "act = \"stepwise\"\ntask = \"Read docs/a.md and write its height into out/b.md.\"";
    let read = say(r#"{"path": "docs/a.md"}"#);
    let before = [say("data"), say("yes"), say("files.read"), say("once"), read, say("finish")];
    let with = |after: &[Value]| {
        let place = place();
        let replies: Vec<Value> = before.iter().chain(after).cloned().collect();
        let (ran, journal) = ran(&place, head, WRITE, &replies);
        (ran, journal, std::fs::read_to_string(place.path("out/b.md")).ok())
    };
    // The end leads to the tool that writes: only the path and the text are asked for.
    let path = || say(r#"{"path": "out/b.md"}"#);
    let (ran, journal, written) = with(&[path(), say("30 m"), say("finish"), say("30 m")]);
    assert_eq!(ran.finished()["outcome"], json!({"answer": "30 m"}), "{journal}");
    assert_eq!(written.as_deref(), Some("30 m"));
    // Where it is not written, what was told is no outcome.
    let made_up = || say("45 m, says the keeper.");
    let after = [path(), made_up(), made_up(), say("finish"), say("30 m")];
    let (ran, journal, written) = with(&after);
    assert_eq!(written, None, "{journal}");
    let finished = ran.finished();
    assert_eq!((ran.code, &finished["outcome"]), (Some(1), &Value::Null), "{journal}");
    assert!(finished["detail"].to_string().contains("out/b.md was asked for"), "{finished}");
}

#[test]
fn a_change_that_failed_is_made_with_what_was_found_since() {
    let place = place();
    let missing = say(r#"{"path": "docs/none.md"}"#);
    let found = say(r#"{"path": "docs/a.md"}"#);
    let words = ["data", "yes", "files.delete", "change", "do", "yes", "once"].map(say);
    let after = [missing, say("files.read"), found.clone(), say("finish"), found];
    let after = after.into_iter().chain(["finish", "Removed docs/a.md."].map(say));
    let replies: Vec<Value> = words.into_iter().chain(after).collect();
    let tables = "[tools]\nuse = [\"files.read\", \"files.delete\"]\n[permissions]\nread = [\"docs\"]\n\
                  write = [\"docs\"]\ndelete = [\"docs\"]";
    let (ran, journal) = ran(&place, STEPWISE, tables, &replies);
    assert_eq!(ran.code, Some(0), "{ran} {journal}");
    assert!(!place.path("docs/a.md").exists(), "{journal}");
}

#[test]
fn an_empty_text_is_not_written() {
    let path = say(r#"{"path": "out/b.md"}"#);
    let (ran, journal, written) = writes("yes", &[path, say("```\n\n```"), say("the tower")]);
    assert_eq!(written.as_deref(), Some("the tower"), "{ran} {journal}");
}

#[test]
fn what_was_not_offered_cannot_be_chosen() {
    for reply in ["files.write", "finish", "I will look"] {
        let replies: Vec<Value> =
            ["data", "yes", reply, reply, reply, reply].map(say).into_iter().collect();
        let (ran, journal) = ran(&place(), STEPWISE, READ, &replies);
        assert_eq!((ran.code, &ran.finished()["outcome"]), (Some(1), &Value::Null), "{journal}");
    }
}

#[test]
fn arguments_are_an_object() {
    for arguments in ["[]", "\"docs/a.md\"", "7"] {
        let mut replies = ["data", "yes", "files.read", "once"].map(say).to_vec();
        replies.push(say(arguments));
        replies.extend([say("{}"), say("finish"), say("docs/a.md, docs/b.md"), say("know")]);
        let (ran, journal) = ran(&place(), STEPWISE, READ, &replies);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(!journal.contains("files.read{") && !journal.contains("files.read["), "{journal}");
    }
}

#[test]
fn an_unchanged_repetition_is_impossible() {
    let path = || say(r#"{"path": "docs/a.md"}"#);
    let mut replies = ["data", "yes", "files.read", "once"].map(say).to_vec();
    replies.extend([path(), say("files.read"), path()]);
    replies.extend([say("finish"), say("30 m"), say("know")]);
    let (ran, journal) = ran(&place(), STEPWISE, READ, &replies);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(journal.matches("acting").count(), 2, "the listing and one call: {journal}");
}

#[test]
fn a_value_that_nothing_supports_is_no_answer() {
    let made_up = || say(r#"{"height": 12345}"#);
    let tables = format!("{READ}\n{TOWER}");
    let read = say(r#"{"path": "docs/a.md"}"#);
    let before = [say("data"), say("yes"), say("files.read"), say("once"), read, say("finish")];
    let with = |answers: &[Value]| {
        let replies: Vec<Value> = before.iter().chain(answers).cloned().collect();
        ran(&place(), STEPWISE, &tables, &replies).0
    };
    let corrected = with(&[made_up(), say(r#"{"height": 30}"#)]);
    assert_eq!(corrected.finished()["outcome"], json!({"height": 30}));
    let never = with(&[made_up(), made_up(), made_up()]);
    assert_eq!(never.code, Some(1), "{never}");
    let finished = never.finished();
    assert_eq!((&finished["outcome"], &finished["reason"]), (&Value::Null, &json!("unsupported")));
}

#[test]
fn each_label_of_a_list_is_asked_for_by_itself() {
    const LABELS: &str = "[output.schema]\ntype = \"object\"\nrequired = [\"mails\"]\n\
        [output.schema.properties.mails]\ntype = \"array\"\n\
        [output.schema.properties.mails.items]\ntype = \"object\"\nrequired = [\"no\", \"kind\"]\n\
        properties.no = { type = \"integer\" }\nproperties.kind = { enum = [\"thanks\", \"question\"] }";
    let place = place();
    place.write("docs/a.md", "no,mail\n7,When do you open?\n8,How much is it?\n9,Thank you!\n");
    let mails = |numbers: &[u8]| {
        let mails: Vec<Value> =
            numbers.iter().map(|no| json!({ "no": no, "kind": "thanks" })).collect();
        say(&json!({ "mails": mails }).to_string())
    };
    let read = say(r#"{"path": "docs/a.md"}"#);
    let before = [say("data"), say("yes"), say("files.read"), say("once"), read, say("finish")];
    // Two of the three things are a list that was cut short.
    let answers = [mails(&[7, 8]), mails(&[7, 8, 9])];
    let labels = ["question", "question", "thanks"].map(say);
    let replies: Vec<Value> = before.into_iter().chain(answers).chain(labels).collect();
    let (ran, journal) = ran(&place, STEPWISE, &format!("{READ}\n{LABELS}"), &replies);
    let kinds = json!([
        { "no": 7, "kind": "question" }, { "no": 8, "kind": "question" }, { "no": 9, "kind": "thanks" }
    ]);
    assert_eq!(ran.finished()["outcome"], json!({ "mails": kinds }), "{journal}");
}

#[test]
fn what_a_look_did_not_find_has_no_number() {
    let search = "[tools]\nuse = [\"files.search\"]\n[permissions]\nread = [\"docs\"]";
    let looked = |answers: &[&str]| {
        // The passage does not state what was read in it, and leads to no other.
        let look = ["data", "yes", "number", "30 m", "no", "no"];
        let replies: Vec<Value> = look.iter().chain(answers).map(|said| say(said)).collect();
        ran(&place(), STEPWISE, &format!("{search}\n{TOWER}"), &replies)
    };
    let (ran, journal) = looked(&[r#"{"height": 30}"#; 3]);
    assert_eq!((ran.code, &ran.finished()["outcome"]), (Some(1), &Value::Null), "{journal}");
    assert_eq!(ran.finished()["reason"], "unsupported", "{journal}");
}

#[test]
fn a_tool_for_something_else_is_not_called() {
    const ONE: &str = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]";
    let after = |words: &[&str]| {
        let read = [say(r#"{"path": "docs/a.md"}"#), say("finish"), say("30 m"), say("know")];
        let words = ["data", "yes"].iter().chain(words).map(|word| say(word));
        crate::steps::ran(&place(), STEPWISE, ONE, &words.chain(read).collect::<Vec<_>>())
    };
    let (ran, journal) = after(&["no", "one"]);
    assert_eq!((ran.code, &ran.finished()["outcome"]), (Some(1), &Value::Null), "{journal}");
    assert!(journal.contains("planned leave out files.read"), "{journal}");
    assert!(!journal.contains("acting"), "{journal}");
    // Where the answer to anything may be in what it gives, only a look tells.
    for words in [&["no", "anything", "once"][..], &["yes", "once"]] {
        let (ran, journal) = after(words);
        assert_eq!(ran.finished()["outcome"], json!({"answer": "30 m"}), "{journal}");
    }
}

#[test]
fn a_tool_is_called_for_each_of_several_things_at_once() {
    let before = || ["data", "yes", "files.read", "several"].map(say).to_vec();
    let mut replies = before();
    replies.push(say(
        r#"{"calls": [{"path": "docs/a.md"}, {"path": "docs/b.md"}, {"path": "docs/a.md"}]}"#,
    ));
    replies.extend([say("finish"), say("30 m, 1874"), say("know")]);
    let (ran, journal) = crate::steps::ran(&place(), STEPWISE, READ, &replies);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(journal.matches("acting").count(), 3, "the listing and two calls: {journal}");
    assert!(journal.contains("planned next: files.read, 2 times"), "{journal}");
    // What is no list of calls is asked for as one call.
    for calls in ["[]", r#"{"calls": []}"#, r#"{"calls": ["docs/a.md"]}"#, "both"] {
        let mut replies = before();
        replies.extend([say(calls), say(r#"{"path": "docs/a.md"}"#)]);
        replies.extend([say("finish"), say("30 m"), say("know")]);
        let (ran, journal) = crate::steps::ran(&place(), STEPWISE, READ, &replies);
        assert_eq!(ran.finished()["outcome"], json!({"answer": "30 m"}), "{calls}: {journal}");
    }
}

#[test]
fn an_answer_without_a_tool_is_a_decision() {
    let replies = ["own", "no", "Oslo", "know"].map(say);
    let (ran, journal) = ran(&place(), STEPWISE, READ, &replies);
    assert_eq!(ran.finished()["outcome"], json!({"answer": "Oslo"}));
    assert!(!journal.contains("acting"), "{journal}");
}

#[test]
fn an_answer_that_leaves_the_task_undone_is_none() {
    let ended = |says: &[&str]| {
        let replies: Vec<Value> = ["own", "no", "The lamp is off now."]
            .iter()
            .chain(says)
            .map(|said| say(said))
            .collect();
        ran(&place(), STEPWISE, READ, &replies).0
    };
    let claims = ended(&["do", "yes"]);
    assert_eq!((claims.code, &claims.finished()["outcome"]), (Some(1), &Value::Null), "{claims}");
    assert_eq!(claims.finished()["reason"], "unsupported");
    let detail = claims.finished()["detail"].to_string();
    assert!(detail.contains("the answer says that it was done"), "{detail}");
    let leaves = ended(&["do", "no", "undone"]);
    assert_eq!((leaves.code, &leaves.finished()["outcome"]), (Some(1), &Value::Null), "{leaves}");
    let detail = leaves.finished()["detail"].to_string();
    assert!(detail.contains("no tool did it"), "{detail}");
    for met in [&["do", "no", "complete"][..], &["know"]] {
        assert_eq!(ended(met).code, Some(0));
    }
}

#[test]
fn what_no_tool_can_do_is_not_found() {
    let tables = format!("{READ}\n{TOWER}").replace("\"number\"", "[\"number\", \"null\"]");
    let made_up = || say(r#"{"height": 7}"#);
    let replies = [say("data"), say("no"), made_up(), say("{}"), made_up()];
    let (ran, journal) = ran(&place(), STEPWISE, &tables, &replies);
    assert_eq!(ran.finished()["outcome"], json!({"height": null}), "{journal}");
}

#[test]
fn a_file_that_is_there_is_read_before_it_is_written_anew() {
    let place = place();
    place.write("docs/b.md", "first\nsecond\n");
    let tables = "[tools]\nuse = [\"files.list\", \"files.read\", \"files.write\"]\n\
                  [permissions]\nread = [\"docs\"]\nwrite = [\"docs\"]";
    let path = || say(r#"{"path": "docs/b.md"}"#);
    let words = ["data", "yes", "files.write", "change", "do", "yes"].map(say);
    let after = [
        path(),
        say("files.read"),
        say("once"),
        path(),
        say("files.write"),
        path(),
        say("first\nthird"),
        say("finish"),
        say("It was changed."),
    ];
    let replies: Vec<Value> = words.into_iter().chain(after).collect();
    let (ran, journal) = ran(&place, STEPWISE, tables, &replies);
    assert_eq!(ran.code, Some(0), "{ran} {journal}");
    assert!(journal.contains("judged c2 files.read"), "{journal}");
    assert_eq!(place.read("docs/b.md"), "first\nthird");
}

#[test]
fn a_file_that_the_task_names_is_read_before_a_text_is_written() {
    let place = place();
    let head = "act = \"stepwise\"\ntask = \"Put what a.md says into out/c.md.\"";
    let tables = "[tools]\nuse = [\"files.list\", \"files.read\", \"files.write\"]\n\
                  [permissions]\nread = [\"docs\"]\nwrite = [\"out\"]";
    let words = ["data", "yes", "files.write", "files.write"].map(say);
    let path = say(r#"{"path": "out/c.md"}"#);
    let after = [path, say("The tower is 30 m high."), say("finish"), say("Written.")];
    let replies: Vec<Value> = words.into_iter().chain(after).collect();
    let (ran, journal) = ran(&place, head, tables, &replies);
    assert_eq!(ran.code, Some(0), "{ran} {journal}");
    assert!(journal.contains("planned read docs/a.md first"), "{journal}");
    assert!(journal.contains("judged c2 files.read{\"path\":\"docs/a.md\"}"), "{journal}");
    assert_eq!(place.read("out/c.md"), "The tower is 30 m high.");
}

#[test]
fn what_is_told_and_was_not_done_is_done_or_not_told() {
    let both = |second: &[Value]| {
        let place = place();
        let head = "act = \"stepwise\"\ntask = \"Write 1874 and 512, each into a file of its own in out.\"";
        let mut replies = ["data", "yes", "files.write", "change", "do", "yes"].map(say).to_vec();
        replies.extend([say(r#"{"path": "out/a.md"}"#), say("1874"), say("finish")]);
        replies.push(say("1874 and 512 were written."));
        replies.extend(second.iter().cloned());
        let (ran, journal) = ran(&place, head, WRITE, &replies);
        let written = std::fs::read_to_string(place.path("out/b.md")).ok();
        (ran.finished()["outcome"]["answer"].clone(), written, journal)
    };
    let rest = [say(r#"{"path": "out/b.md"}"#), say("512"), say("finish"), say("Both: 1874, 512.")];
    let (answer, written, journal) = both(&rest);
    assert!(journal.contains("since nothing was done with 512"), "{journal}");
    assert_eq!(answer, json!("Both: 1874, 512."), "{journal}");
    assert_eq!(written.as_deref(), Some("512"));
    // Nothing else is changed a second time, and what was not done is not told.
    let other = [say(r#"{"path": "out/b.md"}"#), say("0"), say("finish"), say("1874 and 512.")];
    let only = [say("1874 was written.")];
    let (answer, written, journal) = both(&[&other[..], &only].concat());
    assert_eq!(answer, json!("1874 was written."), "{journal}");
    assert_eq!(written, None);
}
