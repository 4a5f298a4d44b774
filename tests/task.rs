//! A task on the command line: what it becomes, what it may do, where its value and its answer go.

use std::io::Write;
use std::process::Stdio;

use agent_core::event::What;
use serde_json::json;

use crate::place::{Place, Ran, call, say};

/// A place with a script that reads a file and answers.
fn place() -> Place {
    let place = Place::with_python();
    let replies = [call([("files.read", json!({ "path": "docs/a.txt" }))]), say("It is a lamp.")];
    let script: String = replies.iter().map(|reply| format!("{reply}\n")).collect();
    place.write("script.jsonl", script).write("docs/a.txt", "a lamp\n").write("b.txt", "secret\n");
    place
}

fn piped(place: &Place, args: &[&str], input: &[u8]) -> Ran {
    let mut child = place
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read.
    let _gone = child.stdin.take().unwrap().write_all(input);
    place.ran(&child.wait_with_output().unwrap())
}

const TASK: &str = "What is in a.txt?";

#[test]
fn a_task_may_do_what_the_flags_grant() {
    let place = place();
    let args = ["run", TASK, "--model", "script.jsonl", "--json"];
    let ran = place.errand([&args[..], &["--read", "docs"]].concat());
    assert_eq!(ran.observations(), ["a lamp"], "{ran}");
    assert_eq!(ran.finished()["outcome"]["answer"], "It is a lamp.");
    // Of another folder it is told no, and without a flag there is no tool to call.
    let ran = place.errand([&args[..], &["--read", "b.txt"]].concat());
    assert!(ran.observations()[0].contains("may not read"), "{ran}");
    let ran = place.errand(args);
    assert!(ran.observations()[0].contains("there is no tool `files.read`"), "{ran}");
}

#[test]
fn what_is_printed_is_what_runs() {
    let place = place();
    let task = "Say {{ what }} is in \"a.txt\"\nand {% how %}.";
    let flags = ["--read", "docs", "--write", "out", "--net", "example.org"];
    let print = [&["run", task, "--print", "-p", "note=@docs/a.txt"], &flags[..]].concat();
    let printed = place.errand(print);
    assert_eq!(printed.code, Some(0), "{printed}");
    place.write("saved.toml", &printed.out);
    let checked = place.errand(["validate", "saved.toml", "--json", "-p", "note=x"]);
    let agent = checked.lines().remove(0)["agent"].take();
    assert_eq!(agent["task"], format!("{task}\n\nnote:\nx"));
    assert_eq!(agent["grants"]["write"], json!(["HERE/out"]));
    let tools = ["files.list", "files.search", "files.read", "python", "files.write", "web.read"];
    assert_eq!(agent["tools"], json!(tools));
    assert!(!place.home().join("errand.db").exists(), "printing is no run");
}

#[test]
fn what_cannot_be_meant_is_said() {
    let place = place();
    let said = |args: &[&str]| {
        let ran = place.errand([&["run"], args].concat());
        assert_eq!(ran.code, Some(2), "{ran}");
        ran.err
    };
    let cases = [
        said(&["agent"]),
        said(&["docs"]),
        said(&["missing.toml", "--read", "."]),
        said(&["What", "is", "this?"]),
        said(&[TASK, "--read", "dosc"]),
        said(&[TASK, "--write", "b.txt/x", "--net", "http://example.org"]),
        said(&[TASK, "-p", "1st=x"]),
        said(&[TASK, "--model", "qwen"]),
        said(&[TASK, "-p", "a=@-", "-p", "b=@-"]),
        said(&[TASK, "-o", "docs"]),
    ];
    insta::assert_snapshot!(cases.join("\n"));
    let twice = said(&["-", "-p", "a=@-"]);
    assert!(
        twice.starts_with(
            "error: `-` and `-p a=@-` both take standard input, which is there once\n"
        ),
        "{twice}"
    );
    assert!(twice.ends_with("to a file: `-p a=@FILE`\n"), "{twice}");
    assert!(!place.home().join("errand.db").exists(), "what is wrong leaves no run behind");
}

