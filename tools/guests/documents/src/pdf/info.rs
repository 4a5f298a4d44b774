//! What a PDF says of itself: the information dictionary and the catalog's language.

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::object::{Dict, String as PdfString};

use super::Document;

/// A document without text: title, author, day, language.
pub(super) fn info(pdf: &Pdf) -> Document {
    let said = pdf.metadata();
    let text = |bytes: &Option<Box<[u8]>>| bytes.as_deref().map(string).unwrap_or_default();
    let date = said.creation_date.or(said.modification_date);
    let catalog = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id());
    let language = catalog.and_then(|catalog| catalog.get::<PdfString<'_>>(b"Lang"));
    Document {
        title: Some(text(&said.title)).filter(|title| !made_up(title)).unwrap_or_default(),
        author: text(&said.author),
        date: date
            .map(|date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day))
            .unwrap_or_default(),
        language: language.map(|language| string(language.as_bytes())).unwrap_or_default(),
        ..Document::default()
    }
}

/// Titles that programs write where nobody gave one.
fn made_up(title: &str) -> bool {
    let lower = title.to_lowercase();
    matches!(lower.as_str(), "untitled" | "(anonymous)" | "anonymous" | "about:blank")
        || lower.starts_with("microsoft word - ")
        || [".doc", ".docx", ".dvi", ".tex", ".indd", ".qxd", ".pdf", ".html", ".odt"]
            .iter()
            .any(|end| lower.ends_with(end))
}

/// A text string (ISO 32000-2, 7.9.2.2): with a byte order mark, or in PDFDocEncoding, of which
/// the letters are those of Windows-1252.
fn string(bytes: &[u8]) -> String {
    let encoding = match bytes {
        [0xFE, 0xFF, ..] => UTF_16BE,
        [0xFF, 0xFE, ..] => UTF_16LE,
        [0xEF, 0xBB, 0xBF, ..] => UTF_8,
        _ => WINDOWS_1252,
    };
    let (text, _, _) = encoding.decode(bytes);
    let plain = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_in_each_encoding() {
        assert_eq!(string(b"\xFE\xFF\0C\0a\0f\0\xE9"), "Café");
        assert_eq!(string(b"\xEF\xBB\xBFCaf\xC3\xA9"), "Café");
        assert_eq!(string(b" Caf\xE9\0\n x "), "Café x");
        assert!(made_up("Microsoft Word - a.doc") && made_up("thesis.tex") && !made_up("A text"));
    }
}
