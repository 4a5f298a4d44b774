//! A question to the person behind a run: it waits, it is answered once, and only the person answers it.

use serde_json::{Value, json};

use crate::place::{Place, call, python, say};

fn asking(arguments: Value) -> Place {
    let place = Place::new();
    let replies = [call([("ask.person", arguments)]), say("Noted.")];
    place.agent("act = \"tools\"", "[tools]\nuse = [\"ask.person\"]", &replies);
    place
}

#[test]
fn a_question_waits_and_its_answer_is_what_the_model_is_told() {
    let place = asking(json!({ "question": "Which order?", "choices": ["seven", "eight"] }));
    let ran = place.run();
    assert_eq!(ran.code, Some(3), "{ran}");
    let waits = "a question waits for an answer: Which order? (1: seven, 2: eight)";
    assert_eq!(ran.finished()["detail"], waits);
    let run = ran.run();
    // What is no answer leaves it waiting.
    for (flags, said) in [
        (["--answer", "nine"].as_slice(), "`nine` is none of the choices: `seven`, `eight`"),
        (&["--approve", "c1-0"], "a question waits for an answer, not for a yes: Which order?"),
    ] {
        let refused = place.resume(&run, flags);
        assert_eq!(refused.code, Some(2), "{refused}");
        assert!(refused.err.contains(said) && refused.err.contains("hint: "), "{refused}");
    }
    assert_eq!(place.resume(&run, &[]).code, Some(3));
    let answered = place.resume(&run, &["--answer", "2"]);
    assert_eq!(answered.code, Some(0), "{answered}");
    assert_eq!(answered.observations(), ["eight"]);
    assert_eq!(answered.finished()["outcome"], json!({ "answer": "Noted." }));
    let journal = place.journal(&run);
    let of_call: Vec<&str> = journal.lines().filter(|line| line.contains("c1 ")).collect();
    insta::assert_snapshot!(of_call.join("\n"), @r#"
    judged c1 ask.person{"question":"Which order?","choices":["seven","eight"]} ask: tool `ask.person` waits for a person's answer
    observed c1 ok [host] eight
    "#);
    // It is over: nothing is asked again.
    let again = place.resume(&run, &["--answer", "1"]);
    assert_eq!(
        (again.code, again.finished()["outcome"].clone()),
        (Some(0), json!({ "answer": "Noted." }))
    );
}

#[test]
fn a_person_who_does_not_want_to_answer() {
    let place = asking(json!({ "question": "Your password?" }));
    let run = place.run().run();
    let refused = place.resume(&run, &["--deny"]);
    assert_eq!(refused.code, Some(0), "{refused}");
    assert_eq!(refused.observations(), ["denied: a person said no"]);
}

#[test]
fn an_answer_where_a_yes_is_waited_for() {
    let place = Place::new();
    let replies =
        [call([("files.write", json!({ "path": "out/a", "content": "a" }))]), say("Done.")];
    let tables = "[tools]\nuse = [\"files.write\"]\n[permissions]\nwrite = [\"out\"]\nask = [\"files.write\"]";
    place.agent("act = \"tools\"", tables, &replies);
    let run = place.run().run();
    let refused = place.resume(&run, &["--answer", "yes"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(
        refused.err.contains("call `c1` waits for a yes or a no, not for an answer"),
        "{refused}"
    );
    assert!(!place.path("out/a").exists());
}

#[test]
fn a_constrained_model_asks_like_any_other() {
    let place = Place::new();
    let replies = [
        say("data"),
        say("yes"),
        say("yes"),
        say("once"),
        say(r#"{"question": "How high is the tower?"}"#),
        say("finish"),
        say("30 m"),
        say("know"),
    ];
    place.agent("act = \"stepwise\"", "[tools]\nuse = [\"ask.person\"]", &replies);
    let ran = place.run();
    assert_eq!(ran.code, Some(3), "{ran}");
    let answered = place.resume(&ran.run(), &["--answer", "30 m"]);
    assert_eq!(answered.code, Some(0), "{answered}");
    let outcome = json!({ "answer": "30 m" });
    assert_eq!(answered.finished()["outcome"], outcome);
}

#[test]
fn code_cannot_answer_for_a_person() {
    let place = Place::with_python();
    let replies = [
        python(
            "import errand\ntry:\n    print(ask.person(question='Which?'))\nexcept Exception as e:\n    print(e)",
        ),
        say("I tried"),
    ];
    place.agent("act = \"code\"", "[tools]\nuse = [\"ask.person\", \"python\"]", &replies);
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.observations()[0].contains("waits for a person's answer"), "{ran}");
}
