//! Content parts: what a message or an observation holds beside its text – an image, audio, another file.
//! A part names its bytes by their SHA-256; the journal keeps them beside its events, never in one.
//!
//! What a part is, is told from its first bytes, never from a name or from what a server claims. Nothing
//! here decodes it: a width and a height come from a guest, or are not known.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::component::digest;
use crate::provenance::Origin;

/// The most bytes of one part: no more than an endpoint takes of one image.
pub const MOST_BYTES: usize = 5 << 20;

/// The most parts of one message or observation.
pub const MOST_PARTS: usize = 20;

/// The most bytes of images in one request to a model.
pub const MOST_SENT: u64 = 20 << 20;

/// What a model may read.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// Text, as every model does.
    Text,
    /// PNG, JPEG, GIF and WebP images.
    Image,
}

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Media {
    /// A PNG, JPEG, GIF or WebP image.
    Image,
    /// Sound.
    Audio,
    /// Anything else.
    File,
}

/// In how much detail a model is shown an image, where its endpoint knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// As the endpoint likes.
    Auto,
    /// Scaled down, for few tokens.
    Low,
    /// Large.
    High,
    /// As it is.
    Original,
}

/// Something that is no text, beside the text of a message or an observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContentPart {
    /// What it is.
    #[serde(rename = "type")]
    pub media: Media,
    /// Its media type: `image/png`.
    pub media_type: String,
    /// The SHA-256 of its bytes, as 64 hexadecimal digits.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Its width and height in pixels, as its header tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<(u32, u32)>,
    /// What a person calls it: the file that they named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where its bytes came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
    /// After how many bytes of the message's text it stands; behind all of it where that is not said. For
    /// what a client sends on its way to a model: never in a journal.
    #[serde(skip)]
    pub after: Option<usize>,
    /// In how much detail it is shown, where a client says so: never in a journal.
    #[serde(skip)]
    pub detail: Option<Detail>,
    /// The bytes, where they are at hand: never in a journal.
    #[serde(skip)]
    pub content: Option<Content>,
}

/// The bytes of a part. Only their number is ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Arc<[u8]>);

/// Bytes that cannot be a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPart {
    /// There are none.
    #[error("it is empty")]
    Empty,
    /// There are too many.
    #[error("it has {0}, and at most {max} are taken", max = size(MOST_BYTES as u64))]
    TooLarge(String),
    /// They are no image that is known.
    #[error("it is no PNG, JPEG, GIF or WebP image")]
    NoImage,
}

impl ContentPart {
    /// An image.
    ///
    /// # Errors
    /// The bytes do not begin as a PNG, JPEG, GIF or WebP image does, or are too many.
    pub fn image(bytes: Vec<u8>) -> Result<Self, NoPart> {
        let kind = image_type(&bytes).ok_or(match bytes.is_empty() {
            true => NoPart::Empty,
            false => NoPart::NoImage,
        })?;
        Self::new(Media::Image, kind, bytes)
    }

    /// Whatever these bytes are: an image if they begin as one does, else what is claimed of them.
    ///
    /// # Errors
    /// There are none, or too many.
    pub fn claimed(media_type: &str, bytes: Vec<u8>) -> Result<Self, NoPart> {
        if let Some(image) = image_type(&bytes) {
            return Self::new(Media::Image, image, bytes);
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '+' | '-' | '.');
        let claimed = media_type.split(';').next().unwrap_or_default().trim();
        let claimed = match claimed.len() <= 80 && claimed.contains('/') {
            true if claimed.chars().all(legal) => claimed.to_ascii_lowercase(),
            _ => "application/octet-stream".to_string(),
        };
        let media = if claimed.starts_with("audio/") { Media::Audio } else { Media::File };
        Self::new(media, &claimed, bytes)
    }

    fn new(media: Media, media_type: &str, bytes: Vec<u8>) -> Result<Self, NoPart> {
        match bytes.len() {
            0 => return Err(NoPart::Empty),
            n if n > MOST_BYTES => return Err(NoPart::TooLarge(size(n as u64))),
            _ => {}
        }
        Ok(Self {
            media,
            media_type: media_type.to_string(),
            sha256: digest(&bytes),
            bytes: bytes.len() as u64,
            pixels: None,
            name: None,
            origins: Vec::new(),
            after: None,
            detail: None,
            content: Some(Content(bytes.into())),
        })
    }

    /// With the width and height that its header tells.
    #[must_use]
    pub fn sized(self, pixels: Option<(u32, u32)>) -> Self {
        Self { pixels, ..self }
    }

