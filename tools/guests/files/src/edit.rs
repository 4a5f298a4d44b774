//! `files.edit`: a text is replaced where it stands, or a patch is applied. All of it or nothing; what
//! does not fit is told with the lines that come closest.

mod near;
mod patch;

use std::ops::Range;

use crate::bindings::errand::tool::files;
use crate::types::{Change, EditArguments, Edited};

/// Changed places that are shown.
const SHOWN: usize = 3;
/// Lines of one place that are shown.
const LINES: usize = 12;

/// A part of the old text, in bytes, and what takes its place.
type Part = (Range<usize>, String);

pub(crate) fn edit(arguments: EditArguments) -> Result<Edited, String> {
    let path = arguments.path.clone();
    let change = arguments.change()?;
    let bytes = files::read(&path)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        format!("`{path}` is not text in UTF-8, so a part of it cannot be replaced")
    })?;
    let (text, edited) = changed(path, &text, change)?;
    files::write(&edited.path, text.as_bytes())?;
    Ok(edited)
}

/// The new text, and what is said of it.
fn changed(path: String, text: &str, change: Change<'_>) -> Result<(String, Edited), String> {
    // A model writes `\n` wherever it read a line's end.
    let windows = text.contains("\r\n") && !text.replace("\r\n", "").contains('\n');
    let ends = |written: &str| match windows {
        true => written.replace("\r\n", "\n").replace('\n', "\r\n"),
        false => written.to_string(),
    };
    let parts = match change {
        Change::Replace { old, new, everywhere } => {
            replaced(&path, text, &ends(old), &ends(new), everywhere)?
        }
        Change::Patch(patch) => {
            let patch = format!("{}\n", patch.trim_end_matches(['\r', '\n']));
            patch::parts(&path, text, &ends(&patch))?
        }
    };
    let mut made = String::with_capacity(text.len());
    let mut places = Vec::new();
    let mut done = 0;
    for (range, new) in &parts {
        made.push_str(&text[done..range.start]);
        let start = made.len();
        made.push_str(new);
        places.push(start..made.len());
        done = range.end;
    }
    made.push_str(&text[done..]);
    if made == text {
        return Err(format!("`{path}` would stay as it is: old and new text are the same"));
    }
    let shown: Vec<String> =
        places.iter().take(SHOWN).map(|place| numbered(&made, place.clone())).collect();
    let edited = Edited { path, changes: parts.len() as u32, text: shown.join("\n…\n") };
    Ok((made, edited))
}

fn replaced(
    path: &str,
    text: &str,
    old: &str,
    new: &str,
    everywhere: bool,
) -> Result<Vec<Part>, String> {
    if old.is_empty() {
        return Err("`old` is empty: say which text to replace".to_string());
    }
    let found: Vec<usize> = text.match_indices(old).map(|(at, _)| at).collect();
    match found.as_slice() {
        [] => Err(format!("`old` is not in `{path}`{}", near::shown(text, old))),
        [_] => Ok(()),
        _ if everywhere => Ok(()),
        many => {
            let lines: Vec<String> =
                many.iter().take(5).map(|at| line(text, *at).to_string()).collect();
            let more = if many.len() > lines.len() { ", …" } else { "" };
            Err(format!(
                "`old` is in `{path}` {} times, at lines {}{more}: take more of the text around the \
                 one that is meant into `old`, or set `all` to replace each",
                many.len(),
                lines.join(", ")
            ))
        }
    }?;
    Ok(found.into_iter().map(|at| (at..at + old.len(), new.to_string())).collect())
}

/// The number of the line that a byte is in, from 1.
fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The lines that a part of the text is in, and one before and after it, with their numbers.
fn numbered(text: &str, part: Range<usize>) -> String {
    let first = line(text, part.start).saturating_sub(1).max(1);
    let last = line(text, part.end) + 1;
    lines(text, first..=last)
}

/// Some lines with their numbers; of many the first.
fn lines(text: &str, wanted: std::ops::RangeInclusive<usize>) -> String {
    let (first, count) = (*wanted.start(), wanted.end() + 1 - wanted.start());
    let all = text.lines().enumerate().skip(first - 1).take(count);
    let mut shown: Vec<String> =
        all.take(LINES).map(|(number, line)| format!("{}: {line}", number + 1)).collect();
    if count > LINES {
        shown.push("…".to_string());
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Orders\n\n7: 40 lamps\n8: 3 ladders\n9: 40 lamps\n";

    fn check(old: &str, new: &str, everywhere: bool, expected: Result<&str, &str>) {
        let change = Change::Replace { old, new, everywhere };
        let made = changed("a.md".into(), TEXT, change).map(|(text, _)| text);
        assert_eq!(made, expected.map(str::to_string).map_err(str::to_string), "{old}");
    }

    #[test]
    fn a_text_that_is_there_once_is_replaced() {
        check(
            "3 ladders",
            "4 ladders",
            false,
            Ok("# Orders\n\n7: 40 lamps\n8: 4 ladders\n9: 40 lamps\n"),
        );
        check("7: 40 lamps\n", "", false, Ok("# Orders\n\n8: 3 ladders\n9: 40 lamps\n"));
        check(
            "lamps",
            "lights",
            true,
            Ok("# Orders\n\n7: 40 lights\n8: 3 ladders\n9: 40 lights\n"),
        );
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_comes_closest() {
        check(
            "40 lamps",
            "41 lamps",
            false,
            Err(
                "`old` is in `a.md` 2 times, at lines 3, 5: take more of the text around the one that \
                 is meant into `old`, or set `all` to replace each",
            ),
        );
        check(
            "8: 3 laders",
            "",
            false,
            Err("`old` is not in `a.md`; the nearest there is\n4: 8: 3 ladders"),
        );
        check("zzzz", "", false, Err("`old` is not in `a.md`"));
        check("", "x", false, Err("`old` is empty: say which text to replace"));
        check(
            "lamps",
            "lamps",
            true,
            Err("`a.md` would stay as it is: old and new text are the same"),
        );
    }

    #[test]
    fn the_lines_around_a_change_are_shown() {
        let change = Change::Replace { old: "lamps", new: "lights", everywhere: true };
        let Ok((_, edited)) = changed("a".into(), TEXT, change) else { panic!() };
        assert_eq!(edited.changes, 2);
        assert_eq!(
            edited.text,
            "2: \n3: 7: 40 lights\n4: 8: 3 ladders\n…\n4: 8: 3 ladders\n5: 9: 40 lights"
        );
    }

    #[test]
    fn a_file_keeps_its_line_ends() {
        let change = Change::Replace { old: "a\nb", new: "c\nd", everywhere: false };
        let made = changed("a".into(), "a\r\nb\r\n", change).map(|(text, _)| text);
        assert_eq!(made.as_deref(), Ok("c\r\nd\r\n"));
        let patch = Change::Patch("@@ -1,2 +1,2 @@\n a\n-b\n+x\n");
        let made = changed("a".into(), "a\r\nb\r\n", patch).map(|(text, _)| text);
        assert_eq!(made.as_deref(), Ok("a\r\nx\r\n"));
    }
}
