//! What a person sees at the prompt: help, mistakes, exit codes.

use serde_json::{Value, json};

use crate::place::{Place, Ran, call, say};

fn shown(place: &Place, args: &[&str]) -> String {
    place.errand(args).all()
}

#[test]
fn errand_alone() {
    insta::assert_snapshot!(shown(&Place::bare(), &[]), @r#"
    exit 2
    --- stderr
    Runs task agents: a model loops through plan, act and observe, its tools run in a WebAssembly
    sandbox, and nothing happens without a permit

    Usage: errand [OPTIONS] <COMMAND>

    Commands:
      demo         Show a run in a second: a script plays the model, and nothing is fetched
      init         Write an agent file to start from
      run          Run an agent file, or a task
      chat         Talk with an agent: a run that goes on after each answer
      batch        Run an agent file once for each row of a table
      research     Research a question on the web: a report whose citations can be checked
      report       Show a research's report, or check that its citations stand in their sources
      serve        Serve OpenAI's API over local models, and runs of agents, over HTTP
      acp          Let an editor talk to an agent, through the Agent Client Protocol
      validate     Check an agent file, and say what it comes to
      schema       Print the JSON Schema of the agent file
      runs         List, show, resume or remove runs
      models       List, fetch, import, measure or remove local models
      embed        Vectors of texts: print them, search by meaning, find groups and outliers, rerank
      tools        List, add, show, call or test the tools an agent file can name
      mcp          Look at the tools of MCP servers and pin them; offer agents as an MCP server
      doctor       Say what this machine has for errand, what is missing, and how to get it
      self         Show or remove what errand keeps on this machine
      completions  Print shell completions
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Logging:
          --log <FILTER>     Log to standard error: `warn` (the default), `info` (model and tool calls,
                             timed), `debug`
          --log-file <FILE>  Log into this file instead

    Start with:
      errand demo                  see a run in a second; nothing is fetched
      errand init hello            write an agent file to change
      errand run hello/agent.toml  run it on a local model, fetched once
      errand run "…" --read .      do a task that may read this folder, without an agent file
      errand doctor                see what this machine has for that, and what is missing

    Files are kept under ERRAND_HOME (default: ~/.local/share/errand).
    Exit codes: 0 an outcome, 1 ended without one, 2 usage or agent file, 3 waiting for an approval.
    "#);
}

#[test]
fn run_help() {
    insta::assert_snapshot!(shown(&Place::bare(), &["run", "--help"]), @r#"
    exit 0
    --- stdout
    Run an agent file, or a task

    Usage: errand run [OPTIONS] <FILE|TASK>...

    Arguments:
      <FILE|TASK>...  An agent file, and perhaps a task for it; or a task alone. `-`: the task is
                      standard input

    Options:
      -p, --param <KEY=VALUE>  A parameter's value; `key=@file` takes it from a file, `key=@-` from
                               standard input, and a list takes several
          --image <FILE>       A PNG, JPEG, GIF or WebP image that the task is about; several may be
                               given. The model must be one that is shown images
          --model <NAME>       Another model than the agent file's: a catalog name, a path, or the
                               endpoint's id
      -o, --out <FILE>         Write the answer to this file instead of stdout: whole, or not at all
                               where there is none
      -q, --quiet              Print the answer and errors, and nothing of what happens meanwhile
          --json               Print one JSON object a line on stdout: started, plan, call, verdict,
                               log, progress, observation, rejected, note, finished
          --offline            Fetch no model and no runtime: use what is already here
      -h, --help               Print help

    A task without an agent file:
          --read <PATH>   Let it read this file, or folder with all that is in it; may be repeated
          --write <PATH>  Let it write this file, or in this folder; may be repeated
          --net <HOST>    Let it read web pages of this host; may be repeated
          --print         Print the agent file that the task amounts to, and run nothing

    Logging:
          --log <FILTER>     Log to standard error: `warn` (the default), `info` (model and tool calls,
                             timed), `debug`
          --log-file <FILE>  Log into this file instead

    Examples:
      errand run agent.toml -p question="Which lighthouse is the tallest?"
      errand run agent.toml "Which lighthouse is the tallest?"   a task for an agent file
      errand run "Which lighthouse is the tallest?" --read .     no agent file: it may read here
      git diff | errand run "Write a commit message." -p diff=@-
      errand run "List the people in notes.md." --read notes.md --print > people.toml

    An argument that names a file, or that is one word ending in `.toml`, is an agent file; anything
    else of more than one word is a task.
    Exit codes: 0 an outcome, 1 ended without one, 2 usage or agent file, 3 waiting for an approval.
    "#);
}

#[test]
fn runs_help() {
    insta::assert_snapshot!(shown(&Place::bare(), &["runs", "--help"]), @r#"
    exit 0
    --- stdout
    List, show, resume or remove runs

    Usage: errand runs [OPTIONS] <COMMAND>

    Commands:
      list    List the latest runs: how each stands, when it began, what it took and was about
      show    Show every event of a run
      resume  Go on with a run that was interrupted, or that waits for an approval or an answer
      replay  Go through a run again that is over, without a model or a tool; or from an event on, as
              another run
      verify  Find out whether a run's journal is what was written
      export  Write a run into a file, with those of the agents that it called
      import  Take in a run that `export` wrote, to be looked at
      prune   Remove runs for good, with those of the agents that they called
      help    Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help

    Logging:
          --log <FILTER>     Log to standard error: `warn` (the default), `info` (model and tool calls,
                             timed), `debug`
          --log-file <FILE>  Log into this file instead
    "#);
}

#[test]
fn a_wrong_key() {
    let place = Place::bare();
    place.write("agent.toml", "name = \"a\"\ntask = \"b\"\n\n[budget]\nstep = 3\n");
    insta::assert_snapshot!(shown(&place, &["run", "agent.toml"]), @r#"
    exit 2
    --- stderr
    error: agent.toml:5:1: unknown key `step` in `[budget]`
      |
    5 | step = 3
      | ^^^^
    hint: did you mean `steps`?
    "#);
    assert!(!place.home().exists(), "a file that is wrong leaves no run behind");
}

#[test]
fn a_missing_file() {
    insta::assert_snapshot!(shown(&Place::bare(), &["run", "agent.toml"]), @r#"
    exit 2
    --- stderr
    error: agent.toml: no such file
    hint: `errand init agent.toml` writes one to begin with
    "#);
}

#[test]
fn a_parameter_that_is_not_given() {
    let place = Place::bare();
    let head = "[params.question]\ntype = \"string\"\nrequired = true";
    place.agent(head, "", &[say("x")]);
    insta::assert_snapshot!(shown(&place, &["run", "agent.toml"]), @r#"
    exit 2
    --- stderr
    error: agent.toml:3:9: the parameter `question` was given no value
      |
    3 | [params.question]
      |         ^^^^^^^^
    hint: add `-p question=…`, or `-p question=@FILE`
    "#);
    insta::assert_snapshot!(shown(&place, &["run", "agent.toml", "-p", "question"]), @r#"
    exit 2
    --- stderr
    error: `-p question` is no `key=value`
    hint: write `-p question="…"`
    "#);
    insta::assert_snapshot!(shown(&place, &["run", "agent.toml", "-p", "qestion=x"]), @r#"
    exit 2
    --- stderr
    error: -p qestion=x: unknown parameter `qestion`
    hint: did you mean `question`?
    "#);
}

#[test]
fn a_model_that_is_missing_and_may_not_be_fetched() {
    let place = Place::bare();
    place.write("agent.toml", "name = \"a\"\ntask = \"b\"\n");
    let mut command = place.command(["run", "agent.toml", "--offline"]);
    let ran = place.ran(&command.env_remove("ORT_DYLIB_PATH").output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran}");
    insta::assert_snapshot!(ran.all(), @r#"
    exit 1
    --- stderr
    error: `onnxruntime` is not on this machine and `--offline` forbids fetching it: run once without `--offline`
    "#);
}

#[test]
fn a_model_that_nobody_knows() {
    let place = Place::bare();
    place.write("agent.toml", "name = \"a\"\ntask = \"b\"\n[model]\nname = \"qwen\"\n");
    insta::assert_snapshot!(shown(&place, &["run", "agent.toml"]), @r#"
    exit 2
    --- stderr
    error: agent.toml:4:8: unknown model `qwen`
      |
    4 | name = "qwen"
      |        ^^^^^^
    hint: did you mean `qwen3-4b`? a path begins with `./`, a hub repository is `owner/name`
    "#);
}

#[test]
fn usage_that_cannot_be_meant() {
    let place = Place::bare();
    insta::assert_snapshot!(shown(&place, &["fly"]), @r#"
    exit 2
    --- stderr
    error: unrecognized subcommand 'fly'

    Usage: errand [OPTIONS] <COMMAND>

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(shown(&place, &["runs", "resume", "x", "--approve", "c1-0", "--deny"]), @r#"
    exit 2
    --- stderr
    error: the argument '--approve [<CALL>]' cannot be used with '--deny'

    Usage: errand runs resume --approve [<CALL>] <ID>

    For more information, try '--help'.
    "#);
}

#[test]
fn a_run_that_does_not_exist() {
    let place = Place::bare();
    insta::assert_snapshot!(shown(&place, &["runs", "resume", "nosuch"]), @r#"
    exit 1
    --- stderr
    error: there is no run `nosuch`
    hint: `errand runs list` names the runs
    "#);
    insta::assert_snapshot!(shown(&place, &["runs", "show", "nosuch"]), @r#"
    exit 1
    --- stderr
    error: there is no run `nosuch`
    hint: `errand runs list` names the runs
    "#);
    insta::assert_snapshot!(shown(&place, &["runs", "list"]), @r#"
    exit 0
    --- stderr
    no runs yet; `errand run FILE` makes one
    "#);
}

/// Without what differs from run to run, or with each change of the prompt: the run's name, the
/// tokens and the time.
fn steady(ran: &Ran) -> String {
    let first = ran.err.lines().next().unwrap_or_default();
    let (_, run) = first.rsplit_once(" · run ").unwrap();
    let steady = ran
        .all()
        .replace(run, "ID")
        .lines()
        .map(|line| match line.split_once(", ") {
            Some((steps, rest)) if rest.contains(" tokens read, ") => format!("{steps}, …"),
            _ => line.to_string(),
        })
        .collect::<Vec<_>>();
    steady.join("\n")
}

#[test]
fn a_run_as_a_person_sees_it() {
    let place = Place::new();
    place.write("docs/a.md", "The tower is 30 m high.\n");
    let mut first = call([
        ("files.read", json!({ "path": "docs/a.md" })),
        ("files.read", json!({ "path": "/etc/passwd" })),
    ]);
    first["content"] = json!("Read the file.");
    let tables = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]";
    place.agent("act = \"tools\"", tables, &[first, say("30 m")]);
    insta::assert_snapshot!(steady(&place.errand(["run", "agent.toml"])), @r#"
    exit 0
    --- stdout
    30 m
    --- stderr
    test · replies.jsonl · run ID
      plan     Read the file.
      call     c1 files.read {"path":"docs/a.md"}
      allowed  c1
      call     c2 files.read {"path":"/etc/passwd"}
      denied   c2 tool `files.read` may not read `/etc/passwd`; hint: add it to [permissions] read
      saw      c1 The tower is 30 m high.
      2 steps, …
    "#);
}

#[test]
fn a_run_that_waits_as_a_person_sees_it() {
    let place = Place::new();
    place.write("out/.keep", "");
    let tables = "[tools]\nuse = [\"files.write\"]\n[permissions]\nwrite = [\"out\"]\n\
                  ask = [\"files.write\"]";
    let first = call([("files.write", json!({ "path": "out/a.md", "content": "x" }))]);
    place.agent("act = \"tools\"", tables, &[first, say("written")]);
    let ran = place.errand(["run", "agent.toml"]);
    assert_eq!(ran.code, Some(3));
    insta::assert_snapshot!(steady(&ran), @r#"
    exit 3
    --- stderr
    test · replies.jsonl · run ID
      call     c1 files.write {"path":"out/a.md","content":"x"}
      asks     c1 tool `files.write` needs a person's yes
      1 step, …
    call `c1` waits for approval: tool `files.write` needs a person's yes
    hint: `errand runs resume ID --approve c1-3986d52a65ed` or `--deny` goes on
    "#);
}

#[test]
fn a_budget_that_is_spent_as_a_person_sees_it() {
    let place = Place::new();
    let tables = "[tools]\nuse = [\"files.read\"]\n[budget]\nsteps = 1";
    let first = call([("files.read", json!({ "path": "a.md" }))]);
    place.agent("act = \"tools\"", tables, &[first]);
    let ran = place.errand(["run", "agent.toml"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(steady(&ran), @r#"
    exit 1
    --- stderr
    test · replies.jsonl · run ID
      rejected The budget is nearly spent. Do not act any more: give the best answer that you have now.
      1 step, …
    error: the budget's steps were not enough for an answer
    hint: raise [budget] steps in the agent file
    "#);
}

#[test]
fn an_agent_file_that_is_right() {
    let place = Place::bare();
    place.write("docs/a.md", "a");
    let tables = "[tools]\nuse = [\"files.read\"]\n[permissions]\nread = [\"docs\"]";
    place.agent("act = \"tools\"", tables, &[say("x")]);
    insta::assert_snapshot!(shown(&place, &["validate", "agent.toml"]), @r#"
    exit 0
    --- stdout
    ok: agent.toml
      agent      test
      model      replies.jsonl (scripted)
      acts by    tool calls
      tools      files.read
      may read   docs
      may write  nothing
      may reach  nothing
      budget     16 steps, 200000 tokens, 600 s
      outcome    {"answer": text}
    "#);
}

#[test]
fn a_fresh_agent_is_right() {
    let place = Place::bare();
    insta::assert_snapshot!(shown(&place, &["init", "hello"]), @r#"
    exit 0
    --- stdout
    wrote hello/agent.toml
    wrote hello/docs/lighthouses.csv

    check it: errand validate hello/agent.toml
    run it:   errand run hello/agent.toml
    "#);
    insta::assert_snapshot!(shown(&place, &["validate", "hello/agent.toml"]), @"
    exit 0
    --- stdout
    ok: hello/agent.toml
      agent      hello
      model      qwen2.5-coder-1.5b (onnx)
      acts by    step by step
      tools      files.list, files.search, files.read, python
      may read   docs
      may write  nothing
      may reach  nothing
      budget     14 steps, 200000 tokens, 600 s
      outcome    satisfies its schema
    ");
    insta::assert_snapshot!(shown(&place, &["init", "hello"]), @r#"
    exit 2
    --- stderr
    error: `hello/agent.toml` is already there
    hint: `errand init` never overwrites: name another file or folder
    "#);
}

#[test]
fn the_tools_there_are() {
    insta::assert_snapshot!(shown(&Place::bare(), &["tools", "list"]), @r#"
    exit 0
    --- stdout
    files.list     Lists files and folders with their sizes.
    files.search   Finds the passages of all files that fit a question best. Takes plain words; rows of tables come with their header.
    files.read     Reads a file as text, 200 lines at a time: text, PDF, Word, Excel, PowerPoint, OpenDocument, EPUB, notebook or e-mail.
    files.write    Creates a text file, or replaces the whole of it.
    files.edit     Changes a part of a text file: replaces `old`, which must be there exactly once, by `new`; or applies a patch.
    files.move     Moves or renames a file or folder. The folders of the new path are made.
    files.delete   Deletes a file or an empty folder.
    data.search    Finds the passages of all files that are nearest in meaning to some words, also where they use other words.
    data.cluster   Groups the texts of a file by what they mean: rows of a table, JSON lines, lines or passages. Each group has a label and examples.
    data.outliers  Finds the most unusual texts of a file: rows of a table, JSON lines, lines or passages that are like no other.
    web.search     Searches the web for pages. Read the ones that fit with web.read.
    web.read       Reads a web page, PDF or feed as Markdown with its links.
    web.page       Reads the whole of a web page, with what a citation of it needs.
    data.tables    Shows the tables in CSV, TSV, JSON, JSON Lines, Parquet and SQLite files: their columns and first rows.
    data.query     Runs SQL over the tables that `data.tables` shows: sums, counts, joins, filters. A table has its file's name without the ending.
    ask.person     Asks the person a question that no other tool can answer, and waits for the answer.
    run.program    Runs a program of this machine to its end, without a shell.
    python         Runs Python code with the standard library and open() on the agent's files.
    "#);
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = Place::bare().errand(["completions", shell]);
        assert!(ran.code == Some(0) && ran.out.contains("resume"), "{shell}: {ran}");
    }
}

#[test]
fn the_schema_is_a_schema() {
    let ran = Place::bare().errand(["schema"]);
    let schema: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(schema["properties"]["act"]["description"].is_string());
    jsonschema::validator_for(&schema).unwrap();
}
