//! The headline of an article as its JSON-LD says it (schema.org), which is written for programs.

use serde_json::Value;
use text::words::letters;

/// The one that the page's title holds, if there are several; `None` if there is no article.
pub(crate) fn headline(data: &[String], title: &str) -> Option<String> {
    let title = letters(title);
    let read = |text: &String| {
        // As XHTML wants it, which HTML does not know.
        let text = text.trim().trim_start_matches("<![CDATA[").trim_end_matches("]]>");
        serde_json::from_str::<Value>(text).ok()
    };
    data.iter().filter_map(read).find_map(|value| within(&value, &title))
}

fn within(value: &Value, title: &str) -> Option<String> {
    if let Some(list) = value.as_array().or_else(|| value["@graph"].as_array()) {
        return list.iter().find_map(|value| within(value, title));
    }
    let kinds = match &value["@type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect::<Vec<_>>(),
    };
    if !kinds.iter().any(|kind| kind.ends_with("Article") || kind.ends_with("Posting")) {
        return None;
    }
    let said = |key: &str| value[key].as_str().map(str::trim).filter(|text| !text.is_empty());
    let all: Vec<&str> = ["headline", "name"].into_iter().filter_map(said).collect();
    let one = all.iter().find(|text| title.contains(&letters(text))).or(all.first())?;
    // A word or two of a long title are the site's name.
    (letters(one).len() * 3 > title.len()).then(|| one.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &str, expected: Option<&str>) {
        assert_eq!(headline(&[data.to_string()], "Towers of the coast").as_deref(), expected);
    }

    #[test]
    fn the_headline_is_an_articles() {
        check(r#"{"@type": "NewsArticle", "headline": " A tower "}"#, Some("A tower"));
        let list = r#"[{"@type": "Person", "name": "Ines Duarte"}, {"@type": ["Article"], "name": "A tower"}]"#;
        check(list, Some("A tower"));
        check(
            r#"{"@graph": [{"@type": "Article", "headline": "Wikimedia", "name": "Towers of the coast"}]}"#,
            Some("Towers of the coast"),
        );
        check(r#"{"@type": "WebPage", "name": "x"}"#, None);
        check(r#"<![CDATA[ {"@type": "Article", "headline": "A tower"} ]]>"#, Some("A tower"));
        check(r#"{"@type": "NewsArticle", "headline": "Coast"}"#, None);
        check("{", None);
    }
}
