//! What is wrong with the wording of a text, before it is written or sent: a sentence for the model. Whether what it says is
//! made up is told by [`grounding`](super::grounding).

use serde_json::Value;

use super::folder::alike;
use text::rank;

/// Whether a call writes a CSV file.
fn writes_csv(arguments: &Value) -> bool {
    arguments["path"].as_str().is_some_and(|path| path.to_lowercase().ends_with(".csv"))
}

/// The content of a CSV file, where it is a table as results show it, with a `|` between its values: a small model
/// copies that.
pub(super) fn as_csv(arguments: &Value, text: &str) -> Option<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let bars = |line: &&str| line.contains('|') && !line.chars().all(|c| "|-: ".contains(c));
    let rows: Vec<Vec<&str>> = lines
        .clone()
        .filter(bars)
        .map(|line| {
            // As Markdown has it; a `|` at the end alone is before a value that is empty.
            let own = line.strip_prefix('|').map(|rest| rest.strip_suffix('|').unwrap_or(rest));
            own.unwrap_or(line).split('|').map(str::trim).collect()
        })
        .collect();
    let columns = rows.first().filter(|row| row.len() > 1)?.len();
    // What is said below a table, as how many rows it has, is no row; anything else is not known here.
    let others = lines.filter(|line| !line.contains('|') && !line.starts_with('['));
    if !writes_csv(arguments) || others.count() > 0 || rows.iter().any(|row| row.len() != columns) {
        return None;
    }
    let mut csv = csv::Writer::from_writer(Vec::new());
    rows.iter().try_for_each(|row| csv.write_record(row)).ok()?;
    String::from_utf8(csv.into_inner().ok()?).ok()
}

/// The whole table, where the content of a CSV file is the header alone of a table that a result shows: that header
/// says that all of it is meant.
pub(super) fn with_rows<'a>(
    arguments: &Value,
    text: &str,
    mut results: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let names = |line: &str| -> Vec<String> {
        line.split(',').map(|name| name.trim().to_lowercase()).collect()
    };
    let header = names(text.trim());
    if text.trim().lines().count() != 1 {
        return None;
    }
    results.find_map(|result| {
        let table = as_csv(arguments, result)?;
        let (own, rows) = table.split_once('\n')?;
        (names(own) == header && !rows.is_empty()).then_some(table.clone())
    })
}

/// What is wrong with the content of a CSV file: a small model ends after the header though something was looked up,
/// and where that failed too.
pub(super) fn no_csv(arguments: &Value, text: &str, looked: bool) -> Option<String> {
    if !writes_csv(arguments) {
        return None;
    }
    if text.contains('|') && !text.contains([',', ';']) {
        return Some("a CSV file has commas between its values, and no `|`".to_string());
    }
    let rows = text.lines().skip(1).any(|line| !line.trim().is_empty());
    (looked && !rows).then(|| "the table has a header and no rows".to_string())
}

/// What a text does not say of what the task says that it should: of the words behind a "that" some are in it, and
/// these are not.
pub(super) fn left_out(task: &str, text: &str) -> Option<String> {
    const THAT: [&str; 8] = ["that", "dass", "daß", "que", "che", "dat", "att", "że"];
    let words: Vec<&str> = task.split_inclusive(char::is_whitespace).collect();
    let is_that =
        |word: &&str| THAT.contains(&word.trim().trim_matches(',').to_lowercase().as_str());
    let behind = words[words.iter().rposition(is_that)? + 1..].concat();
    let clause = behind.split(['.', '!', '?', ';', '\n']).next().unwrap_or_default();
    let said = rank::words(text);
    let is_said = |word: &String| said.iter().any(|said| alike(said, word));
    let asked = rank::words(clause);
    let missing = asked.iter().filter(|word| !is_said(word)).count();
    // Where none is, it is in another language.
    (0 < missing && missing < asked.len())
        .then(|| format!("it does not say that {}", clause.trim()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{as_csv, left_out, no_csv, with_rows};

    #[test]
    fn a_header_means_the_table_that_has_it() {
        let csv = json!({ "path": "out/km.csv" });
        let results = ["nothing", "rider | km\nOle | 12\n[1 row]", "rider | km\n[no rows]"];
        let made = |text: &str| with_rows(&csv, text, results.into_iter());
        assert_eq!(made("Rider, km\n").as_deref(), Some("rider,km\nOle,12\n"));
        for other in ["rider", "km,rider", "rider,km\nIda,3", ""] {
            assert_eq!(made(other), None, "{other}");
        }
    }

    #[test]
    fn a_table_as_it_is_shown_is_made_one() {
        let csv = json!({ "path": "out/km.csv" });
        let made = |text: &str| as_csv(&csv, text);
        let expected = "rider,km\n\"Ole, the \"\"Red\"\"\",12\nIda,\n";
        assert_eq!(
            made("rider | km\nOle, the \"Red\" | 12\nIda | \n[2 rows]").as_deref(),
            Some(expected)
        );
        assert_eq!(
            made("| rider | km |\n|---|---:|\n| Ole | 12 |").as_deref(),
            Some("rider,km\nOle,12\n")
        );
        for other in ["rider,km\nOle,12", "a | b\nc", "a | b\nc | d | e", "Riders:\na | b", ""] {
            assert_eq!(made(other), None, "{other}");
        }
        assert_eq!(as_csv(&json!({ "path": "out/km.md" }), "a | b\nc | d"), None);
    }

    #[test]
    fn a_table_as_it_is_shown_is_no_csv() {
        let csv = json!({ "path": "out/km.csv" });
        assert!(no_csv(&csv, "rider | km\nOle | 12", true).is_some());
        assert_eq!(no_csv(&csv, "rider,km\nOle,12", true), None);
        assert_eq!(no_csv(&json!({ "path": "out/km.md" }), "rider | km", true), None);
        // A header alone is a table only where there is nothing to put in it.
        assert!(no_csv(&csv, "rider,km\n", true).is_some());
        assert_eq!(no_csv(&csv, "rider,km\n", false), None);
    }

    #[test]
    fn what_a_message_should_say_is_behind_a_that() {
        let task =
            "His red lead is here. Please text the owner that the lead is at the front desk.";
        let missing = left_out(task, "Dear Gustav, your dog is at the front desk.");
        assert_eq!(missing.as_deref(), Some("it does not say that the lead is at the front desk"));
        assert_eq!(left_out(task, "Your lead is kept at the front desk."), None);
        // Other words for all of it are another language.
        assert_eq!(left_out(task, "Die Leine liegt am Empfang."), None);
        assert_eq!(left_out("Tell Ann about the leads.", "Hello Ann"), None);
    }
}
