//! What is attached to a task: images that a person names on the command line. They are read as the file of a
//! parameter is, by the person's own word, and are private as what an agent reads itself.

use std::path::Path;

use agent_core::agent::Agent;
use agent_core::content::{ContentPart, Input, MOST_BYTES};
use agent_core::model::Traits;
use agent_core::provenance::Origin;

use super::{Errand, Unfit};
use crate::STRATEGIES;

impl Errand {
    /// An image of a file, to be attached to a task.
    ///
    /// # Errors
    /// There is no such file, or it is no image that models take; the hint says what to do.
    pub fn image(file: &Path) -> Result<ContentPart, Unfit> {
        let shown = file.display();
        let problem = |reason: String| {
            let hint = "models take PNG, JPEG, GIF and WebP images of at most 5 MiB";
            Unfit(format!("`--image {shown}`: {reason}\nhint: {hint}"))
        };
        let bytes = agent_file::read_given(file, MOST_BYTES).map_err(problem)?;
        let part = ContentPart::image(bytes).map_err(|error| problem(error.to_string()))?;
        let path = std::path::absolute(file).and_then(|path| path.canonicalize());
        let path = path.map_err(|error| problem(error.to_string()))?;
        Ok(part.named(shown.to_string()).with_origins(vec![Origin::File(path)]))
    }

    /// Whether an agent's model is shown what is attached to its task.
    pub(crate) fn takes(&self, agent: &Agent, parts: &[ContentPart]) -> Result<(), Unfit> {
        let Some(first) = parts.first() else { return Ok(()) };
        let what = first.name.as_deref().unwrap_or(first.media_type.as_str());
        let name = &agent.model.name;
        let endpoint = agent.model.provider.capabilities().endpoint;
        let (takes, hint) = match (&self.own.model, endpoint) {
            (Some(model), _) => (model.takes(Input::Image), "give it a model that takes images"),
            (None, true) => (
                agent.model.input.contains(&Input::Image),
                "if it is shown images, write `input = [\"text\", \"image\"]` under `[model]`",
            ),
            (None, false) => (
                false,
                "local models read text only for now: name a remote one under `[model]`, with \
                 `input = [\"text\", \"image\"]`",
            ),
        };
        if !takes {
            return Err(Unfit(format!(
                "`{what}` cannot be shown to the model `{name}`, which takes text only\nhint: {hint}"
            )));
        }
        let traits = Traits { constrained: false, caches: false, context: 0 };
        let strategy = STRATEGIES.choose(agent, &traits);
        match (strategy.start)(&[]).conversation() {
            Some(_) => Ok(()),
            None => Err(Unfit(format!(
                "`{what}` cannot be shown: an agent that acts by `{}` reads text only\nhint: `act = \
                 \"tools\"` and `act = \"code\"` are shown images",
                strategy.name
            ))),
        }
    }
}
