//! Documents as Markdown, with what a citation needs: the sheet and the row, the slide, the page, the
//! heading. It knows a document by its bytes and never trusts one: what unpacks to more than is read,
//! is broken or is encrypted is said to be that.

mod archive;
mod docx;
mod epub;
mod grid;
mod mail;
mod markdown;
mod notebook;
mod odf;
pub mod pdf;
mod pptx;
mod xlsx;
mod xml;

use archive::Archive;

/// The text of a document, or nothing where the file is none of those that are known here. The
/// error is what it is, with its article: `a Word document that …`.
pub fn text(name: &str, bytes: &[u8]) -> Option<Result<String, String>> {
    let ends = |end: &str| name.to_lowercase().ends_with(end);
    match bytes {
        [] if named(name) => Some(Err("empty".to_string())),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(pdf::read(bytes.to_vec()).map(|pdf| pdf.text)),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(packed(bytes)),
        // What Office wrote before 2007, and how it wraps what it encrypts.
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Some(Err(compound(bytes))),
        [b'{' | b' ' | b'\n' | b'\r' | b'\t', ..] if ends(".ipynb") => Some(notebook::text(bytes)),
        _ if ends(".eml") => Some(mail::text(bytes)),
        _ => None,
    }
}

/// Whether a file of this name can be a document, whose bytes say little of how much text it has.
pub fn named(name: &str) -> bool {
    const ENDS: [&str; 10] =
        ["pdf", "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub", "ipynb", "eml"];
    let end = name.rsplit('.').next().unwrap_or_default().to_lowercase();
    ENDS.contains(&end.as_str())
}

fn packed(bytes: &[u8]) -> Result<String, String> {
    let mut archive = Archive::open(bytes)?;
    if archive.has("word/document.xml") {
        return said("a Word document", docx::text(&mut archive));
    }
    if archive.has("xl/workbook.xml") {
        return said("an Excel workbook", xlsx::text(&mut archive));
    }
    if archive.has("ppt/presentation.xml") {
        return said("a PowerPoint presentation", pptx::text(&mut archive));
    }
    let kind = archive.part("mimetype").unwrap_or_default();
    match kind.trim() {
        "application/epub+zip" => said("an EPUB book", epub::text(&mut archive)),
        odf if odf.starts_with("application/vnd.oasis.opendocument.") => {
            said("an OpenDocument file", odf::text(&mut archive))
        }
        _ if archive.has("xl/workbook.bin") => {
            Err("a binary Excel workbook (.xlsb); saved as .xlsx it can be read".to_string())
        }
        _ => Err("a zip archive".to_string()),
    }
}

fn said(what: &str, text: Result<String, String>) -> Result<String, String> {
    match text {
        Ok(text) if text.trim().is_empty() => Err(format!("{what} without text")),
        text => text.map_err(|problem| format!("{what} {problem}")),
    }
}

fn compound(bytes: &[u8]) -> String {
    let holds = |name: &str| {
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.windows(wide.len()).any(|at| at == wide)
    };
    let old = |what: &str, new: &str| {
        format!("{what} of the format before 2007; saved as {new} it can be read")
    };
    if holds("EncryptedPackage") {
        "an Office document that needs a password".to_string()
    } else if holds("WordDocument") {
        old("a Word document", ".docx")
    } else if holds("Workbook") || holds("Book") {
        old("an Excel workbook", ".xlsx")
    } else if holds("PowerPoint Document") {
        old("a PowerPoint presentation", ".pptx")
    } else {
        "a file of an old Office program".to_string()
    }
}

#[cfg(test)]
mod tests;
