//! How a run acts. A [`Strategy`] says how the model is asked and what its replies and the tools'
//! observations come to; it is a pure value within the run and never calls a model or a tool.
//!
//! The two plain ones are here: [`tools`] offers schema'd calls, [`code`] asks for Python; and what
//! needs no model, [`one_call`]. Others
//! live in crates of their own. A program lists those it has in a [`Strategies`] registry, and a run
//! stores the name of its own.

pub mod cited;
mod code;
mod decision;
mod functions;
mod one_call;
mod parse;
mod prompt;
mod prompts;
mod reasoning;
mod registry;
mod signature;
mod tools;

pub use code::CODE;
pub use decision::{Decision, Next, answer, cut, unfenced};
pub use one_call::{ONE_CALL, one_call};
pub use parse::{Parsed, parse};
pub use prompt::{Prompt, for_a_model, paragraphs};
pub use prompts::{Answered, PromptText, last_question};
pub use reasoning::{after_reasoning, reasoning_marks};
pub use registry::{Entry, Models, Needs, Strategies};
pub use signature::{shape, signature};
pub use tools::TOOLS;

pub(crate) use prompts::unseen;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::action::CallId;
use crate::agent::Agent;
use crate::event::Observation;
use crate::message::{Message, ToolCall};
use crate::model::Reply;
use crate::tool::ToolSpec;

/// The tool that runs a model's code.
pub const PYTHON: &str = "python";

/// What a proposal is called: as the call that a person answers, and in `[permissions] ask`.
pub const PLAN: &str = "plan";

/// How a run acts, and how far it is.
pub trait Strategy: fmt::Debug + Send + Sync {
    /// The same, for a run that is cloned.
    fn boxed(&self) -> Box<dyn Strategy>;

    /// The run's conversation, where the model reads one. `None`: each prompt is a conversation of
    /// its own.
    fn conversation(&self) -> Option<&dyn Conversation> {
        None
    }

    /// What a run begins with.
    fn begin(&mut self, _run: &View<'_>) -> Next {
        Next::Again
    }

    /// How the model is asked next. Where `run.last` is set, only the answer is left.
    fn prompt(&self, run: &View<'_>) -> Prompt;

    /// What a reply comes to.
    fn read(&mut self, run: &View<'_>, reply: &Reply) -> Decision;

    /// What a call gave back, and what follows from it.
    fn observe(&mut self, _run: &View<'_>, _call: &ToolCall, _observation: &Observation) -> Next {
        Next::Again
    }

    /// Whether the model is asked for one word next, on the way to a step: that is no step of the
    /// budget.
    fn decides(&self) -> bool {
        false
    }

    /// What waits for a person's yes before anything else happens.
    fn proposal(&self) -> Option<Proposal> {
        None
    }

    /// A person put these in the place of the proposal's parts.
    fn revise(&mut self, _parts: &[String]) {}

    /// A person said yes or no to the proposal.
    fn decided(&mut self, _run: &View<'_>, _granted: bool) -> Next {
        Next::Again
    }

    /// What is known before the end, for an outcome that comes too early for this reason. `None`:
    /// nothing that is worth telling.
    fn known(&self, _run: &View<'_>, _stopped: &str) -> Option<Value> {
        None
    }
}

impl Clone for Box<dyn Strategy> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// How a strategy writes the run's conversation.
pub trait Conversation {
    /// What it begins with.
    fn opening(&self, agent: &Agent, tools: &[Arc<ToolSpec>]) -> Vec<Message>;

    /// The message that tells the model what a call gave back.
    fn observed(&self, call: &ToolCall, text: String) -> Message;

    /// How the model asks for the second part of an output that it was not shown whole.
    fn reads_on(&self, call: &CallId) -> String;
}

/// What a strategy sees of its run.
pub struct View<'a> {
    /// The agent.
    pub agent: &'a Agent,
    /// The tools that are offered now.
    pub tools: &'a [Arc<ToolSpec>],
    /// The files and pages that an answer can cite, as the model writes them.
    pub sources: &'a [String],
    /// Whether something was observed that a filled-in answer can stand on.
    pub grounds: Grounds,
    /// The number of the model call, from 0.
    pub call: u64,
    /// Whether the budget has room for nothing but the answer.
    pub last: bool,
    /// Whether the latest answer did not satisfy its schema.
    pub correcting: bool,
    /// When the latest event happened, in milliseconds since 1970.
    pub now: u64,
}

/// Whether something was observed that a filled-in answer can stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grounds {
    /// Nothing, though there are tools to look with.
    Nothing,
    /// Something; or there are no tools; or the model was told and says that it needs none.
    Enough,
}

/// What waits for a person's yes. It is asked about as a call to [`PLAN`] is.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// What is proposed, as the arguments of that call.
    pub arguments: Value,
    /// Why a person is asked.
    pub reason: String,
}
