//! The pages do what they show. Each page gets a folder of its own: a fenced block whose info string
//! is `LANG FILE` becomes that file, a `console` block holds commands after `$ ` (`> ` goes on with
//! one) and what they print, both streams as they come. `[..]` stands for anything on a line, a line
//! `...` for any lines.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tools::author::Language;

use crate::author::lacks;
use crate::place::Place;

/// A fenced block of a page.
struct Block {
    /// Its line in the page, from 1.
    line: usize,
    info: String,
    text: String,
}

/// A command and what it shall print.
struct Shown {
    line: usize,
    command: String,
    expected: Vec<String>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = (1..).zip(page.lines());
    while let Some((line, opening)) = lines.next() {
        let ticks = opening.chars().take_while(|c| *c == '`').count();
        if ticks < 3 {
            continue;
        }
        let fence = "`".repeat(ticks);
        let inside = lines.by_ref().map(|(_, text)| text).take_while(|text| *text != fence);
        let text = inside.flat_map(|text| [text, "\n"]).collect();
        found.push(Block { line, info: opening[ticks..].trim().to_string(), text });
    }
    found
}

fn commands(block: &Block) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    for (line, text) in (block.line + 1..).zip(block.text.lines()) {
        match (text.strip_prefix("$ "), text.strip_prefix("> "), found.last_mut()) {
            (Some(command), ..) => {
                found.push(Shown { line, command: command.to_string(), expected: Vec::new() });
            }
            (None, Some(more), Some(last)) if last.expected.is_empty() => {
                last.command += "\n";
                last.command += more;
            }
            (None, _, Some(last)) => last.expected.push(text.to_string()),
            (None, _, None) => panic!("line {line}: output before any command"),
        }
    }
    found
}

/// Whether what was printed is what the page shows.
fn fits(expected: &[String], printed: &[&str]) -> bool {
    match (expected.split_first(), printed.split_first()) {
        (None, printed) => printed.is_none(),
        (Some((first, rest)), _) if first == "..." => {
            (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..]))
        }
        (Some((first, rest)), Some((line, others))) => line_fits(first, line) && fits(rest, others),
        (Some(_), None) => false,
    }
}

fn line_fits(expected: &str, line: &str) -> bool {
    match expected.split_once("[..]") {
        None => expected.trim_end() == line.trim_end(),
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.into_iter().any(|at| line_fits(after, &rest[at..]))
        }),
    }
}

/// Runs a page; what differs, one text each.
fn differences(name: &str, page: &str, place: &Place) -> Vec<String> {
    differences_in(&place.home(), name, page, place)
}

/// Likewise, with this `ERRAND_HOME`.
fn differences_in(home: &Path, name: &str, page: &str, place: &Place) -> Vec<String> {
    let mut path = OsString::from(Path::new(env!("CARGO_BIN_EXE_errand")).parent().unwrap());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut found = Vec::new();
    for block in blocks(page) {
        match block.info.split_once(' ') {
            Some((_, file)) if !file.contains(' ') => {
                place.write(file, &block.text);
            }
            _ if block.info == "console" => {
                for Shown { line, command, expected } in commands(&block) {
                    let output = Command::new("bash")
                        .args(["-c", &format!("exec 2>&1\n{command}")])
                        .current_dir(place.path(""))
                        .env("PATH", &path)
                        .env("ERRAND_HOME", home)
                        // What a Rust tool depends on is compiled once for all projects.
                        .env("CARGO_TARGET_DIR", crate::author::home().join("target"))
                        .env_remove("ERRAND_SOURCES")
                        .env_remove("ORT_DYLIB_PATH")
                        .env_remove("HF_ENDPOINT")
                        .stdin(std::process::Stdio::null())
                        .output()
                        .unwrap();
                    let printed = String::from_utf8_lossy(&output.stdout);
                    let lines: Vec<&str> = printed.trim_end().lines().collect();
                    let mut expected: Vec<String> = expected;
                    while expected.last().is_some_and(|line| line.trim().is_empty()) {
                        expected.pop();
                    }
                    if !fits(&expected, &lines) {
                        let expected = expected.join("\n");
                        found.push(format!(
                            "{name}:{line}: $ {command}\n--- the page\n{expected}\n--- the program\n{}",
                            printed.trim_end()
                        ));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<PathBuf> = ["README.md", "docs"]
        .iter()
        .map(|name| root.join(name))
        .flat_map(|path| match fs::read_dir(&path) {
            Ok(folder) => folder.map(|entry| entry.unwrap().path()).collect(),
            Err(_) => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|end| end == "md") && path.exists())
        .collect();
    found.sort();
    found
}

#[test]
fn every_page_shows_what_happens() {
    let mut found = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        // It has a test of its own: it needs compilers.
        let own = path.ends_with("custom-tool.md");
        if !own && blocks(&page).iter().any(|block| block.info == "console") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.extend(differences(&name, &page, &Place::with_python()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

/// The page on tools of one's own: what is before its first heading, then the part of one language.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_tool_in(language: Language, heading: &str) {
    if let Some(program) = lacks(language) {
        eprintln!("skipped: docs/custom-tool.md in {language}: `{program}` does not start here");
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/custom-tool.md");
    let page = fs::read_to_string(path).unwrap();
    let mut parts = page.split("\n## ");
    let before = parts.next().unwrap();
    let own = parts.find(|part| part.starts_with(&format!("{heading}\n"))).unwrap();
    let name = format!("custom-tool.md, {heading}");
    let home = crate::author::home();
    let found = differences_in(&home, &name, &format!("{before}\n## {own}"), &Place::bare());
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

#[test]
fn a_tool_of_ones_own_in_rust() {
    a_tool_in(Language::Rust, "Rust");
}

#[test]
fn a_tool_of_ones_own_in_python() {
    a_tool_in(Language::Python, "Python");
}

#[test]
fn a_tool_of_ones_own_in_javascript() {
    a_tool_in(Language::Javascript, "JavaScript");
}

const PAGE: &str = r#"# A page

```toml deep/agent.toml
name = "page"
task = "go"
[model]
provider = "scripted"
name = "script.jsonl"
```

````jsonl deep/script.jsonl
{"content": "```there```"}
````

```console
$ errand run deep/agent.toml
page · script.jsonl · run [..]
  1 step, [..] s
$ errand validate deep/agent.toml | grep -c agent; echo \
> "exit $?"
2
exit 0
$ seq 9
1
...
8
[..]
```

```sh
exit 1
```
"#;

#[test]
fn a_page_is_run() {
    let found = differences("page", PAGE, &Place::new());
    // The answer is on stdout, and the page does not show it.
    assert_eq!(found.len(), 1, "{}", found.join("\n\n"));
    assert!(found[0].starts_with("page:16: $ errand run deep/agent.toml\n--- the page\npage · "));
    let right = PAGE.replace("  1 step, [..] s\n", "```there```\n  1 step, [..] s\n");
    let found = differences("page", &right, &Place::new());
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

#[test]
fn what_a_page_leaves_out() {
    let fits = |expected: &str, printed: &str| {
        let expected: Vec<String> = expected.lines().map(str::to_string).collect();
        fits(&expected, &printed.lines().collect::<Vec<_>>())
    };
    assert!(fits("a [..] c [..]", "a b c "));
    assert!(!fits("a [..] c", "a b d"));
    assert!(fits("a\n...\nz", "a\nz") && fits("a\n...\nz", "a\nb\nc\nz"));
    assert!(!fits("a\n...\nz", "a\nb") && !fits("a", "a\nb") && !fits("a\nb", "a"));
}