#[test]
fn a_task_beside_an_agent_file_is_its_parameter() {
    let place = Place::bare();
    let task = |ran: &Ran, place: &Place| match &place.events(&ran.run())[0].what {
        What::Started { agent, .. } => agent.task.clone(),
        other => panic!("{other:?}"),
    };
    // `question` must be given; `tone` need not.
    let tone = "[params.tone]\ntype = \"string\"\ndefault = \"dry\"";
    let head = "task = \"{{ tone }}: {{ question }}\"\n[params.question]\ntype = \"string\"\n";
    place.agent(&format!("{head}{tone}"), "", &[say("x")]);
    let ran = place.errand(["run", "agent.toml", "@is this a file?", "--json"]);
    assert_eq!(task(&ran, &place), "dry: @is this a file?", "{ran}");
    // With that given, what is left is the other.
    let ran = place.errand(["run", "agent.toml", "so so", "-p", "question=why?", "--json"]);
    assert_eq!(task(&ran, &place), "so so: why?", "{ran}");
    let ran = piped(&place, &["run", "agent.toml", "-p", "question=@-", "--json"], b"@a\nb\n");
    assert_eq!(task(&ran, &place), "dry: @a\nb", "{ran}");
    let ran = piped(&place, &["run", "agent.toml", "-", "--json"], "wie groß?\n".as_bytes());
    assert_eq!(task(&ran, &place), "dry: wie groß?", "{ran}");
    let ran = piped(&place, &["run", "agent.toml", "-p", "question=@-"], b"\xff");
    insta::assert_snapshot!(ran.all(), @r"
    exit 2
    --- stderr
    error: standard input is no UTF-8 text
    hint: convert it first, or grant a file
    ");
    place.agent(&format!("task = \"{{{{ tone }}}}\"\n{tone}"), "", &[say("x")]);
    let ran = place.errand(["run", "agent.toml", "why?", "-p", "tone=x"]);
    insta::assert_snapshot!(ran.all(), @r#"
    exit 2
    --- stderr
    error: `agent.toml` takes no task: it has no parameter left that is a text
    hint: declare one in agent.toml: `[params.question]` with `type = "string"`, and `{{ question }}` in its task
    "#);
    place.agent("[params.a]\ntype = \"string\"\n[params.b]\ntype = \"string\"", "", &[say("x")]);
    insta::assert_snapshot!(place.errand(["run", "agent.toml", "why?"]).all(), @r"
    exit 2
    --- stderr
    error: `agent.toml` takes no task: it has several parameters
    hint: say which is meant: `-p a=…` or `-p b=…`
    ");
}

#[test]
fn an_answer_is_written_whole_or_not_at_all() {
    let place = Place::bare();
    place.agent("", "", &[say("forty-two")]).write("answer.txt", "what was there");
    let ran = place.errand(["run", "agent.toml", "-o", "answer.txt", "-q"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""), "{ran}");
    assert_eq!(place.read("answer.txt"), "forty-two\n");
    let ran = place.errand(["run", "agent.toml", "-q"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("forty-two\n", ""), "{ran}");
    // The script has no reply left: no answer, and the file is what it was.
    place.agent("", "", &[]);
    let ran = place.errand(["run", "agent.toml", "-o", "answer.txt", "-q"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran}");
    assert!(ran.err.starts_with("error: "), "{ran}");
    assert_eq!(place.read("answer.txt"), "forty-two\n");
    let ran = place.errand(["run", "agent.toml", "-o", "/dev/null"]);
    assert_eq!(ran.out, "", "{ran}");
}

#[test]
fn a_task_goes_on_with_another_model() {
    let place = place();
    let half = place.read("script.jsonl").lines().next().unwrap().to_string() + "\n";
    place.write("half.jsonl", half);
    let args = ["run", TASK, "--model", "half.jsonl", "--read", "docs", "--json"];
    let ran = place.errand(args);
    assert_eq!(ran.finished()["reason"], "fault", "{ran}");
    let id = ran.run();
    let odd = place.resume(&id, &["--model", "qwen"]);
    assert_eq!(odd.code, Some(2), "{odd}");
    assert!(odd.err.starts_with("error: --model qwen: unknown model"), "{odd}");
    let ran = place.resume(&id, &["--model", "script.jsonl"]);
    assert_eq!(ran.finished()["outcome"]["answer"], "It is a lamp.", "{ran}");
    let journal = place.journal(&id);
    assert!(journal.contains("\nresumed with script.jsonl\n"), "{journal}");
    assert_eq!(journal.matches("observed c1").count(), 1, "{journal}");
    // Without a file there is nothing to change what it may do.
    assert!(!place.path("agent.toml").exists());
}
