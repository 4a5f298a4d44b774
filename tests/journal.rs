//! A journal as text, one line an event: what a test holds against what it expects.

use agent_core::action::Verdict;
use agent_core::event::{Event, Observation, Outcome, What};
use text::head;

/// The most characters of a text on a line.
const SHOWN: usize = 400;

pub(crate) fn rendered(events: &[Event]) -> String {
    events.iter().map(|event| line(&event.what)).collect::<Vec<_>>().join("\n")
}

/// One event on one line, without its time.
pub(crate) fn line(what: &What) -> String {
    let text = match what {
        What::Started { agent, strategy, .. } => format!("started {} by {strategy}", agent.name),
        What::Resumed { model: None } => "resumed".to_string(),
        What::Resumed { model: Some(model) } => format!("resumed with {}", model.name),
        What::Said { text } => format!("said {text}"),
        What::Undone => "undone".to_string(),
        What::Thinking { call, last, .. } => {
            format!("thinking {call}{}", if *last { " (last)" } else { "" })
        }
        What::Unanswered { call, reason } => format!("unanswered {call} {reason}"),
        What::Replied { call, reply } => {
            let calls = reply.tool_calls.iter().map(|c| format!(" {}{}", c.name, c.arguments));
            format!("replied {call} {:?}{}", reply.content, calls.collect::<String>())
        }
        What::Planned { plan } => format!("planned {plan}"),
        What::Revised { parts } => format!("revised {}", parts.join(" | ")),
        What::Judged { action, verdict } => {
            format!("judged {} {}{} {}", action.id, action.tool, action.arguments, said(verdict))
        }
        What::Answered { call, granted } => {
            format!("answered {call} {}", if *granted { "yes" } else { "no" })
        }
        What::Acting { call, effect, .. } => format!("acting {call} {effect:?}"),
        What::Used { call, capability, verdict, .. } => {
            format!("used {call} {capability} {}", said(verdict))
        }
        What::Done { call, .. } => format!("done {call}"),
        What::Observed { call, observation } => format!("observed {call} {}", seen(observation)),
        What::Ended { outcome } => format!("ended {}", ended(outcome)),
    };
    head(&text, SHOWN).replace('\n', "⏎")
}

fn said(verdict: &Verdict) -> String {
    let decision = format!("{:?}", verdict.decision).to_lowercase();
    match verdict.reasons.is_empty() {
        true => decision,
        false => format!("{decision}: {}", verdict.reasons.join("; ")),
    }
}

fn seen(observation: &Observation) -> String {
    let Observation { text, status, origins, .. } = observation;
    let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
    format!("{} [{}] {}", format!("{status:?}").to_lowercase(), origins.join(", "), text.trim_end())
}

fn ended(outcome: &Outcome) -> String {
    match outcome.reason {
        None => outcome.value.to_string(),
        Some(reason) => format!("{reason:?}").to_lowercase(),
    }
}
