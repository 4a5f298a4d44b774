//! The page of `errand serve`, driven in a headless Chromium by playwright: `tests/page/check.py` says what
//! is done on it and what must not happen. Where one of the two cannot be had, a test says so.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use server::TokenHash;

use crate::browser;
use crate::place::{Place, call, say};
use crate::serve::client::{ADA, BOB, Serve};
use crate::venv;

/// What drives the browser, and what looks for what keeps people out.
const PACKAGES: [&str; 2] = ["playwright==1.65.2", "axe-playwright-python==0.1.8"];

/// What a model says that means no good: markup that runs, text that is turned around, letters that hide.
const HOSTILE: &str = "bill\u{202e}fdp.exe</script><script>window.ran = 1</script><img src=x onerror=\"window.ran = 1\">\
                       <iframe src=\"javascript:parent.ran=1\"></iframe>[a](javascript:window.ran=1) \
                       \u{2066}\u{200b}end";

const LETTER: &str = "Dear Ada,\n\nthank you for the visit, and for the drawing of the lighthouse. It hangs \
                      above the desk now.\n\nUntil spring\nBob\n";

/// A Python with the packages, in a virtual environment that outlives the tests; `None`, and why on standard
/// error, where it cannot be had.
fn python() -> Option<&'static Path> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made =
        MADE.get_or_init(|| venv::with("page", "playwright, axe_playwright_python", &PACKAGES));
    match made {
        Ok(python) => Some(python),
        Err(reason) => {
            eprintln!("left out: playwright cannot be installed here: {reason}");
            None
        }
    }
}

/// Does a scenario on the page, where this machine has what it needs.
fn check(place: &Place, scenario: &str, mut options: Value) {
    let Some(python) = python() else { return };
    let Some(chromium) = browser::program() else {
        eprintln!("left out: this machine has no Chromium to open the page in");
        return;
    };
    options["chromium"] = json!(which(chromium));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/check.py");
    let ran = Command::new(python)
        .arg(script)
        .args([scenario, &options.to_string()])
        .current_dir(place.path(""))
        .env("ERRAND_HOME", place.home())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{scenario}:\n{out}{err}");
}

/// Where a program of the PATH is.
fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|it| it.is_file()).unwrap()
}

/// Agents that ask, write, speak, cost money and take parameters of all kinds, and a model to talk with.
fn files(place: &Place, users: &str) {
    let asks = |arguments: Value| call([("ask.person", arguments)]);
    let long = format!("{}the end of it", "all of what it writes is shown. ".repeat(110));
    let agents = [
        (
            "clerk",
            "task = \"Ask which order {{ customer }} means.\"\ndescription = \"Finds an order\"\n[params]\n\
             customer = { type = \"string\", description = \"Who ordered\" }",
            "[tools]\nuse = [\"ask.person\"]",
            vec![
                asks(json!({ "question": "Which order?", "choices": ["seven", "eight"] })),
                say("It is order eight."),
            ],
        ),
        (
            "asker",
            "task = \"Ask why.\"",
            "[tools]\nuse = [\"ask.person\"]",
            vec![asks(json!({ "question": "Why?" })), say("So that is why.")],
        ),
        (
            "writer",
            "task = \"Write the letter.\"\ndescription = \"Writes a letter once it may\"",
            "[tools]\nuse = [\"files.write\"]\n[permissions]\nwrite = [\"letters\"]\nask = [\"files.write\"]",
            vec![
                call([("files.write", json!({ "path": "letters/ada.txt", "content": long }))]),
                say("The letter is written."),
            ],
        ),
        (
            "letters",
            "task = \"Thank Ada for the visit, in a letter.\"\ndescription = \"Writes letters once it may\"",
            "[tools]\nuse = [\"files.write\"]\n[permissions]\nwrite = [\"letters\"]\nask = [\"files.write\"]",
            vec![
                call([("files.write", json!({ "path": "letters/ada.md", "content": LETTER }))]),
                say("The letter is in letters/ada.md."),
            ],
        ),
        (
            "hostile",
            "task = \"Repeat {{ what }}\"\n[params]\nwhat = { type = \"string\" }",
            "[tools]\nuse = [\"ask.person\"]",
            vec![asks(json!({ "question": HOSTILE, "choices": [HOSTILE, "other"] })), say(HOSTILE)],
        ),
        (
            "speaker",
            "task = \"Repeat {{ what }}\"\n[params]\nwhat = { type = \"string\" }",
            "",
            vec![say(HOSTILE)],
        ),
        (
            "lighthouses",
            "task = \"Look at the lighthouses, and say how high the highest is.\"\ndescription = \"Reads what is in a folder\"",
            "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"lights.csv\"]\n[budget]\nsteps = 8\ncost_usd = 0.02",
            vec![
                with_usage(
                    call([
                        ("files.read", json!({ "path": "lights.csv" })),
                        ("files.read", json!({ "path": "secret.txt" })),
                    ]),
                    812,
                    46,
                ),
                with_usage(say("The highest is the lighthouse on the cape, 31 m."), 1204, 21),
            ],
        ),
        (
            "many",
            "task = \"{{ text }} {{ count }} {{ share }} {{ names }} {{ sure }}\"\n[params]\n\
             text = { type = \"string\", description = \"What to say\" }\ncount = { type = \"integer\" }\n\
             share = { type = \"number\", default = 0.5 }\nnames = { type = \"list\" }\nsure = { type = \"boolean\" }",
            "",
            vec![say("Done.")],
        ),
    ];
    let mut serve =
        "[models.echo]\nprovider = \"scripted\"\nname = \"echo.jsonl\"\n[limits]\nruns = 32\n"
            .to_string();
    place.write("echo.jsonl", format!("{}\n", say(HOSTILE)));
    place.write("lights.csv", "name,height\ncape,31\nreef,12\n");
    place.write("secret.txt", "nothing for it\n");
    for (name, head, tables, replies) in agents {
        let replies: String = replies.iter().map(|reply| format!("{reply}\n")).collect();
        place.write(format!("{name}.jsonl"), replies);
        let price =
            if name == "lighthouses" { "price = { input = 2.0, output = 8.0 }\n" } else { "" };
        let (head, params) = head.split_once("[params]").unwrap_or((head, ""));
        let params = if params.is_empty() { String::new() } else { format!("[params]{params}\n") };
        place.write(
            format!("{name}.toml"),
            format!(
                "name = \"{name}\"\nact = \"tools\"\n{head}\n{params}[model]\nprovider = \"scripted\"\n\
                 name = \"{name}.jsonl\"\n{price}{tables}\n"
            ),
        );
        serve += &format!("[agents.{name}]\nfile = \"{name}.toml\"\n");
    }
    place.write("serve.toml", serve + users);
}

