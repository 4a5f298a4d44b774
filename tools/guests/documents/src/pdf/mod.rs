//! A PDF as text, each page under a heading with its number, so that what is cited can be found.
//! `hayro` reads the file – also a broken one, and one whose password is empty – and runs its
//! drawing instructions; what is drawn as letters is put into lines here.

mod columns;
mod info;
mod layout;
mod letters;
mod lines;

use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::Rect;
use hayro_interpret::{
    Context, InterpreterCache, InterpreterSettings, RenderContent, TransformExt, interpret_page,
};

use letters::Letters;
use lines::Line;

/// The heading of each page, before its number.
pub const HEADING: &str = "## Page ";

/// A PDF's text, and what it says of itself; empty where it says nothing.
#[derive(Debug, Default, PartialEq)]
pub struct Document {
    /// Its title, or what stands largest on its first page.
    pub title: String,
    /// Each page under its heading.
    pub text: String,
    /// Who wrote it.
    pub author: String,
    /// The day that it was made, `2026-03-02`.
    pub date: String,
    /// The language that it says it is in.
    pub language: String,
    /// How many pages it has.
    pub pages: u32,
}

/// The error is what it is: `a PDF that …`.
pub fn read(body: Vec<u8>) -> Result<Document, String> {
    if !is_cut(&body) {
        return whole(body);
    }
    // The last stream has no end, and would not be one without.
    let mut ended = body.clone();
    ended.extend_from_slice(b"\nendstream\nendobj\n");
    let mut document = whole(ended).or_else(|_| whole(body))?;
    document.text.push_str("\n\n(The file is cut off here.)");
    Ok(document)
}

/// Whether a stream begins that does not end.
fn is_cut(body: &[u8]) -> bool {
    let last = body.windows(6).rposition(|at| at == b"stream");
    last.is_some_and(|at| !body[..at].ends_with(b"end"))
}

fn whole(body: Vec<u8>) -> Result<Document, String> {
    let pdf = Pdf::new(body).map_err(|error| broken(error).to_string())?;
    let count = pdf.pages().len();
    if count == 0 {
        return Err("a PDF without pages".to_string());
    }
    let cache = InterpreterCache::new();
    let (mut text, mut title) = (String::new(), String::new());
    let (mut pictures, mut unknown, mut known) = (0, 0, 0);
    for (page, number) in pdf.pages().iter().zip(1..) {
        let (width, height) = page.render_dimensions();
        let settings = InterpreterSettings {
            render_content: RenderContent::PAGE | RenderContent::ANNOTATIONS,
            ..InterpreterSettings::default()
        };
        let area = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let to_page = page.initial_transform(true).to_kurbo();
        let mut context = Context::new(to_page, area, &cache, pdf.xref(), settings);
        let mut letters = Letters::new(area);
        interpret_page(page, &mut context, &mut letters);

        (known, unknown) = (known + letters.known, unknown + letters.unknown);
        pictures += usize::from(letters.pictures > 0);
        let said = match letters.known {
            0 if letters.pictures > 0 => "(This page is a picture without text.)".to_string(),
            0 => "(This page has no text.)".to_string(),
            _ => {
                let lines = columns::apart(letters.into_lines());
                if number == 1 {
                    title = largest(&lines);
                }
                layout::text(&lines)
            }
        };
        text.push_str(&format!("{HEADING}{number}\n\n{said}\n\n"));
    }
    if known == 0 {
        return Err(match (unknown, pictures) {
            (0, 0) => format!("a PDF of {} without text", pages(count)),
            (0, _) => format!(
                "a PDF of {} that are pictures, as a scanner makes them, without text",
                pages(count)
            ),
            _ => "a PDF whose fonts do not say which letters they hold".to_string(),
        });
    }
    text.truncate(text.trim_end().len());
    let said = info::info(&pdf);
    let title = if said.title.is_empty() { title } else { said.title };
    Ok(Document { title, text, pages: count as u32, ..said })
}

fn pages(count: usize) -> String {
    match count {
        1 => "one page".to_string(),
        count => format!("{count} pages"),
    }
}

fn broken(error: LoadPdfError) -> &'static str {
    match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            "a PDF that needs a password"
        }
        LoadPdfError::Decryption(DecryptionError::UnsupportedAlgorithm) => {
            "a PDF that is encrypted in a way that is not known here"
        }
        LoadPdfError::Decryption(_) => "a PDF whose encryption is broken",
        LoadPdfError::Invalid => "a PDF that is broken: no pages can be found in it",
    }
}

/// What stands largest on a first page is its title, if it is larger than the rest.
fn largest(lines: &[Line]) -> String {
    const MOST: usize = 200;
    let most = lines.iter().map(|line| line.size).fold(0.0, f64::max);
    let mut sizes: Vec<f64> = lines.iter().map(|line| line.size).collect();
    sizes.sort_by(f64::total_cmp);
    let usual = sizes.get(sizes.len() / 2).copied().unwrap_or_default();
    let large = lines.iter().skip_while(|line| line.size < most * 0.95);
    let large = large.take_while(|line| line.size >= most * 0.95).map(|line| line.text.trim());
    let title = large.collect::<Vec<_>>().join(" ");
    match most > usual * 1.15 && title.chars().count() <= MOST {
        true => title,
        false => String::new(),
    }
}
