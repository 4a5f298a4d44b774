//! A unified diff of one file. Its line numbers are hints: models miscount, so a hunk goes where its
//! lines stand, the nearest such place after the hunk before it.

use super::{Part, near};

/// One `@@` of a patch.
#[derive(Debug, Default)]
struct Hunk {
    /// The line that it names, from 1; 0 where it names none.
    at: usize,
    old: String,
    new: String,
    /// How its lines end.
    end: &'static str,
}

/// What the patch replaces, in order.
pub(super) fn parts(path: &str, text: &str, patch: &str) -> Result<Vec<Part>, String> {
    let mut parts: Vec<Part> = Vec::new();
    let mut after = 0;
    for (number, hunk) in hunks(patch)?.into_iter().enumerate() {
        let number = number + 1;
        let start = place(text, &hunk, after).ok_or_else(|| match place(text, &hunk, 0) {
            Some(_) => format!(
                "hunk {number} stands above the one before it in `{path}`: put them in order"
            ),
            None => format!(
                "the old lines of hunk {number} are not in `{path}`{}\nnothing was changed",
                near::shown(text, &hunk.old)
            ),
        })?;
        after = (start + hunk.old.len()).min(text.len());
        let above = match parts.last() {
            Some((range, new)) if range.end == start && new.is_empty() => &text[..range.start],
            Some((range, new)) if range.end == start => new,
            _ => &text[..start],
        };
        let joined = start == text.len() && !above.is_empty() && !above.ends_with('\n');
        let new = if joined { format!("{}{}", hunk.end, hunk.new) } else { hunk.new };
        parts.push((start..after, new));
    }
    Ok(parts)
}

/// Where the hunk's old lines stand: whole lines, nearest to the line that it names.
fn place(text: &str, hunk: &Hunk, after: usize) -> Option<usize> {
    let start_of = |line: usize| {
        let mut ends = text.match_indices('\n').map(|(at, _)| at + 1);
        if line <= 1 { Some(0) } else { ends.nth(line - 2) }
    };
    if hunk.old.is_empty() {
        // Lines that are only added go after the line that is named.
        return if hunk.at == 0 {
            Some(0)
        } else {
            start_of(hunk.at.saturating_add(1)).or(Some(text.len()))
        }
        .filter(|at| *at >= after);
    }
    let named = start_of(hunk.at).unwrap_or(text.len());
    let old = hunk.old.as_str();
    let whole = |at: &usize| {
        let below = text[*at..].get(old.len()..).unwrap_or_default();
        let ends = old.ends_with('\n') || below.is_empty() || below.starts_with(['\r', '\n']);
        ends && (*at == 0 || text.as_bytes()[at - 1] == b'\n')
    };
    let found = text.match_indices(old).map(|(at, _)| at).filter(whole).filter(|at| *at >= after);
    let found = found.min_by_key(|at| at.abs_diff(named));
    // The last line of a file may have no end.
    found.or_else(|| {
        let old = unended(old);
        let at = text.strip_suffix(old)?.len();
        let last = !old.is_empty() && !text.ends_with('\n');
        (last && whole(&at) && at >= after).then_some(at)
    })
}

fn hunks(patch: &str) -> Result<Vec<Hunk>, String> {
    let lines: Vec<&str> = patch.split_inclusive('\n').collect();
    let begins = |at: usize, with: &str| lines.get(at).is_some_and(|line| line.starts_with(with));
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut last = b' ';
    for (at, line) in lines.iter().enumerate() {
        let bare = line.trim_end_matches(['\r', '\n']);
        if let Some(head) = bare.strip_prefix("@@") {
            let numbers = head.trim_start().trim_start_matches('-');
            let digits: String = numbers.chars().take_while(char::is_ascii_digit).collect();
            let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
            hunks.push(Hunk { at: digits.parse().unwrap_or(0), end, ..Hunk::default() });
            continue;
        }
        // What stands above the first hunk names the file, which the call does.
        let Some(hunk) = hunks.last_mut() else { continue };
        // A file's head looks like a line that goes and one that comes.
        let head = begins(at, "--- ") && begins(at + 1, "+++ ") && begins(at + 2, "@@");
        if head || begins(at, "diff ") {
            return Err("the patch is of several files: one call for each".to_string());
        }
        // An editor may have cut the blank before an empty line.
        let kind = bare.bytes().next().unwrap_or(b' ');
        match kind {
            b'-' => hunk.old.push_str(&line[1..]),
            b'+' => hunk.new.push_str(&line[1..]),
            b' ' => {
                let line = if bare.is_empty() { line } else { &line[1..] };
                hunk.old.push_str(line);
                hunk.new.push_str(line);
            }
            // `\ No newline at end of file`
            b'\\' => {
                if last != b'+' {
                    hunk.old.truncate(unended(&hunk.old).len());
                }
                if last != b'-' {
                    hunk.new.truncate(unended(&hunk.new).len());
                }
            }
            _ => {
                return Err(format!(
                    "a line of the patch begins with neither a blank, `-`, `+` nor `@@`: `{bare}`"
                ));
            }
        }
        last = kind;
    }
    if hunks.is_empty() {
        return Err("the patch has no hunk: each begins with a line `@@ -1,3 +1,3 @@`".to_string());
    }
    Ok(hunks)
}

