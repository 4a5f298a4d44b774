//! A local encoder as the server's embedder.

use std::sync::{Arc, Mutex, PoisonError};

use agent_core::model::ModelError;
use async_trait::async_trait;

use crate::{EncodeOptions, Errand};

/// One encoder, which embeds one request after the other.
pub(super) struct Encoder {
    name: String,
    encoder: Arc<Mutex<crate::Embedder>>,
}

impl Encoder {
    /// Opens it; what is missing is fetched.
    pub(super) async fn open(errand: &Errand, name: &str) -> anyhow::Result<Encoder> {
        let encoder = errand.embedder(name, EncodeOptions::default()).await?;
        Ok(Encoder { name: name.to_string(), encoder: Arc::new(Mutex::new(encoder)) })
    }
}

#[async_trait]
impl server::Embedder for Encoder {
    async fn embed(&self, texts: &[String]) -> Result<(Vec<Vec<f32>>, u64), ModelError> {
        let (encoder, texts) = (Arc::clone(&self.encoder), texts.to_vec());
        let work = move || {
            let mut encoder = encoder.lock().unwrap_or_else(PoisonError::into_inner);
            encoder.embed(&texts, &mut |_| ())
        };
        let broken = |reason: String| ModelError::Broken { model: self.name.clone(), reason };
        let embedded = tokio::task::spawn_blocking(work).await;
        let embedded = embedded.map_err(|error| broken(error.to_string()))?;
        let embedded = embedded.map_err(|error| broken(error.to_string()))?;
        Ok((embedded.vectors, embedded.tokens.iter().map(|tokens| *tokens as u64).sum()))
    }
}
