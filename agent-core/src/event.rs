//! What happened: the only thing that changes a run, and all that a journal holds.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::action::{Action, CallId, Capability, Verdict};
use crate::agent::{Agent, ModelConfig};
use crate::content::ContentPart;
use crate::model::Reply;
use crate::provenance::Origin;
use crate::replay_seed::Start;
use crate::sandbox::Cost;
use crate::tool::Effect;

/// Names one run, on this machine and for good.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub String);

impl RunId {
    /// The run of an agent that does the work of a call of this run: `abc-c3`, and `abc-c3_1` for
    /// a call that the code of `c3` made.
    pub fn child(&self, call: &CallId) -> RunId {
        RunId(format!("{self}-{}", call.0.replace('.', "_")))
    }

    /// The run that this one does the work of a call for.
    pub fn parent(&self) -> Option<RunId> {
        self.0.rsplit_once('-').map(|(parent, _)| RunId(parent.to_string()))
    }

    /// The calls that led to it, `c3-c1`; `None` for a run that a person began.
    pub fn way(&self) -> Option<&str> {
        self.0.split_once('-').map(|(_, way)| way)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The latest form in which events are written. A journal of a later one is refused.
pub const VERSION: u32 = 2;

/// The form of what names no part: as it was before there were any.
const TEXT: u32 = 1;

/// An event and when it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The version of its form. Events without one are of the first.
    #[serde(rename = "v", default = "first")]
    pub version: u32,
    /// Milliseconds since 1970, from the driver's clock.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

fn first() -> u32 {
    TEXT
}

impl Event {
    /// What happened at this moment, in the first form that has all of it: what names a part is not
    /// read by an errand that would lose it.
    pub fn new(at: u64, what: What) -> Event {
        let version = if what.parts().is_empty() { TEXT } else { VERSION };
        Event { version, at, what }
    }

    /// An event as a journal has it.
    ///
    /// # Errors
    /// It is of a later form, or none at all; the text says which.
    pub fn parse(json: &str) -> Result<Event, String> {
        #[derive(Deserialize)]
        struct Form {
            #[serde(rename = "v", default = "first")]
            version: u32,
        }
        // A later form may have other fields: its version is looked at first.
        match serde_json::from_str::<Form>(json) {
            Ok(Form { version }) if version > VERSION => Err(format!(
                "was written by a later errand (form {version}; this one reads up to {VERSION})"
            )),
            _ => serde_json::from_str(json).map_err(|error| format!("makes no sense: {error}")),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// The run began. Holds the agent as it was, so that a resume needs no file.
    Started {
        /// The checked agent.
        agent: Arc<Agent>,
        /// The name of its strategy.
        #[serde(alias = "style")]
        strategy: String,
        /// Where what it was told came from: what the agent that called it had read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        taint: Vec<Origin>,
        /// What was attached to its task.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<ContentPart>,
    },
    /// A driver took the run up again; the time between does not count.
    Resumed {
        /// Another model than before, from here on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<Box<ModelConfig>>,
    },
    /// A person says something more, in a conversation: the run goes on from where it was.
    Said {
        /// In the person's words.
        text: String,
    },
    /// A person took back what was said last. What it led to outside has happened all the same.
    Undone,
    /// The model is about to be asked.
    Thinking {
        /// Which model call, from 0.
        call: u64,
        /// Tokens set aside for it.
        reserved: u64,
        /// Whether it is the last one the budget has room for, and must be the answer.
        last: bool,
    },
    /// The model answered.
    Replied {
        /// Which model call.
        call: u64,
        /// What it wrote.
        reply: Reply,
    },
    /// The model did not answer, and the run stops for now. The wait counts.
    Unanswered {
        /// Which model call.
        call: u64,
        /// Why.
        reason: String,
    },
    /// The plan, or what it has become.
    Planned {
        /// In the model's words.
        plan: String,
    },
    /// A person put these in the place of the parts of a plan that waited for a yes.
    #[serde(alias = "replanned")]
    Revised {
        /// What is to be done.
        #[serde(alias = "questions")]
        parts: Vec<String>,
    },
    /// A call was judged.
    Judged {
        /// What was judged.
        action: Action,
        /// What came of it.
        verdict: Verdict,
    },
    /// A person answered an `ask`.
    Answered {
        /// The call that was waiting; `plan` where a plan was.
        call: CallId,
        /// Whether it may happen.
        granted: bool,
    },
    /// A permitted call is about to run.
    Acting {
        /// Which call.
        call: CallId,
        /// Whether it could run again if this is the last that is heard of it.
        effect: Effect,
        /// What its clocks and random numbers begin with, where they are the host's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<Start>,
    },
    /// While a call runs, its guest used a capability (or was refused it).
    Used {
        /// The call whose guest it was.
        call: CallId,
        /// Counts the uses of this call, from 0.
        mark: u64,
        /// What it wanted.
        capability: Capability,
        /// What was said.
        verdict: Verdict,
    },
    /// A use that changes something outside has happened.
    Done {
        /// The call.
        call: CallId,
        /// The use.
        mark: u64,
    },
    /// A call gave something back.
    Observed {
        /// Which call.
        call: CallId,
        /// What it gave.
        observation: Observation,
    },
    /// The run is over.
    Ended {
        /// What came of it.
        outcome: Outcome,
    },
}

impl What {
    /// The parts that it names; their bytes are in the journal before the event is.
    pub fn parts(&self) -> &[ContentPart] {
        match self {
            What::Started { parts, .. } => parts,
            What::Observed { observation, .. } => &observation.parts,
            _ => &[],
        }
    }
}

/// What a tool call gave back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// For the model to read.
    pub text: String,
    /// The result as data; null for a failure, a denial, or a call that may have happened.
    pub result: Value,
    /// How it went.
    pub status: Status,
    /// What stands beside the text, which has a line for each; the bytes are kept by the journal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ContentPart>,
    /// Where its bytes came from.
    pub origins: Vec<Origin>,
    /// What it used.
    pub cost: Cost,
    /// The most bytes of it that a model is shown at once, where the tool's own limit leaves some
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u64>,
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It gave a result.
    Ok,
    /// The tool failed, or its arguments were wrong.
    Failed,
    /// The policy, or a person, said no.
    Denied,
    /// It was interrupted, and may have happened.
    Unsure,
}

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The value that satisfies the schema, or `{"answer": text}`; null where there is none.
    pub value: Value,
    /// Why there is none.
    pub reason: Option<Reason>,
    /// More about the reason, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What a person names to say yes to what the run waits for ([`Action::mark`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
}

/// Why a run ended without an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The budget's steps are spent.
    Steps,
    /// The budget's tokens are spent.
    Tokens,
    /// The budget's time is spent.
    Time,
    /// The budget's money is spent.
    Cost,
    /// Something outside broke.
    Fault,
    /// A person stopped it.
    Cancelled,
    /// It waits for a person's yes or no.
    Approval,
    /// Nothing that was observed supports an answer.
    Unsupported,
}

impl Reason {
    /// In a few words for a person.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Steps => "the budget's steps were spent",
            Reason::Tokens => "the budget's tokens were spent",
            Reason::Time => "the budget's time was spent",
            Reason::Cost => "the budget's money was spent",
            Reason::Fault => "something outside broke",
            Reason::Cancelled => "it was stopped",
            Reason::Approval => "it waits for a person's yes or no",
            Reason::Unsupported => "nothing that was observed supports an answer",
        }
    }
}
