//! What a person gives a run that it cannot take: an answer that does not fit what it waits for, an image
//! that its model is not shown.

use agent_core::action::Action;
use agent_core::drive::Approval;
use agent_core::event::RunId;
use agent_core::question::Question;

/// What a person gave a run that it cannot take.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub(crate) String);

pub(super) fn unfit(run: &RunId, approval: Option<&Approval>, action: &Action) -> Option<String> {
    match (approval?, Question::of(action)) {
        (Approval::Said(words), Some(question)) => {
            let hint = "`--answer` takes a choice by its text or its number";
            question.answer(words).err().map(|problem| format!("{problem}\nhint: {hint}"))
        }
        (Approval::Said(_), None) => Some(format!(
            "call `{}` waits for a yes or a no, not for an answer\nhint: `--approve` or `--deny`",
            action.id
        )),
        (Approval::Granted | Approval::Marked(_), Some(question)) => Some(format!(
            "a question waits for an answer, not for a yes: {}\nhint: `--answer TEXT`",
            question.shown()
        )),
        (Approval::Marked(mark), None) if *mark != action.mark() => Some(format!(
            "run `{run}` does not wait for `{mark}`\nhint: `errand runs resume {run}` shows what it \
             waits for, and how to say yes to that"
        )),
        _ => None,
    }
}
