//! The parts of a zip archive, each read to a bound: none is unpacked to more than it says, and all of
//! them together only to so much.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

/// Bytes of all parts together that are read.
const MOST: u64 = 64 << 20;
/// Parts that an archive may have.
pub(crate) const PARTS: usize = 20_000;
/// Bytes of a part that is not UTF-8, and may become three times as many.
const FOREIGN: usize = 16 << 20;

pub(crate) struct Archive<'a> {
    bytes: &'a [u8],
    zip: ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
}

impl<'a> Archive<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, String> {
        let zip = ZipArchive::new(Cursor::new(bytes))
            .map_err(|_| "a zip archive or an office document that is broken or cut off")?;
        if zip.len() > PARTS {
            return Err(format!("a zip archive of more than {PARTS} parts"));
        }
        Ok(Self { bytes, zip, left: MOST })
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// The parts whose names end so, in whatever case.
    pub(crate) fn ending(&self, end: &str) -> Vec<String> {
        let names = self.zip.file_names().flatten();
        names.filter(|name| name.to_lowercase().ends_with(end)).map(Cow::into_owned).collect()
    }

    /// A part as text; the error ends a sentence.
    pub(crate) fn part(&mut self, name: &str) -> Result<String, String> {
        let file = self.zip.by_name(name).map_err(|error| match error {
            ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
                "that needs a password".to_string()
            }
            _ => format!("that is broken: it has no `{name}`"),
        })?;
        // What a part says of its size bounds how much is unpacked: no buffer grows past it.
        let size = file.size();
        self.left = left(self.left, size)?;
        let mut bytes = Vec::with_capacity(size as usize + 1);
        let read = file.take(size + 1).read_to_end(&mut bytes);
        read.map_err(|_| format!("that is broken: its `{name}` cannot be unpacked"))?;
        if bytes.len() as u64 > size {
            return Err(format!("that is broken: its `{name}` is larger than it says"));
        }
        decoded(bytes)
    }

    /// That all of it unpacks to what is read at most, for a reader that has no bound of its own.
    pub(crate) fn weigh(&mut self) -> Result<(), String> {
        for at in 0..self.zip.len() {
            let Ok(file) = self.zip.by_index(at) else { continue };
            let size = std::io::copy(&mut file.take(self.left + 1), &mut std::io::sink());
            self.left = left(self.left, size.unwrap_or_default())?;
        }
        // It may be read as well.
        self.left = MOST;
        Ok(())
    }
}

/// What is left of a bound; the error ends a sentence.
fn left(left: u64, size: u64) -> Result<u64, String> {
    let most = MOST >> 20;
    left.checked_sub(size).ok_or_else(|| format!("that unpacks to more than {most} MiB"))
}

/// XML is UTF-8, or UTF-16 with a mark.
fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    let small = |bytes: &[u8]| match bytes.len() <= FOREIGN {
        true => Ok(()),
        false => Err(format!("of more than {} MiB that are not UTF-8", FOREIGN >> 20)),
    };
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(&bytes) {
        small(&bytes)?;
        return Ok(encoding.decode(&bytes).0.into_owned());
    }
    String::from_utf8(bytes).or_else(|error| {
        small(error.as_bytes())?;
        Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
    })
}

/// A path beside a folder, as parts name each other: `../a.xml`, or `/b.xml` from the top.
pub(crate) fn beside(folder: &str, path: &str) -> String {
    // No part has a longer name.
    if path.len() > usize::from(u16::MAX) {
        return String::new();
    }
    let mut parts: Vec<&str> = match path.starts_with('/') {
        true => Vec::new(),
        false => folder.split('/').collect(),
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}
