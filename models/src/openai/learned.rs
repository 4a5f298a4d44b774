//! What was found out about endpoints while asking them, for as long as this process lives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::quirks::Quirks;

use super::families;
use super::options::RemoteOptions;

/// What was found out about each model of each endpoint. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Learned(Arc<Mutex<HashMap<(String, String), Known>>>);

/// What is known of one model.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) quirks: Quirks,
    /// Tokens that it holds; 0 where it is unknown.
    pub(super) context: u32,
    /// How many tokens a text has for each that is counted here.
    pub(super) scale: f64,
}

impl Learned {
    /// What is known of a model: what is configured, what its family is like, what was found out.
    pub(super) fn of(&self, options: &RemoteOptions, model: &str) -> Known {
        self.with(options, model, |known| known.clone())
    }

    /// Adds to what is known.
    pub(super) fn with<T>(
        &self,
        options: &RemoteOptions,
        model: &str,
        change: impl FnOnce(&mut Known) -> T,
    ) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry((options.base_url.clone(), model.to_string())).or_insert_with(|| {
            let family = families::quirks(&options.host().unwrap_or_default(), model);
            let quirks = options.quirks.clone().or(family);
            Known { quirks, context: options.context, scale: 1.0 }
        });
        change(known)
    }
}
