//! What the `data.*` tools take and give. As of `files.*`, the guest compiles this very file: it makes
//! texts of files, the host makes vectors of the texts.

use serde::{Deserialize, Serialize};

/// Arguments of `data.search`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchArguments {
    /// What to look for, in words of your own.
    #[cfg_attr(not(target_family = "wasm"), schemars(length(min = 1, max = 4000)))]
    pub(crate) query: String,
    /// A file or folder to look in; leave out for all files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// How many passages, 1 to 20; 5 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 1, max = 20)))]
    pub(crate) limit: Option<u32>,
    /// The most texts, said by the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(skip))]
    pub(crate) most: Option<u32>,
}

/// Arguments of `data.cluster`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct ClusterArguments {
    /// The file or folder: rows of a table, objects of JSON lines, lines of a text file, passages of
    /// anything else.
    pub(crate) path: String,
    /// The one column of the table, or field of the objects, that counts; leave out for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<String>,
    /// How many groups; leave out for as many as fit best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 1, max = 100)))]
    pub(crate) groups: Option<u32>,
    /// The most texts, said by the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(skip))]
    pub(crate) most: Option<u32>,
}

/// Arguments of `data.outliers`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct OutlierArguments {
    /// The file or folder: rows of a table, objects of JSON lines, lines of a text file, passages of
    /// anything else.
    pub(crate) path: String,
    /// The one column of the table, or field of the objects, that counts; leave out for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<String>,
    /// How many of the most unusual, 1 to 50; 10 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 1, max = 50)))]
    pub(crate) limit: Option<u32>,
    /// The most texts, said by the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(skip))]
    pub(crate) most: Option<u32>,
}

/// The texts of some files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// By file, in its order.
    pub texts: Vec<Text>,
    /// How many files they are of.
    pub files: u32,
    /// Files that are no text, are too large, or may not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
    /// How many texts were left out because there are too many.
    #[serde(default)]
    pub left_out: u64,
}

/// One text, and where it stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The file.
    pub path: String,
    /// First line, from 1.
    pub start: u32,
    /// Last line.
    pub end: u32,
    /// What it says.
    pub text: String,
}
