//! A model with fewer bits for each weight, and what that costs: its size and how well it foresees a
//! text, before and after.

use std::fs;
use std::path::{Path, PathBuf};

use crate::import::{Adapter, Gguf, ImportError, Precision, describe, write_into};
use crate::onnx::{EngineError, Options, Score, score, speaks};

/// The text that is scored where no other is given.
pub const TEXT: &str = include_str!("quantize.txt");

/// What a model is and how well it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Bytes of its folder.
    pub bytes: u64,
    /// How well it foresees the text.
    pub score: Score,
}

/// A model that was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Made {
    /// Bytes of its folder.
    pub bytes: u64,
    /// Without quantization, and as it was made; none where nothing was measured.
    pub measured: Option<[Measured; 2]>,
}

/// What is done at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The model is written without quantization, to be measured.
    Reference,
    /// The text is read with that.
    Before,
    /// The model is written.
    Writing,
    /// The text is read with it.
    After,
}

/// Hears how far a stage is: so much of so much.
pub type Heard<'a> = &'a mut dyn FnMut(Stage, u64, u64);

/// What is made of a model.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// A GGUF file or a checkpoint's folder.
    pub model: &'a Path,
    /// An adapter that becomes part of the weights.
    pub adapter: Option<&'a Path>,
    /// How many bits a weight gets.
    pub precision: Precision,
    /// The text to score before and after; none to measure nothing.
    pub text: Option<&'a str>,
}

impl Plan<'_> {
    /// Writes the model into the folder `into`, which must not be there yet. Reading a text needs the
    /// runtime loaded.
    pub fn make(&self, into: &Path, heard: Heard<'_>) -> Result<Made, MakeError> {
        if fs::symlink_metadata(into).is_ok() {
            return Err(MakeError::There(into.to_owned()));
        }
        if self.model.join("model.json").is_file() {
            return Err(MakeError::Imported(self.model.to_owned()));
        }
        let info = describe(self.model)?;
        speaks(&info)?;
        let model = self.open()?;
        let before = match self.text {
            Some(text) => Some(self.before(&model, text, into, heard)?),
            None => None,
        };
        write_into(&model, into, self.precision, &mut |done, all| {
            heard(Stage::Writing, done, all)
        })?;
        let bytes = size(into);
        let measured = match (before, self.text) {
            (Some(before), Some(text)) => {
                let mut progress = |done, all| heard(Stage::After, done, all);
                let score = score(into, text, Options::default(), &mut progress)?;
                Some([before, Measured { bytes, score }])
            }
            _ => None,
        };
        Ok(Made { bytes, measured })
    }

    fn open(&self) -> Result<Gguf, ImportError> {
        let mut model = Gguf::open(self.model)?;
        if let Some(adapter) = self.adapter {
            Adapter::open(adapter)?.merge_into(&mut model)?;
        }
        Ok(model)
    }

    /// Measures the model without quantization, in a folder beside `into` that goes again.
    fn before(
        &self,
        model: &Gguf,
        text: &str,
        into: &Path,
        heard: Heard<'_>,
    ) -> Result<Measured, MakeError> {
        let mut name = into.file_name().unwrap_or_default().to_owned();
        name.push(".reference");
        let folder = Removed(into.with_file_name(name));
        let mut progress = |done, all| heard(Stage::Reference, done, all);
        write_into(model, &folder.0, Precision::Sixteen, &mut progress)?;
        let mut progress = |done, all| heard(Stage::Before, done, all);
        let score = score(&folder.0, text, Options::default(), &mut progress)?;
        Ok(Measured { bytes: size(&folder.0), score })
    }
}

/// A folder that goes when it is not needed any more.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // It is named for what it is; that it stays is no reason to fail.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn size(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// Why a model could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// Something has the name of what would be made.
    #[error("`{}` is already there\nhint: name another folder after `-o`, or remove it", .0.display())]
    There(PathBuf),
    /// An import is quantized already.
    #[error(
        "`{}` is an imported model, whose weights are quantized already\nhint: name the GGUF file or the \
         checkpoint's folder it came from", .0.display()
    )]
    Imported(PathBuf),
    /// The model or the adapter cannot be used.
    #[error(transparent)]
    Model(#[from] ImportError),
    /// The model does not run.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
