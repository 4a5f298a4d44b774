//! GGUF files that were split (`gguf-split`): the first has the metadata, each has some of the
//! tensors, and their names end in `-00001-of-00003.gguf`.

use std::path::{Path, PathBuf};

use super::ImportError;
use super::gguf::{MetaValue, Metadata};

/// The most parts that are looked for.
const MOST: u64 = 999;

/// The other parts of a file that is the first of several; none of one that is whole.
pub(super) fn others(path: &Path, metadata: &Metadata) -> Result<Vec<PathBuf>, ImportError> {
    let refuse = |reason| ImportError::Unsupported { path: path.to_owned(), reason };
    let count = number(metadata, "split.count").unwrap_or(1);
    if count < 2 {
        return Ok(Vec::new());
    }
    let place = number(metadata, "split.no").unwrap_or(0).saturating_add(1);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let one = format!("it is part {place} of {count}");
    let Some(stem) = name.strip_suffix(&ending(place, count)).filter(|_| count <= MOST) else {
        return Err(refuse(format!(
            "{one}, and the others are found by its name, which should end in `{}`",
            ending(place, count)
        )));
    };
    let part = |place| path.with_file_name(format!("{stem}{}", ending(place, count)));
    if place != 1 {
        return Err(refuse(format!("{one}: name the first, `{stem}{}`", ending(1, count))));
    }
    let others: Vec<PathBuf> = (2..=count).map(part).collect();
    match others.iter().find(|other| !other.is_file()) {
        Some(missing) => Err(refuse(format!(
            "{one}, and `{}` is not there: put all parts into one folder",
            missing.display()
        ))),
        None => Ok(others),
    }
}

/// Whether a file is the part that its name says; `before` is how many come before it.
pub(super) fn check(
    path: &Path,
    metadata: &Metadata,
    before: usize,
    count: usize,
) -> Result<(), ImportError> {
    let place = number(metadata, "split.no");
    let of = number(metadata, "split.count");
    if place == Some(before as u64) && of == Some(count as u64) {
        return Ok(());
    }
    let reason = format!("it does not say that it is part {} of {count}", before + 1);
    Err(ImportError::Broken { path: path.to_owned(), reason })
}

fn number(metadata: &Metadata, key: &str) -> Option<u64> {
    metadata.get(key).and_then(MetaValue::as_u64)
}

fn ending(place: u64, count: u64) -> String {
    format!("-{place:05}-of-{count:05}.gguf")
}
