//! What a run does as spans, in the words of OpenTelemetry's conventions for generative AI
//! (`gen_ai.*`): a run is `invoke_agent NAME`, a model call `chat MODEL`, a tool call
//! `execute_tool NAME`. They carry names and counts, never what was said.

use tracing::Span;
use tracing::field::Empty;

use crate::action::Action;
use crate::event::{Observation, Outcome, Status};
use crate::model::{Finish, Model, Reply, Request};
use crate::run::Run;

pub(super) fn invoke_agent(run: &Run) -> Span {
    let agent = run.agent();
    tracing::info_span!(
        "invoke_agent",
        otel.name = format!("invoke_agent {}", agent.name),
        otel.status_code = Empty,
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = agent.name,
        gen_ai.conversation.id = %run.id(),
        gen_ai.provider.name = %agent.model.provider,
        gen_ai.request.model = agent.model.name,
        errand.strategy = run.strategy().name,
        errand.reason = Empty,
        error.type = Empty,
    )
}

pub(super) fn ended(span: &Span, outcome: &Outcome) {
    if let Some(reason) = outcome.reason {
        span.record("errand.reason", reason.as_str());
        failed(span, reason.as_str());
    }
}

pub(super) fn chat(model: &dyn Model, request: &Request) -> Span {
    tracing::info_span!(
        "chat",
        otel.name = format!("chat {}", model.name()),
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = "chat",
        gen_ai.request.model = model.name(),
        gen_ai.request.max_tokens = request.max_tokens,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.response.finish_reasons = Empty,
        error.type = Empty,
    )
}

pub(super) fn replied(span: &Span, reply: &Result<Reply, String>) {
    let Ok(reply) = reply else { return failed(span, "unanswered") };
    span.record("gen_ai.usage.input_tokens", reply.usage.input);
    span.record("gen_ai.usage.output_tokens", reply.usage.output);
    let finish = match reply.finish {
        Finish::Stop => "stop",
        Finish::Cut => "length",
        Finish::Looped => "repetition",
    };
    span.record("gen_ai.response.finish_reasons", finish);
}

pub(super) fn execute_tool(action: &Action) -> Span {
    tracing::info_span!(
        "execute_tool",
        otel.name = format!("execute_tool {}", action.tool),
        otel.status_code = Empty,
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = action.tool,
        gen_ai.tool.call.id = %action.id,
        error.type = Empty,
    )
}

pub(super) fn observed(span: &Span, observation: &Observation) {
    match observation.status {
        Status::Ok => {}
        Status::Failed => failed(span, "failed"),
        Status::Denied => failed(span, "denied"),
        Status::Unsure => failed(span, "unsure"),
    }
}

fn failed(span: &Span, kind: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", kind);
}
