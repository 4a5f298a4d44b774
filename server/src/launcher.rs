//! What the server asks of whatever runs agents. All that it tells of a run comes from the run's journal.

use std::sync::Arc;

use agent_core::content::ContentPart;
use agent_core::drive::{Approval, Watch};
use agent_core::event::RunId;
use async_trait::async_trait;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::triggers::Begun;

/// An agent that can be run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AgentCard {
    /// The name that runs are started by.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The name of its model.
    pub model: String,
    /// JSON Schema of its parameters.
    pub params: Value,
    /// JSON Schema of its outcome.
    pub outcome: Value,
}

/// A run to be started.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The name that it gets.
    pub run: RunId,
    /// Whose run it is: the agent's name.
    pub agent: String,
    /// The values of its parameters.
    pub params: Map<String, Value>,
    /// What is attached to its task.
    pub images: Vec<ContentPart>,
    /// What began it.
    pub begun: Begun,
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Look {
    /// Its name.
    pub id: String,
    /// Always `run`.
    pub object: String,
    /// The agent's name.
    pub agent: String,
    /// What it does, with the values of its parameters in it.
    pub task: String,
    /// The name of its model.
    pub model: String,
    /// The values of its parameters, with the defaults among them.
    pub params: Map<String, Value>,
    /// What is attached to its task.
    pub images: Vec<Image>,
    /// `running`; `waiting` for an approval or an answer; `interrupted` or `fault`, which can be resumed;
    /// `done`; or why it ended without an outcome: `steps`, `tokens`, `time`, `cost`, `cancelled`,
    /// `unsupported`.
    pub status: String,
    /// Milliseconds since 1970 of its first event.
    pub created_ms: u64,
    /// Milliseconds since 1970 of its last event.
    pub updated_ms: u64,
    /// How many events it has.
    pub events: u64,
    /// What came of it; null until there is an outcome. A list leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Value>,
    /// More about the status.
    pub detail: Option<String>,
    /// What it waits for.
    pub waits: Option<Waits>,
    /// What it took so far: `steps`, `input_tokens`, `output_tokens`, `cost_usd`, `seconds`.
    pub usage: Value,
    /// What it may take: `steps`, `tokens` read and written, `seconds`, and `cost_usd` or null.
    pub budget: Value,
}

/// An image that is attached to a task.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Image {
    /// What it is: `image/png`.
    pub media_type: String,
    /// The SHA-256 of its bytes, as 64 hexadecimal digits.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
}

impl From<&ContentPart> for Image {
    fn from(part: &ContentPart) -> Self {
        let ContentPart { media_type, sha256, bytes, .. } = part;
        Image { media_type: media_type.clone(), sha256: sha256.clone(), bytes: *bytes }
    }
}

/// Which runs are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sought {
    /// What their names begin with.
    pub begin: String,
    /// Those of this agent.
    pub agent: Option<String>,
    /// Those of this status, as [`Look::status`] says it.
    pub status: Option<String>,
    /// Those that began before this moment, in milliseconds since 1970.
    pub before_ms: Option<u64>,
    /// The most of them, the latest.
    pub most: usize,
}

/// Something of a run to be kept as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its media type.
    pub kind: &'static str,
    /// The end of the file's name, without the dot: `md`.
    pub ending: &'static str,
    /// What is in it.
    pub text: String,
}

/// What a run waits for.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Waits {
    /// Names this action and no other: an approval, a denial or a reply has to repeat it.
    pub digest: String,
    /// The tool that would be called.
    pub tool: String,
    /// With these arguments.
    pub arguments: Value,
    /// What the call wants of the host.
    pub capabilities: Vec<String>,
    /// Why a person is asked.
    pub reasons: Vec<String>,
    /// The question, where it is one and wants a reply.
    pub question: Option<String>,
    /// The replies to choose from; empty where any will do.
    pub choices: Vec<String>,
}

