//! A research report as people and programs read it. Each format is a pure function of the report:
//! nothing is fetched, nothing is written. Whatever pages wrote is text here, never markup.

mod bibliography;
mod html;
mod markdown;
pub(crate) mod phrases;
mod words;

use std::path::Path;
use std::str::FromStr;

use crate::report::Report;

pub use markdown::render as markdown;
pub use words::plain;

/// A form that a report can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// To read in a terminal or anywhere.
    Markdown,
    /// One file that needs nothing else: to read in a browser, and to print.
    Html,
    /// Everything, with the texts that are cited: what `errand report check` takes.
    Json,
    /// The sources, for LaTeX.
    Bibtex,
    /// The sources, for other programs that cite.
    Csl,
}

/// Every format with its name and the ending of its files.
const FORMATS: [(Format, &str, &str); 5] = [
    (Format::Markdown, "md", "md"),
    (Format::Html, "html", "html"),
    (Format::Json, "json", "json"),
    (Format::Bibtex, "bib", "bib"),
    (Format::Csl, "csl", "csl.json"),
];

impl Format {
    /// The format that a file's name asks for.
    pub fn of(file: &Path) -> Result<Format, Unknown> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ends = |ending: &str| name.ends_with(&format!(".{ending}"));
        // The longer ending is the one that is meant.
        let known = FORMATS.iter().rev().find(|(_, _, ending)| ends(ending));
        known.map(|(format, ..)| *format).ok_or(Unknown::File(name))
    }
}

impl FromStr for Format {
    type Err = Unknown;

    fn from_str(written: &str) -> Result<Format, Unknown> {
        let known = FORMATS.iter().find(|(_, name, _)| *name == written);
        known.map(|(format, ..)| *format).ok_or_else(|| Unknown::Name(written.to_string()))
    }
}

/// No format that there is.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// A name that is none.
    #[error("`{0}` is no format\nhint: write one of md, html, json, bib, csl")]
    Name(String),
    /// A file whose name does not end as one.
    #[error(
        "`{0}` does not say which format is meant\nhint: end it with .md, .html, .json, .bib or \
         .csl.json"
    )]
    File(String),
}

/// The report in a format, ending with a line break.
pub fn render(report: &Report, format: Format) -> Result<String, Broken> {
    let text = match format {
        Format::Markdown => markdown(report),
        Format::Html => html::render(report)?,
        Format::Json => serde_json::to_string_pretty(report)?,
        Format::Bibtex => bibliography::bibtex(report),
        Format::Csl => serde_json::to_string_pretty(&bibliography::csl(report))?,
    };
    Ok(format!("{}\n", text.trim_end()))
}

/// A report that cannot be written so.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The template and the report do not go together.
    #[error("the report cannot be laid out: {0}")]
    Layout(#[from] minijinja::Error),
    /// A number that JSON has no way to write.
    #[error("the report cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_the_format() {
        let of = |name: &str| Format::of(Path::new(name)).ok();
        assert_eq!(of("out/Report.HTML"), Some(Format::Html));
        assert_eq!(of("sources.csl.json"), Some(Format::Csl));
        assert_eq!(of("report.json"), Some(Format::Json));
        assert_eq!((of("report.pdf"), of("md"), of("")), (None, None, None));
        assert_eq!("bib".parse::<Format>().ok(), Some(Format::Bibtex));
        assert!("pdf".parse::<Format>().is_err());
    }
}