/// Without the end of the last line, and only that one: lines before it may be empty.
fn unended(side: &str) -> &str {
    side.strip_suffix("\r\n").or_else(|| side.strip_suffix('\n')).unwrap_or(side)
}

#[cfg(test)]
mod tests {
    use super::super::changed;
    use crate::types::Change;

    const TEXT: &str = "one\ntwo\nthree\nfour\ntwo\nsix\n";

    fn check(patch: &str, expected: Result<&str, &str>) {
        check_in(TEXT, patch, expected);
    }

    fn check_in(text: &str, patch: &str, expected: Result<&str, &str>) {
        let made = changed("a.md".into(), text, Change::Patch(patch)).map(|(text, _)| text);
        assert_eq!(made, expected.map(str::to_string).map_err(str::to_string), "{patch}");
    }

    #[test]
    fn a_patch_is_applied() {
        check(
            "--- a/a.md\n+++ b/a.md\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n@@ -6 +6,2 @@\n six\n+seven\n",
            Ok("one\n2\nthree\nfour\ntwo\nsix\nseven\n"),
        );
        check("@@ -0,0 +1 @@\n+zero", Ok("zero\none\ntwo\nthree\nfour\ntwo\nsix\n"));
        check("@@ -2,0 +3 @@\n+2.5\n", Ok("one\ntwo\n2.5\nthree\nfour\ntwo\nsix\n"));
        check(
            "@@ -6 +6 @@\n-six\n+6\n\\ No newline at end of file\n",
            Ok("one\ntwo\nthree\nfour\ntwo\n6"),
        );
    }

    #[test]
    fn line_numbers_are_hints() {
        check("@@ -90,1 +7,9 @@\n-three\n+3\n", Ok("one\ntwo\n3\nfour\ntwo\nsix\n"));
        check("@@ @@\n-two\n+2\n", Ok("one\n2\nthree\nfour\ntwo\nsix\n"));
        check("@@ -5 +5 @@\n-two\n+2\n", Ok("one\ntwo\nthree\nfour\n2\nsix\n"));
    }

    #[test]
    fn the_last_line_may_have_no_end() {
        check_in("a\nb", "@@ -2 +2 @@\n-b\n+c\n", Ok("a\nc\n"));
        check_in("a\n\nb", "@@ -2,2 +2,2 @@\n-\n-b\n+\n+c\n", Ok("a\n\nc\n"));
        check_in("a\nb", "@@ -2,0 +3 @@\n+c\n", Ok("a\nb\nc\n"));
        let nothing = "the old lines of hunk 1 are not in `a.md`\nnothing was changed";
        check_in("a\nb\n", "@@ -2 +2 @@\n-\n+x", Err(nothing));
        check_in("a\nb", "@@ -2 +2 @@\n-\n+x", Err(nothing));
        let unended =
            "@@ -1 +1 @@\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n";
        check_in("bb\nb", unended, Ok("bb\nc"));
    }

    #[test]
    fn what_is_added_after_the_last_line_ends_as_the_others_do() {
        check_in("a\r\nb", "@@ -2,0 +3 @@\n+c\n", Ok("a\r\nb\r\nc\r\n"));
        check_in("a\r\nb", "@@ -2,0 +3 @@\n+c\n\\ No newline at end of file\n", Ok("a\r\nb\r\nc"));
    }

    #[test]
    fn hunks_at_the_end_follow_each_other() {
        let two = "@@ -2 +2 @@\n-b\n+B\n@@ -2,0 +3 @@\n+c\n";
        check_in("a\nb", two, Ok("a\nB\nc\n"));
        check_in("a\nb", &two.replace("+B\n", ""), Ok("a\nc\n"));
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        check(
            "@@ -3,2 +3,2 @@\n threee\n-four\n+4\n",
            Err("the old lines of hunk 1 are not in `a.md`; the nearest there is\n\
                 3: three\n4: four\nnothing was changed"),
        );
        check(
            "@@ -6 +6 @@\n-six\n+6\n@@ -1 +1 @@\n-one\n+1\n",
            Err("hunk 2 stands above the one before it in `a.md`: put them in order"),
        );
        check("six", Err("the patch has no hunk: each begins with a line `@@ -1,3 +1,3 @@`"));
        check(
            "@@ -1 +1 @@\n-one\n+1\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-x\n+y\n",
            Err("the patch is of several files: one call for each"),
        );
        check(
            "@@ -1 +1 @@\none\n",
            Err("a line of the patch begins with neither a blank, `-`, `+` nor `@@`: `one`"),
        );
        check(
            "@@ -1 +1 @@\nüber\n-b\n+c",
            Err("a line of the patch begins with neither a blank, `-`, `+` nor `@@`: `über`"),
        );
    }
}