/// How a run that was driven came to rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// In one word, as [`Look::status`] says it.
    pub end: String,
}

/// Why a run cannot be started, gone on with, or told of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// What was sent does not fit the agent.
    #[error("{0}")]
    Invalid(String),
    /// It does not fit how the run stands.
    #[error("{0}")]
    Unfit(String),
    /// There is no such run.
    #[error("there is no run `{0}`")]
    Missing(RunId),
    /// Something broke.
    #[error("{0}")]
    Broken(String),
}

impl From<LaunchError> for ApiError {
    fn from(error: LaunchError) -> Self {
        let message = error.to_string();
        match error {
            LaunchError::Invalid(_) => {
                ApiError { code: "invalid_params", ..ApiError::param("params", message) }
            }
            LaunchError::Unfit(_) => ApiError::conflict("unfit", message),
            LaunchError::Missing(_) => ApiError::missing("run_not_found", message),
            LaunchError::Broken(_) => {
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "run_failed", message)
            }
        }
    }
}

/// Runs agents.
#[async_trait]
pub trait Launcher: Send + Sync {
    /// The agents that can be run.
    fn agents(&self) -> &[AgentCard];

    /// The values of the parameters that a run would have.
    ///
    /// # Errors
    /// They do not fit the agent, or its model takes no images and some are attached.
    fn check(&self, order: &Order) -> Result<Map<String, Value>, LaunchError>;

    /// Begins a run, and drives it until it comes to rest. Dropping the future interrupts it.
    ///
    /// # Errors
    /// It cannot begin, or cannot be written down.
    async fn start(&self, order: Order, watch: Arc<dyn Watch>) -> Result<Launched, LaunchError>;

    /// Goes on with a run, and drives it until it comes to rest.
    ///
    /// # Errors
    /// It cannot go on, or the answer does not fit what it waits for.
    async fn resume(
        &self,
        run: &RunId,
        answer: Option<Approval>,
        watch: Arc<dyn Watch>,
    ) -> Result<Launched, LaunchError>;

    /// How a run stands.
    ///
    /// # Errors
    /// There is no such run, or its journal cannot be read.
    async fn look(&self, run: &RunId) -> Result<Look, LaunchError>;

    /// The latest runs of which this holds, newest first, without their outcomes.
    ///
    /// # Errors
    /// The journal cannot be read.
    async fn list(&self, sought: &Sought) -> Result<Vec<Look>, LaunchError>;

    /// The latest run whose name begins so.
    ///
    /// # Errors
    /// The journal cannot be read.
    async fn latest(&self, begin: &str) -> Result<Option<RunId>, LaunchError>;

    /// The runs whose names begin so and that nothing drives, though they could go on by themselves,
    /// latest first, with the names of their agents.
    ///
    /// # Errors
    /// The journal cannot be read.
    async fn interrupted(&self, begin: &str) -> Result<Vec<(RunId, String)>, LaunchError>;

    /// The report of a run, as far as it came, in a format that [`Document::ending`] names; `None` where
    /// it makes none.
    ///
    /// # Errors
    /// There is no such run or no such format, or its journal cannot be read.
    async fn report(&self, run: &RunId, format: &str) -> Result<Option<Document>, LaunchError>;

    /// Reads the events of a run from this number on.
    fn follow(&self, run: &RunId, from: u64) -> Box<dyn Events>;

    /// Ends a run for good that is not driven, unless it has ended.
    ///
    /// # Errors
    /// The journal cannot be written.
    async fn cancel(&self, run: &RunId) -> Result<(), LaunchError>;
}

/// The events of a run, as far as they were read.
#[async_trait]
pub trait Events: Send {
    /// Those that have come since, each with the `usage` of the run after it.
    ///
    /// # Errors
    /// There is no such run, or its journal cannot be read.
    async fn more(&mut self) -> Result<Vec<Value>, LaunchError>;
}
