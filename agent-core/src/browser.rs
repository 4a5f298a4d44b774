//! A browser, for pages that say nothing before their scripts have run. It has no network of its
//! own: whatever a page asks for while it is shown is asked of [`Web`], where each request is judged.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use url::Url;

/// The browser of an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserConfig {
    /// A name on the search path, or a path from the agent file's folder. `None`: whichever known
    /// one is there.
    pub program: Option<String>,
}

/// Shows pages.
#[async_trait]
pub trait Browser: Send + Sync {
    /// Shows a page until its scripts come to rest, or have had their time. The error is a
    /// sentence for the model.
    async fn show(&self, url: &Url, web: &dyn Web) -> Result<Shown, String>;
}

/// A page as it was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Where its scripts led.
    pub url: Url,
    /// What it was in the end, as HTML.
    pub html: String,
}

/// The web as a shown page reaches it.
#[async_trait]
pub trait Web: Send + Sync {
    /// What a GET comes to, redirects followed. The error is a sentence for the model.
    async fn get(&self, url: &str) -> Result<Sent, String>;
}

/// What a server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its status: never a redirect.
    pub status: u16,
    /// The content-type header, or nothing.
    pub content_type: String,
    /// Decompressed.
    pub body: Vec<u8>,
}