    /// Under the name that a person gave it.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// With where its bytes came from.
    #[must_use]
    pub fn with_origins(self, origins: Vec<Origin>) -> Self {
        Self { origins, ..self }
    }

    /// Without its bytes, as the journal has it.
    #[must_use]
    pub fn kept(self) -> Self {
        Self { content: None, ..self }
    }

    /// What stands for it in a text: `[image/png, 640 x 480, 12.0 KiB: chart.png]`.
    pub fn line(&self) -> String {
        self.shown(&size(self.bytes))
    }

    /// What stands for it in a text for a model that does not take it.
    pub fn not_shown(&self, why: &str) -> String {
        self.shown(&format!("not shown: {why}"))
    }

    fn shown(&self, last: &str) -> String {
        let pixels = self.pixels.map(|(width, height)| format!(", {width} x {height}"));
        let name = self.name.as_ref().map(|name| format!(": {name}"));
        format!(
            "[{}{}, {last}{}]",
            self.media_type,
            pixels.unwrap_or_default(),
            name.unwrap_or_default()
        )
    }

    /// The input that a model must take to be shown it; `None` where none is known to.
    pub fn input(&self) -> Option<Input> {
        (self.media == Media::Image).then_some(Input::Image)
    }

    /// How many tokens it is to a model, as a high estimate: an image is scaled down to some 1,600
    /// (docs.anthropic.com/en/docs/build-with-claude/vision); what is sent to none is a line.
    pub fn tokens(&self) -> u64 {
        match self.media {
            Media::Image => 1600,
            Media::Audio | Media::File => 32,
        }
    }
}

impl Content {
    /// Bytes whose SHA-256 is this; `None` where it is not.
    pub fn checked(bytes: Vec<u8>, sha256: &str) -> Option<Self> {
        (digest(&bytes) == sha256).then(|| Self(bytes.into()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// The lines of parts that a text does not have yet, below it.
pub fn beside(text: &mut String, parts: &[ContentPart]) {
    for line in parts.iter().map(ContentPart::line) {
        if !text.contains(&line) {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&line);
        }
    }
}

/// The media type of an image, by its first bytes. SVG is a document, and none.
pub fn image_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// So many bytes, for a person.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    #[test]
    fn what_it_is_is_told_from_its_bytes() {
        let png = ContentPart::image(PNG.to_vec()).unwrap();
        assert_eq!((png.media, png.media_type.as_str()), (Media::Image, "image/png"));
        assert_eq!(ContentPart::image(b"<svg/>".to_vec()), Err(NoPart::NoImage));
        assert_eq!(ContentPart::image(Vec::new()), Err(NoPart::Empty));
        let svg = ContentPart::claimed("image/svg+xml", b"<svg/>".to_vec()).unwrap();
        assert_eq!((svg.media, svg.media_type.as_str()), (Media::File, "image/svg+xml"));
        let claimed = ContentPart::claimed("text/plain", PNG.to_vec()).unwrap();
        assert_eq!(claimed.media_type, "image/png");
        let odd = ContentPart::claimed("image/png]\n[from host", b"x".to_vec()).unwrap();
        assert_eq!(odd.media_type, "application/octet-stream");
        let mut large = PNG.to_vec();
        large.resize(MOST_BYTES + 1, 0);
        assert!(matches!(ContentPart::image(large), Err(NoPart::TooLarge(_))));
    }

    #[test]
    fn the_journal_has_no_bytes_of_it() {
        let part = ContentPart::image(PNG.to_vec()).unwrap().sized(Some((640, 480))).named("a.png");
        assert_eq!(part.line(), "[image/png, 640 x 480, 12 bytes: a.png]");
        let json = serde_json::to_string(&part).unwrap();
        let sha256 = &part.sha256;
        assert_eq!(
            json,
            format!(
                r#"{{"type":"image","media_type":"image/png","sha256":"{sha256}","bytes":12,"pixels":[640,480],"name":"a.png"}}"#
            )
        );
        let read: ContentPart = serde_json::from_str(&json).unwrap();
        assert_eq!(read, part.clone().kept());
        let shown = format!("{part:?}");
        assert!(shown.ends_with("content: Some(12 bytes) }"), "{shown}");
        assert!(Content::checked(PNG.to_vec(), sha256).is_some());
        assert!(Content::checked(b"other".to_vec(), sha256).is_none());
    }

    #[test]
    fn a_text_names_each_part_once() {
        let part = ContentPart::image(PNG.to_vec()).unwrap();
        let mut text = "looked".to_string();
        beside(&mut text, &[part.clone(), part.clone()]);
        assert_eq!(text, "looked\n[image/png, 12 bytes]");
    }
}
