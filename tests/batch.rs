//! A run for each row of a table: none lost, none twice, whenever it is killed.

use std::io::Read;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

use crate::place::{Place, Ran, say};
use crate::server::{Asked, Server, reply};

const ROWS: usize = 7;

/// A place with rows to ask a server about.
fn place(server: &Server) -> Place {
    let place = Place::bare();
    place.write(
        "agent.toml",
        format!(
            "name = \"rows\"\ntask = \"Say {{{{ word }}}}.\"\n[params.word]\ntype = \"string\"\n\
             [model]\nprovider = \"openai\"\nname = \"m\"\nbase_url = \"http://{}/v1\"\n",
            server.at
        ),
    );
    let rows = (1..=ROWS).map(|row| format!("{row},word{row}\n")).collect::<String>();
    place.write("rows.csv", format!("id,word\n{rows}"));
    place
}

const BATCH: [&str; 5] = ["batch", "agent.toml", "rows.csv", "--out", "out.jsonl"];

fn batch(place: &Place, more: &[&str]) -> Ran {
    place.errand([&BATCH[..], more].concat())
}

fn results(place: &Place) -> Vec<Value> {
    place.read("out.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The last word of what is asked.
fn word(asked: &Asked) -> String {
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    let messages = body["messages"].as_array().unwrap();
    let task = messages.last().unwrap()["content"].as_str().unwrap();
    let at = task.find("word").unwrap();
    task[at..].chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// A server that says the word, but never answers these requests, and tells when it is asked them.
fn server(silent: &'static [usize]) -> (Server, Receiver<usize>) {
    let (asking, asked) = channel();
    let server = Server::start(move |request| {
        if silent.contains(&request.number) {
            asking.send(request.number).unwrap();
            let never = futures::stream::pending::<Result<String, std::io::Error>>();
            return Response::new(Body::from_stream(never));
        }
        reply(&json!({ "content": word(&request) }))
    });
    (server, asked)
}

/// Starts a batch and kills it once the server was asked what it does not answer.
fn killed(place: &Place, more: &[&str], asked: &Receiver<usize>) {
    let mut child = place
        .command([&BATCH[..], more].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    asked.recv().unwrap();
    child.kill().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "{said}");
}

/// Every row is there once, with its own answer, and its run began once and ended once.
fn whole(place: &Place) {
    let mut rows = results(place);
    rows.sort_by_key(|line| line["row"].as_u64());
    assert_eq!(rows.len(), ROWS);
    for (number, line) in (1..).zip(&rows) {
        assert_eq!(line["row"], number);
        assert_eq!(
            line["input"],
            json!({ "id": number.to_string(), "word": format!("word{number}") })
        );
        assert_eq!(line["outcome"], json!({ "answer": format!("word{number}") }), "{line}");
        let journal = place.journal(line["run"].as_str().unwrap());
        assert_eq!(journal.matches("started rows").count(), 1, "{journal}");
        assert_eq!(journal.matches("ended ").count(), 1, "{journal}");
    }
}

#[test]
fn killed_twice_no_row_is_lost_or_run_twice() {
    let (server, asked) = server(&[2, 5]);
    let place = place(&server);
    killed(&place, &["--jobs", "1"], &asked);
    assert_eq!(results(&place).len(), 2);
    killed(&place, &["--jobs", "1"], &asked);
    assert_eq!(results(&place).len(), 4);
    let ran = batch(&place, &["--jobs", "1"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(
        ran.err.starts_with(
            "no parameter, carried along: id\n4 of 7 rows are over; going on with the rest\n"
        ),
        "{ran}"
    );
    assert!(ran.err.ends_with("7 of 7 rows have an answer\n"), "{ran}");
    whole(&place);
    // Only what was under way when it was killed was asked again.
    assert_eq!(server.asked().len(), ROWS + 2);
    // What is over is over.
    let ran = batch(&place, &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(server.asked().len(), ROWS + 2);
}

#[test]
fn killed_with_several_rows_under_way() {
    let (server, asked) = server(&[4, 6]);
    let place = place(&server);
    killed(&place, &["--jobs", "3"], &asked);
    killed(&place, &["--jobs", "3"], &asked);
    let ran = batch(&place, &["--jobs", "3"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    whole(&place);
}

/// The process died after a row's run was over, and before or while its result was written.
#[test]
fn a_result_that_was_not_written_is_told_by_the_journal() {
    let (server, _) = server(&[]);
    let place = place(&server);
    assert_eq!(batch(&place, &[]).code, Some(0));
    let text = place.read("out.jsonl");
    place.write("out.jsonl", &text[..text.len() - 40]);
    let ran = batch(&place, &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    whole(&place);
    assert_eq!(server.asked().len(), ROWS, "no row was asked again");
    assert_eq!(place.errand(["runs", "list", "--json"]).lines().len(), ROWS);
}

#[test]
fn what_has_changed_is_told() {
    let (server, asked) = server(&[2]);
    let place = place(&server);
    killed(&place, &["--jobs", "1"], &asked);
    let told = |ran: Ran| {
        assert_eq!(ran.code, Some(2), "{ran}");
        ran.err
    };
    let (rows, agent) = (place.read("rows.csv"), place.read("agent.toml"));
    place.write("rows.csv", rows.replace("word1", "other"));
    let changed = told(batch(&place, &[]));
    // Of a row that was only begun, the run is another one's too.
    place.write("rows.csv", rows.replace("word3", "other"));
    let ran = batch(&place, &["--jobs", "1"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(
        ran.err.contains("row 3: run `") && ran.err.contains("was begun with another agent"),
        "{ran}"
    );
    // That is this row's fault, and none of the others'.
    assert_eq!(results(&place).len(), 6);
    place.write("rows.csv", &rows).write("agent.toml", format!("{agent}max_tokens = 7\n"));
    let other = told(batch(&place, &[]));
    place.write("agent.toml", &agent);
    std::fs::remove_file(place.path("out.jsonl.batch")).unwrap();
    let foreign = told(batch(&place, &[]));
    insta::assert_snapshot!([changed, other, foreign].concat());
    assert!(!place.path("out.jsonl.batch").exists(), "what is refused leaves nothing");
    assert_eq!(server.asked().len(), 3 + 4);
}

#[test]
fn everything_is_checked_before_anything_starts() {
    let (server, _) = server(&[]);
    let place = place(&server);
    let told = |ran: Ran| {
        assert_eq!(ran.code, Some(2), "{ran}");
        ran.err
    };
    let agent = place.read("agent.toml");
    place.write(
        "agent.toml",
        agent.replace("[model]", "[params.count]\ntype = \"integer\"\n[model]"),
    );
    place.write("rows.csv", "word,count\na,1\nb,two\n,3\n@/etc/passwd,4\n");
    let cells = told(batch(&place, &[]));
    place.write("rows.csv", "wrod\na\n");
    let column = told(batch(&place, &["-p", "count=1"]));
    place.write("rows.csv", "word\n");
    let empty = told(batch(&place, &["-p", "count=1"]));
    let price = {
        place.write("rows.csv", "word\na\n");
        told(batch(&place, &["-p", "count=1", "--max-cost-usd", "1"]))
            + &told(batch(&place, &["-p", "count=1", "--max-tokens", "1"]))
    };
    let table = told(place.errand(["batch", "agent.toml", "agent.toml", "--out", "x.jsonl"]));
    insta::assert_snapshot!([cells, column, empty, price, table].join("\n"));
    assert!(server.asked().is_empty() && !place.path("out.jsonl").exists());
}

#[test]
fn rows_without_an_answer_are_listed_and_run_again_when_asked() {
    let place = Place::bare();
    place.agent(
        "task = \"{{ word }}\"\n[params.word]\ntype = \"string\"",
        "[budget]\nsteps = 1\n[output.schema]\ntype = \"object\"\nrequired = [\"n\"]\n\
         properties.n = { type = \"integer\" }",
        &[say("no number")],
    );
    place.write("rows.csv", "word\na\nb\n");
    let ran = batch(&place, &[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    let (_, end) = ran.err.split_once("0 of 2 rows").unwrap();
    insta::assert_snapshot!(end, @r"
     have an answer; 2 without one:
      row 1: the budget's steps were spent
      row 2: the budget's steps were spent
    hint: `--again` runs once more what ended without an answer
    ");
    let first = results(&place);
    assert_eq!(first[0]["reason"], "steps");
    // They are over: nothing is done.
    assert_eq!(batch(&place, &[]).code, Some(1));
    assert_eq!(results(&place), first);
    place.write("replies.jsonl", format!("{}\n", say("{\"n\": 3}")));
    let ran = batch(&place, &["--again", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(ran.lines()[0], json!({ "rows": 2, "answered": 2, "failed": [], "left": 0 }));
    let second = results(&place);
    assert_eq!(second.len(), 2);
    assert_eq!(second[0]["outcome"], json!({ "n": 3 }));
    assert_ne!(second[0]["run"], first[0]["run"]);
}

/// A file that is named for all rows belongs to what the results are of.
#[test]
fn a_file_of_a_parameter_that_has_changed() {
    let (server, _) = server(&[]);
    let place = place(&server);
    let agent = place.read("agent.toml");
    place
        .write("agent.toml", agent.replace("[model]", "[params.tone]\ntype = \"string\"\n[model]"));
    place.write("tone.txt", "@dry\n");
    assert_eq!(batch(&place, &["-p", "tone=@tone.txt"]).code, Some(0));
    assert_eq!(batch(&place, &["-p", "tone=@tone.txt"]).code, Some(0));
    place.write("tone.txt", "wet\n");
    let ran = batch(&place, &["-p", "tone=@tone.txt"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.starts_with("error: the agent is not the one that `out.jsonl`"), "{ran}");
}

/// What rows took that are run again is spent all the same, whenever that was.
#[test]
fn what_was_spent_on_rows_that_are_run_again() {
    let place = Place::bare();
    place.agent(
        "task = \"{{ word }}\"\n[params.word]\ntype = \"string\"",
        "max_tokens = 50\n[budget]\nsteps = 1\ntokens = 5000\n[output.schema]\ntype = \"object\"\n\
         required = [\"n\"]\nproperties.n = { type = \"integer\" }",
        &[say("no number")],
    );
    place.write("rows.csv", "word\na\nb\n");
    assert_eq!(batch(&place, &[]).code, Some(1));
    let took = |line: &Value| {
        let usage = &line["usage"];
        usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap()
    };
    let spent: u64 = results(&place).iter().map(took).sum();
    assert!(spent > 0);
    let most = (5000 + spent - 1).to_string();
    for more in [&["--again", "--max-tokens", &most][..], &["--max-tokens", &most]] {
        let ran = batch(&place, more);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(
            ran.err.contains("is less than one run may take: 2 rows were not begun\n"),
            "{ran}"
        );
        assert_eq!(place.read("out.jsonl"), "");
    }
    place.write("replies.jsonl", format!("{}\n", say("{\"n\": 3}")));
    let most = (5000 + 2 * spent).to_string();
    let ran = batch(&place, &["--again", "--max-tokens", &most, "--jobs", "1"]);
    assert_eq!(ran.code, Some(0), "{ran}");
}

/// The rows that are still to come, and what is said of those that are over.
#[test]
fn an_agent_cannot_write_its_own_batch() {
    let place = Place::new();
    let names = ["rows.csv", "out.jsonl", "out.jsonl.batch"];
    let write =
        |name| crate::place::call([("files.write", json!({ "path": name, "content": "" }))]);
    let mut replies = names.map(write).to_vec();
    replies.push(say("done"));
    place.agent(
        "act = \"tools\"\ntask = \"{{ word }}\"\n[params.word]\ntype = \"string\"",
        "[tools]\nuse = [\"files.write\"]\n[permissions]\nwrite = [\".\"]",
        &replies,
    );
    place.write("rows.csv", "word\na\n");
    let ran = batch(&place, &[]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(place.read("rows.csv"), "word\na\n");
    assert!(!place.read("out.jsonl.batch").is_empty());
    let journal = place.journal(results(&place)[0]["run"].as_str().unwrap());
    for name in names {
        let told = format!("`{name}` is what this run is made of: no agent may write it");
        assert!(journal.contains(&told), "{name}: {journal}");
    }
    // Its results are in its file, and it goes on.
    assert_eq!(batch(&place, &[]).code, Some(0));
}

#[test]
fn a_batch_has_one_budget() {
    let (server, _) = server(&[]);
    let place = place(&server);
    let agent = place.read("agent.toml");
    place.write("agent.toml", agent + "max_tokens = 50\n[budget]\ntokens = 1000\n");
    // Each row takes the 15 tokens that the server reports, and sets 1000 aside meanwhile.
    let ran = batch(&place, &["--jobs", "2", "--max-tokens", "1030"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.err.contains("is less than one run may take: 4 rows were not begun\n"), "{ran}");
    assert_eq!((results(&place).len(), server.asked().len()), (3, 3));
    let ran = batch(&place, &["--max-time", "0s"]);
    assert!(ran.err.contains("error: the time is up: 4 rows did not come to an end\n"), "{ran}");
    assert_eq!(batch(&place, &["--max-tokens", "2000"]).code, Some(0));
    whole(&place);
}

#[test]
fn a_fault_leaves_rows_for_later() {
    let place = Place::bare();
    place.agent("task = \"{{ word }}\"\n[params.word]\ntype = \"string\"", "", &[]);
    let rows: String = (1..=9).map(|row| format!("{{\"word\": \"{row}\"}}\n")).collect();
    place.write("rows.jsonl", rows);
    let args = ["batch", "agent.toml", "rows.jsonl", "--out", "out.jsonl", "--jobs", "1"];
    let ran = place.errand(args);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(
        ran.err.contains("error: one run after the other met a fault: 4 rows were not begun"),
        "{ran}"
    );
    assert_eq!(place.read("out.jsonl"), "");
    place.write("replies.jsonl", format!("{}\n", say("fine")));
    let ran = place.errand(args);
    assert_eq!(ran.code, Some(0), "{ran}");
    let mut rows: Vec<Value> = results(&place).iter().map(|line| line["row"].clone()).collect();
    rows.sort_by_key(Value::as_u64);
    assert_eq!(rows, (1..=9).map(Value::from).collect::<Vec<_>>());
    // The runs that met the fault went on; none was begun a second time.
    assert_eq!(place.errand(["runs", "list", "--json"]).lines().len(), 9);
}

#[test]
fn one_process_works_on_a_batch() {
    let (server, asked) = server(&[0]);
    let place = place(&server);
    let mut child = place
        .command([&BATCH[..], &["--jobs", "1"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    asked.recv().unwrap();
    let other = batch(&place, &[]);
    child.kill().unwrap();
    child.wait().unwrap();
    insta::assert_snapshot!(other.all(), @r"
    exit 2
    --- stderr
    error: another process works on `out.jsonl`
    hint: wait for it, or name another `--out`
    ");
}
