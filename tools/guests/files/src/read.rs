//! `files.read`: a part of a text file, or of a document as text, by lines; or an image as it is.

use crate::bindings::errand::tool::files;
use crate::image;
use crate::lines::{LONGEST, cut, lines};
use crate::list::walk;
use crate::text::{self, Refused};
use crate::types::{FileText, ReadArguments};

const LINES: u32 = 200;
/// About 12,000 tokens; a part ends at a line before it grows past this.
const BYTES: usize = 48 * 1024;

pub(crate) fn read(arguments: ReadArguments) -> Result<FileText, String> {
    let path = arguments.path;
    let bytes = files::read(&path).map_err(|refused| suggest(&path, refused))?;
    if let Some(image) = image::image(&bytes)? {
        return Ok(FileText { path, image: Some(image), ..FileText::default() });
    }
    let text = match documents::text(&path, &bytes) {
        Some(text) => text.map_err(|what| format!("`{path}` is {what}"))?.into(),
        None => text::decode(&bytes).map_err(|Refused(kind)| {
            format!("`{path}` is no text but {kind} ({} bytes)", bytes.len())
        })?,
    };
    part(path, &text, arguments.start.unwrap_or(1).max(1), arguments.lines.unwrap_or(LINES).max(1))
}

fn part(path: String, text: &str, start: u32, wanted: u32) -> Result<FileText, String> {
    let lines: Vec<&str> = lines(text).collect();
    let total = lines.len() as u32;
    if total == 0 {
        return Ok(FileText { path, ..FileText::default() });
    }
    if start > total {
        return Err(format!("`{path}` has {total} lines, so there is none at {start}"));
    }
    let mut part = String::new();
    let mut end = start - 1;
    for line in lines.iter().skip(start as usize - 1).take(wanted as usize) {
        if !part.is_empty() && part.len() + line.len() > BYTES {
            break;
        }
        if end >= start {
            part.push('\n');
        }
        part.push_str(line);
        end += 1;
    }
    let next = (end < total).then_some(end + 1);
    let note = match cut(text) {
        true => format!(
            "A line of more than {LONGEST} bytes is cut into pieces; each counts as a line."
        ),
        false => String::new(),
    };
    Ok(FileText { path, text: part, start, end, total_lines: total, next, note, image: None })
}

/// The host's own words, and the names that come closest.
fn suggest(path: &str, refused: String) -> String {
    let Ok(entries) = walk(None, 16) else { return refused };
    let wanted = name(path).to_lowercase();
    let stem = wanted.split('.').next().unwrap_or_default();
    let mut near: Vec<(usize, String)> = entries
        .into_iter()
        .filter(|entry| !entry.folder && entry.path != path)
        .filter_map(|entry| {
            let name = name(&entry.path).to_lowercase();
            let distance = strsim::osa_distance(&name, &wanted);
            let near = distance <= 2 + wanted.len() / 4
                || (stem.len() >= 3 && name.contains(stem))
                || entry.path.ends_with(path);
            near.then_some((distance, entry.path))
        })
        .collect();
    near.sort();
    near.truncate(3);
    if near.is_empty() {
        return refused;
    }
    let near: Vec<String> = near.into_iter().map(|(_, path)| format!("`{path}`")).collect();
    format!("{refused}; there is {}", near.join(", "))
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_given_in_parts_that_add_up() {
        let text: String = (1..=450).map(|n| format!("line {n}\n")).collect();
        let (mut start, mut joined) = (1, Vec::new());
        loop {
            let Ok(part) = part("a".into(), &text, start, LINES) else { panic!("{start}") };
            assert_eq!(part.total_lines, 450);
            joined.push(part.text);
            match part.next {
                Some(next) => start = next,
                None => break,
            }
        }
        assert_eq!(joined.len(), 3);
        assert_eq!(joined.join("\n") + "\n", text);
    }

    #[test]
    fn a_file_of_one_line_is_read_to_its_end() {
        let text = "{\"id\": 1, \"name\": \"lamp\"}, ".repeat(9_000);
        let (mut start, mut joined) = (1, String::new());
        loop {
            let Ok(part) = part("a".into(), &text, start, LINES) else { panic!("{start}") };
            assert!(part.note.contains("cut into pieces") && part.text.len() <= BYTES);
            joined += &part.text.replace('\n', "");
            match part.next {
                Some(next) => start = next,
                None => break,
            }
        }
        assert_eq!(joined, text);
        assert!(part("a".into(), "x\ny", 1, 1).is_ok_and(|part| part.note.is_empty()));
    }

    #[test]
    fn the_ends_of_a_file_are_told() {
        assert_eq!(part("a".into(), "", 1, 9).map(|part| part.total_lines), Ok(0));
        assert_eq!(part("a".into(), "x\n\ny", 2, 9).map(|part| part.text), Ok("\ny".into()));
        assert_eq!(
            part("a".into(), "x\ny", 3, 1),
            Err("`a` has 2 lines, so there is none at 3".to_string())
        );
    }
}
