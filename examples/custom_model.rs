//! A model of your own: whatever answers a [`Request`] is one.
#![allow(clippy::print_stdout, missing_docs)]

use errand::model::{Finish, ModelError, Reply, Request, Tokens, Traits};
use errand::{AgentFile, Builder, Errand, Model};

/// Says how often it was asked.
struct Counting;

#[async_trait::async_trait]
impl Model for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn traits(&self) -> Traits {
        Traits { constrained: false, caches: false, context: 8_192 }
    }

    async fn think(
        &self,
        request: &Request,
        on_text: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, ModelError> {
        let text = format!("this is reply {}", request.call + 1);
        on_text(&text);
        Ok(Reply::text(text, Tokens::default(), Finish::Stop))
    }
}

pub async fn example(errand: Builder) -> anyhow::Result<String> {
    let errand = errand.model(Counting).build()?;
    let agent = errand.agent(".", &AgentFile::new("counter", "Count."), &[])?;
    let finished = errand.start(agent).finished().await?;
    Ok(finished.map(|run| run.outcome.value.to_string()).unwrap_or_default())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("{}", example(Errand::builder()).await?);
    Ok(())
}
