//! `[budget]`: what a run may spend. Refuses a limit that cannot be kept.

use super::problem::shortened;
use super::report::Report;
use super::{AgentFile, BudgetTable, duration};
use agent_core::agent::{Budget, ModelConfig};

/// The budget of an agent with this model.
pub(super) fn budget(file: &AgentFile, model: &ModelConfig, report: &mut Report<'_>) -> Budget {
    let budget = limits("/budget", &file.budget, Budget::default(), report);
    let cost_usd = budget.cost_usd;
    // A price or a provider that is written but wrong has been reported.
    let table = file.model.as_ref();
    let wrong = |key, read: bool| !read && report.source.value["model"].get(key).is_some();
    let unclear = wrong("price", table.is_some_and(|table| table.price.is_some()))
        || wrong("provider", table.is_some_and(|table| table.provider.is_some()));
    if cost_usd.is_some() && model.price.is_none() && !unclear {
        let message = format!("`cost_usd` cannot be kept: `{}` has no price", model.name);
        let other = table.is_some_and(|table| table.price.is_some());
        report.key("/budget/cost_usd", message).hint(match model.provider {
            _ if other => "the price in the file is for another model than `--model` names",
            provider if provider.capabilities().priced => {
                "add `price = { input = …, output = … }` to `[model]`, in USD per million tokens"
            }
            _ => "this model costs nothing: remove `cost_usd`, or give `[model]` a `price`",
        });
    }
    budget
}

/// A budget's table; what it leaves out is as in `otherwise`.
pub(super) fn limits(
    pointer: &str,
    table: &BudgetTable,
    otherwise: Budget,
    report: &mut Report<'_>,
) -> Budget {
    let BudgetTable { steps, tokens, time, cost_usd } = table;
    let mut budget = Budget {
        steps: steps.unwrap_or(otherwise.steps),
        tokens: tokens.unwrap_or(otherwise.tokens),
        time: otherwise.time,
        cost_usd: cost_usd.or(otherwise.cost_usd),
    };
    if let Some(text) = time {
        match duration::read(text) {
            Ok(time) => budget.time = time,
            Err(wanted) => {
                let message = format!("`time` must be {wanted}, not `{}`", shortened(text));
                report.value(&format!("{pointer}/time"), message);
            }
        }
    }
    budget
}
