//! How a run ends whose budget does: with the last step kept for an answer, or without one.

use super::*;

#[test]
fn the_last_step_is_kept_for_the_answer() {
    let tables = format!("{READ}\n[budget]\nsteps = 2");
    let (ran, journal) = ran(
        &place(),
        BY_TOOLS,
        &tables,
        &[call([read("docs/a.md")]), say("30 m, as far as I can tell")],
    );
    assert_eq!(ran.code, Some(0));
    insta::assert_snapshot!(journal, @r#"
    started test by tools
    thinking 0
    replied 0 "" files.read{"path":"docs/a.md"}
    judged c1 files.read{"path":"docs/a.md"} allow
    acting c1 Reads
    observed c1 ok [file HERE/docs/a.md] The tower is 30 m high.
    thinking 1 (last)
    replied 1 "30 m, as far as I can tell"
    ended {"answer":"30 m, as far as I can tell"}
    "#);
}

#[test]
fn a_last_step_that_is_no_answer_ends_the_run() {
    let tables = format!("{READ}\n[budget]\nsteps = 2");
    let again = || call([read("docs/a.md")]);
    let (ran, journal) = ran(&place(), BY_TOOLS, &tables, &[again(), again(), say("late")]);
    assert_eq!((ran.code, &ran.finished()["reason"]), (Some(1), &json!("steps")));
    assert_eq!(ran.finished()["outcome"], Value::Null);
    insta::assert_snapshot!(journal, @r#"
    started test by tools
    thinking 0
    replied 0 "" files.read{"path":"docs/a.md"}
    judged c1 files.read{"path":"docs/a.md"} allow
    acting c1 Reads
    observed c1 ok [file HERE/docs/a.md] The tower is 30 m high.
    thinking 1 (last)
    replied 1 "" files.read{"path":"docs/a.md"}
    ended steps
    "#);
}

fn costly(mut reply: Value, input: u64, output: u64) -> Value {
    reply["usage"] = json!({ "input": input, "cached": 0, "output": output });
    reply
}

#[test]
fn tokens_end_a_run() {
    let tables = format!("{READ}\n[budget]\ntokens = 20_000");
    let reply = costly(call([read("docs/a.md")]), 15_000, 5_000);
    let (ran, journal) = ran(&place(), BY_TOOLS, &tables, &[reply, say("late")]);
    assert_eq!((ran.code, &ran.finished()["reason"]), (Some(1), &json!("tokens")));
    assert_eq!(ran.finished()["usage"]["input_tokens"], 15_000);
    insta::assert_snapshot!(journal, @r#"
    started test by tools
    thinking 0
    replied 0 "" files.read{"path":"docs/a.md"}
    judged c1 files.read{"path":"docs/a.md"} allow
    acting c1 Reads
    observed c1 ok [file HERE/docs/a.md] The tower is 30 m high.
    ended tokens
    "#);
}

#[test]
fn tokens_nearly_spent_leave_one_call_for_the_answer() {
    let tables = format!("{READ}\n[budget]\ntokens = 20_000");
    let reply = costly(call([read("docs/a.md")]), 15_000, 2_000);
    let (ran, journal) = ran(&place(), BY_TOOLS, &tables, &[reply, say("30 m")]);
    assert_eq!(ran.code, Some(0));
    assert!(journal.contains("thinking 1 (last)"), "{journal}");
}

#[test]
fn money_ends_a_run() {
    let place = place();
    let price = "price = { input = 1.0, output = 2.0 }";
    let reply = costly(call([read("docs/a.md")]), 200_000, 100_000);
    let tables = format!("{price}\n{READ}\n[budget]\ncost_usd = 0.4\ntokens = 9_000_000");
    let (ran, journal) = ran(&place, BY_TOOLS, &tables, &[reply, say("late")]);
    assert_eq!((ran.code, &ran.finished()["reason"]), (Some(1), &json!("cost")), "{journal}");
    assert!((ran.finished()["usage"]["cost_usd"].as_f64().unwrap() - 0.4).abs() < 1e-9);
}

#[test]
fn time_ends_a_run_that_waits() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = place();
    place.write(
        "agent.toml",
        format!(
            "name = \"slow\"\ntask = \"wait\"\n[model]\nprovider = \"openai\"\nname = \"m\"\n\
             base_url = \"http://{}/v1\"\n[budget]\ntime = \"1s\"",
            silent.local_addr().unwrap()
        ),
    );
    let ran = place.run();
    assert_eq!((ran.code, &ran.finished()["reason"]), (Some(1), &json!("time")), "{ran}");
    insta::assert_snapshot!(place.journal(&ran.run()), @r#"
    started slow by tools
    thinking 0
    ended time
    "#);
}
