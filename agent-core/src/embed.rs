//! What turns texts into vectors is to the tools: the runtime has it, they ask for it.

use async_trait::async_trait;

/// Makes vectors of texts, on this machine.
#[async_trait]
pub trait Embed: Send + Sync {
    /// One unit vector for each text, all of the same length: the dot product of two is their cosine.
    ///
    /// # Errors
    /// It cannot be done, in words.
    async fn vectors(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, String>;
}
