//! The sources of a report, for programs that cite.

use crate::report::{Report, Source};
use biblatex::{Bibliography, Chunk, Entry, EntryType, Spanned};
use serde_json::{Value, json};

use super::words::{self, date, plain, title};

/// The sources as BibTeX, keyed as the report numbers them: `source1`, `source2` …
pub(crate) fn bibtex(report: &Report) -> String {
    let mut all = Bibliography::new();
    for (number, source) in (1..).zip(&report.sources) {
        let mut entry = Entry::new(format!("source{number}"), EntryType::Online);
        let mut set = |field: &str, text: &str, chunk: fn(String) -> Chunk| {
            let text = plain(text);
            if !text.is_empty() {
                entry.set(field, vec![Spanned::detached(chunk(text))]);
            }
        };
        // Verbatim: a title keeps its capitals, and a company is not taken for a person.
        set("title", title(source), Chunk::Verbatim);
        set("author", &source.author, Chunk::Verbatim);
        set("organization", &source.site, Chunk::Verbatim);
        let year = published(source).map(|parts| parts[0].to_string()).unwrap_or_default();
        set("year", &year, Chunk::Normal);
        set("url", &address(source), Chunk::Normal);
        set("urldate", &date(source.retrieved), Chunk::Normal);
        all.insert(entry);
    }
    all.to_biblatex_string()
}

/// The sources as CSL-JSON (citationstyles.org, schema 1.0.2).
pub(crate) fn csl(report: &Report) -> Value {
    let items = (1..).zip(&report.sources).map(|(number, source)| {
        let mut item = json!({
            "id": format!("source{number}"),
            "type": "webpage",
            "title": plain(title(source)),
            "URL": address(source),
        });
        let mut set = |field: &str, value: Value| item[field] = value;
        if !source.author.is_empty() {
            set("author", json!([{ "literal": plain(&source.author) }]));
        }
        if !source.site.is_empty() {
            set("container-title", json!(plain(&source.site)));
        }
        if let Some(parts) = published(source) {
            set("issued", json!({ "date-parts": [parts] }));
        }
        if let Some(parts) = parts(&date(source.retrieved)) {
            set("accessed", json!({ "date-parts": [parts] }));
        }
        item
    });
    Value::Array(items.collect())
}

/// The address, without what would end a field; none where a program could not follow it.
fn address(source: &Source) -> String {
    let url = plain(&source.url);
    if !words::web(&url) {
        return String::new();
    }
    url.replace([' ', '{', '}'], "")
}

/// When the page says it was published: year, month and day as far as they are there.
fn published(source: &Source) -> Option<Vec<u32>> {
    parts(&source.date)
}

/// The numbers that a date begins with: `2024`, `2024-05`, `2024-05-17T…`.
fn parts(date: &str) -> Option<Vec<u32>> {
    let date = date.trim().split(['T', ' ']).next().unwrap_or_default();
    let parts: Option<Vec<u32>> = date.split('-').map(|part| part.parse().ok()).collect();
    parts.filter(|parts| (1..=3).contains(&parts.len()) && (1000..=9999).contains(&parts[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let evil = Source {
            url: "https://x.org/a?b=1&c=%7B#d}, evil = {1".into(),
            title: "100 % \\of {Towers} & \"more\" }\n@misc{x, y = {z}}".into(),
            author: "Ann de Vries and Sons".into(),
            date: "2024-05-17T10:00:00Z".into(),
            site: "The Coast".into(),
            retrieved: 1_795_536_000_000,
            sha256: "ab12".into(),
            ..Source::default()
        };
        let bare =
            Source { url: "https://y.org/".into(), date: "soon".into(), ..Source::default() };
        Report { sources: vec![evil, bare], ..Report::default() }
    }

    #[test]
    fn a_parser_reads_what_was_meant() {
        let text = bibtex(&report());
        let parsed = Bibliography::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(parsed.keys().collect::<Vec<_>>(), ["source1", "source2"], "{text}");
        let field = |key: &str, field: &str| {
            let entry = parsed.get(key).and_then(|entry| entry.get_as::<String>(field).ok());
            entry.unwrap_or_default()
        };
        assert_eq!(
            field("source1", "title"),
            "100 % \\of {Towers} & \"more\" } @misc{x, y = {z}}",
            "{text}"
        );
        assert_eq!(field("source1", "url"), "https://x.org/a?b=1&c=%7B#d,evil=1", "{text}");
        assert_eq!(field("source1", "author"), "Ann de Vries and Sons");
        assert_eq!(
            (field("source1", "year"), field("source2", "year")),
            ("2024".into(), "".into())
        );
        assert_eq!(field("source1", "urldate"), "2026-11-24");
        assert_eq!(field("source2", "title"), "https://y.org/");
    }

    #[test]
    fn csl_has_dates_in_parts() {
        assert_eq!(
            csl(&report())[0],
            json!({
                "id": "source1", "type": "webpage",
                "title": "100 % \\of {Towers} & \"more\" } @misc{x, y = {z}}",
                "URL": "https://x.org/a?b=1&c=%7B#d,evil=1",
                "author": [{ "literal": "Ann de Vries and Sons" }],
                "container-title": "The Coast",
                "issued": { "date-parts": [[2024, 5, 17]] },
                "accessed": { "date-parts": [[2026, 11, 24]] },
            })
        );
        let second = &csl(&report())[1];
        assert_eq!((second.get("issued"), second.get("accessed")), (None, None));
    }
}
