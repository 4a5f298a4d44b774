//! DuckDuckGo's page without scripts: best effort, since it is made for people and says no to
//! programs that ask too often.

use super::ask::body;
use super::{Hit, Provider};
use crate::provider::{Asked, Source};

pub(super) struct Duckduckgo<'a>(pub(super) &'a Source);

impl Provider for Duckduckgo<'_> {
    fn find(&self, asked: &Asked<'_>) -> Result<Vec<Hit>, String> {
        let page = body(self.0, asked)?;
        hits(&String::from_utf8_lossy(&page))
    }
}

fn hits(_page: &str) -> Result<Vec<Hit>, String> {
    Err("its page cannot be read yet".to_string())
}
