//! All of a home, removed: nothing but what errand put there, and only while no process works with it.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use super::layout::{FOLDERS, Form, Kind};
use super::{HomeError, Usage, disk, prune};
use crate::Errand;

/// What came of it.
#[derive(Debug, Clone)]
pub struct Removed {
    /// What is gone, the folder itself included.
    pub home: PathBuf,
    /// How much that was.
    pub bytes: u64,
}

impl Errand {
    /// Whether all of the home may be removed, and what that would be.
    ///
    /// # Errors
    /// There is something in it that errand did not put there, or a process works with it.
    pub fn removable(&self) -> Result<Usage, HomeError> {
        self.held().map(|(usage, _locks)| usage)
    }

    /// Removes the home and all that is in it. Links in it go, and not what they lead to.
    ///
    /// # Errors
    /// As [`Errand::removable`]; or something cannot be removed.
    pub fn remove(&self) -> Result<Removed, HomeError> {
        // The locks are held until all is gone: a process that begins meanwhile waits, or begins anew.
        let (usage, _locks) = self.held()?;
        for entry in &usage.entries {
            entry.remove()?;
        }
        let folders = FOLDERS.iter().map(|(name, ..)| usage.home.join(name));
        for folder in folders.chain([usage.home.clone()]) {
            match fs::remove_dir(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(disk(folder)(error));
                }
                _ => {}
            }
        }
        Ok(Removed { bytes: usage.bytes(None), home: usage.home })
    }

    /// The home, if it is errand's through and through, with every lock that is in it.
    fn held(&self) -> Result<(Usage, Vec<File>), HomeError> {
        let usage = self.usage()?;
        let foreign = usage.entries.iter().filter(|entry| entry.kind == Kind::Other);
        let found: Vec<PathBuf> = foreign.map(|entry| entry.path.clone()).collect();
        if !found.is_empty() {
            return Err(HomeError::Foreign { home: usage.home, found });
        }
        let locks = locked(&usage)?;
        Ok((usage, locks))
    }
}

/// Every lock there is.
fn locked(usage: &Usage) -> Result<Vec<File>, HomeError> {
    let driven = store::driven(&usage.home).map_err(disk(&usage.home))?;
    if let Some(run) = driven.first() {
        return Err(HomeError::Run(run.to_string()));
    }
    let mut all = Vec::new();
    for entry in usage.entries.iter().filter(|entry| entry.form != Form::Link) {
        let lock = match entry.kind {
            Kind::Values => entry.path.join("lock"),
            _ if entry.path.extension().is_some_and(|end| end == "lock") => entry.path.clone(),
            _ if entry.path.parent().is_some_and(|above| above.ends_with("drives")) => {
                entry.path.clone()
            }
            _ => continue,
        };
        match prune::taken(&[lock])? {
            Some(locks) => all.extend(locks),
            None => return Err(HomeError::Busy(entry.path.clone())),
        }
    }
    Ok(all)
}