fn with_usage(mut reply: Value, read: u64, written: u64) -> Value {
    reply["usage"] = json!({ "prompt_tokens": read, "completion_tokens": written });
    reply
}

/// A server with two users, and what the scenarios have to know of it.
fn serving() -> (Place, Serve, Value) {
    let place = Place::new();
    let user = |name: &str, token: &str| {
        format!("[users.{name}]\ntoken_sha256 = \"{}\"\n", TokenHash::of(token).hex())
    };
    files(&place, &(user("ada", ADA) + &user("bob", BOB)));
    let serve = Serve::start(&place);
    let options = json!({
        "url": format!("http://{}", serve.at), "token": ADA, "other": BOB, "hostile": HOSTILE,
    });
    (place, serve, options)
}

fn on_the_page(scenario: &str) {
    let (place, _serve, options) = serving();
    check(&place, scenario, options);
}

#[test]
fn from_the_link_on_a_terminal_to_a_run_in_under_five_clicks() {
    let place = Place::new();
    files(&place, "");
    let server = [env!("CARGO_BIN_EXE_errand"), "serve", "serve.toml", "--listen", "127.0.0.1:0"];
    check(&place, "first_run", json!({ "server": server }));
}

#[test]
fn an_action_is_shown_whole_and_approved() {
    on_the_page("approve");
}

#[test]
fn a_question_is_answered() {
    on_the_page("reply");
}

#[test]
fn markup_and_hidden_letters_of_a_model() {
    on_the_page("hostile");
}

#[test]
fn nothing_keeps_people_out_light_dark_and_on_a_small_screen() {
    on_the_page("looks");
}

#[test]
fn a_connection_that_is_cut_goes_on_where_it_was() {
    on_the_page("cut");
}

#[test]
fn the_run_of_another_user_is_not_on_the_page() {
    on_the_page("owned");
}

#[test]
fn a_run_is_gone_through_again_with_its_budget() {
    on_the_page("replay");
}

#[test]
fn what_was_typed_survives_an_error_and_a_reload() {
    on_the_page("drafts");
}

#[test]
fn what_the_page_writes_out_is_what_a_terminal_is_not_shown() {
    let (place, _serve, mut options) = serving();
    let hides = (0..=u32::from(char::MAX))
        .filter_map(char::from_u32)
        .filter(|letter| guard::hides(*letter));
    let hides: String = hides
        .filter(|letter| !matches!(letter, '\n' | '\t'))
        .map(|letter| format!("{}\n", u32::from(letter)))
        .collect();
    place.write("hides.txt", hides);
    options["hides"] = json!(place.path("hides.txt"));
    check(&place, "letters", options);
}

#[test]
fn a_report_stands_on_the_page_with_its_quotes() {
    let (place, _servers) = crate::research::answered();
    let user = format!("[users.ada]\ntoken_sha256 = \"{}\"\n", TokenHash::of(ADA).hex());
    place.write("serve.toml", format!("[agents.research]\nfile = \"research.toml\"\n{user}"));
    let serve = Serve::start(&place);
    let params = json!({ "question": crate::research::QUESTION });
    let begun = serve.post("/v1/runs", ADA, &json!({ "agent": "research", "params": params }));
    let run = begun.json()["id"].as_str().unwrap().to_string();
    let done = serve.rests(&run, ADA);
    assert_eq!(done["status"], "done", "{done}");
    // Over HTTP as on the page.
    let written = serve.get(&format!("/v1/runs/{run}/report?format=bib"), ADA);
    assert!(written.status == 200 && written.body.contains("@"), "{written:?}");
    serve.get(&format!("/v1/runs/{run}/report?format=doc"), ADA).says(400, "invalid_request");
    let options = json!({
        "url": format!("http://{}", serve.at), "token": ADA, "run": run,
        "says": "The tower of Aveiro is 47 m high.", "quote": "built of granite in 1746",
    });
    check(&place, "report", options);
}

/// The pictures in `docs/images` are made by `ERRAND_PICTURES=docs/images cargo test … pictures`.
#[test]
fn pictures_of_the_documentation() {
    let Some(to) = std::env::var_os("ERRAND_PICTURES") else { return };
    let (place, _serve, mut options) = serving();
    options["to"] = json!(Path::new(env!("CARGO_MANIFEST_DIR")).join(to));
    check(&place, "pictures", options);
}
