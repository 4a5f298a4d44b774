//! Steps that are code.

use super::*;

const PYTHON: &str = "[tools]\nuse = [\"files.read\", \"files.write\", \"python\"]\n[permissions]\n\
                      read = [\"docs\"]\nwrite = [\"out\"]";

#[test]
fn a_snippet_opens_files_and_calls_tools() {
    let place = filled(Place::with_python());
    let code = "text = open('docs/a.md').read()\nmore = files.read('docs/b.md')\n\
                files.write('out/c.md', 'both')\nprint(text.strip(), len(text))";
    let mut first = python(code);
    first["content"] = json!(format!("Read both.\n{}", first["content"].as_str().unwrap()));
    let (ran, journal) = ran(&place, BY_CODE, PYTHON, &[first, say("30 m")]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(place.read("out/c.md"), "both");
    insta::assert_snapshot!(journal, @r#"
    started test by code
    thinking 0
    replied 0 "Read both.\n```python\ntext = open('docs/a.md').read()\nmore = files.read('docs/b.md')\nfiles.write('out/c.md', 'both')\nprint(text.strip(), len(text))\n```"
    planned Read both.
    judged c1 python{"code":"text = open('docs/a.md').read()\nmore = files.read('docs/b.md')\nfiles.write('out/c.md', 'both')\nprint(text.strip(), len(text))"} allow
    acting c1 Reads
    judged c1.1 files.read{"path":"docs/b.md"} allow
    acting c1.1 Reads
    observed c1.1 ok [file HERE/docs/b.md] Built in 1874.
    judged c1.2 files.write{"path":"out/c.md","content":"both"} allow
    acting c1.2 Idempotent
    used c1.2 write `HERE/out/c.md` allow
    done c1.2
    observed c1.2 ok [host] {"path":"out/c.md","bytes":4}
    observed c1 ok [host, file HERE/docs/a.md, file HERE/docs/b.md] The tower is 30 m high. 24
    thinking 1
    replied 1 "30 m"
    ended {"answer":"30 m"}
    "#);
}

#[test]
fn a_snippet_that_fails_is_told_where() {
    let place = filled(Place::with_python());
    let code = "n = 1\nprint(n)\nprint(n / 0)";
    let (_, journal) = ran(&place, BY_CODE, PYTHON, &[python(code), say("cannot")]);
    insta::assert_snapshot!(journal, @r#"
    started test by code
    thinking 0
    replied 0 "```python\nn = 1\nprint(n)\nprint(n / 0)\n```"
    judged c1 python{"code":"n = 1\nprint(n)\nprint(n / 0)"} allow
    acting c1 Reads
    observed c1 failed [host] 1⏎line 3: print(n / 0)⏎ZeroDivisionError: division by zero⏎hint: nothing was found to compute with: check what is compared, print a few rows
    thinking 1
    replied 1 "cannot"
    ended {"answer":"cannot"}
    "#);
}
