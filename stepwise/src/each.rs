//! Lists among the results: where one of its values was looked up, a task may mean the others too. A
//! small model stops at the first; so it is asked, once for each list.

use serde_json::Value;

use super::calibration::thresholds;
use super::prompts;
use super::several::{MOST, side_by_side};
use super::{Stage, Stepwise};
use agent_core::agent::Agent;
use agent_core::event::Status;
use agent_core::message::Message;
use agent_core::strategy::Decision;

/// A lookup that can be made with the other values of a list as well.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Siblings {
    tool: String,
    /// What the lookup was made with, and the argument among it that is in the list.
    arguments: Value,
    argument: String,
    others: Vec<Value>,
    /// The step that gave the list, and the one that used it.
    from: usize,
    to: usize,
}

impl Stepwise {
    /// The other values of the list that the latest step took one of its arguments from, unless they
    /// were asked about or the task names the very one.
    pub(super) fn siblings(&self, agent: &Agent) -> Option<Siblings> {
        let to = self.taken.len().checked_sub(1)?;
        let step = self.taken.get(to).filter(|step| step.status == Status::Ok)?;
        if self.changes(&step.tool) || self.each.iter().any(|tool| tool == &step.tool) {
            return None;
        }
        let arguments = step.arguments.as_object()?;
        arguments.iter().find_map(|(argument, value)| {
            if agent.task.contains(&shown(value)) {
                return None;
            }
            let (from, list) = self.list_with(to, value)?;
            let with = |other: &Value| {
                let mut arguments = step.arguments.clone();
                arguments[argument] = other.clone();
                arguments
            };
            let mut others: Vec<Value> = Vec::new();
            for other in list {
                let like = other.is_string() == value.is_string()
                    && (other.is_string() || other.is_number());
                if like && !others.contains(&other) && !self.repeats(&step.tool, &with(&other)) {
                    others.push(other);
                }
            }
            let (tool, arguments) = (step.tool.clone(), step.arguments.clone());
            let argument = argument.clone();
            // Of longer lists none is looked up one by one.
            (1..=MOST).contains(&others.len()).then_some(Siblings {
                tool,
                arguments,
                argument,
                others,
                from,
                to,
            })
        })
    }

    /// The latest step before this one whose result has a list with this value, and that list.
    fn list_with(&self, before: usize, value: &Value) -> Option<(usize, Vec<Value>)> {
        if !value.is_string() && !value.is_number() {
            return None;
        }
        let earlier = self.taken.iter().enumerate().take(before).rev();
        let mut good = earlier.filter(|(_, step)| step.status == Status::Ok);
        good.find_map(|(at, step)| {
            let result: Value = serde_json::from_str(&step.whole).ok()?;
            Some((at, list_in(&result, value)?))
        })
    }

    pub(super) fn ask_for_each(&self, agent: &Agent, siblings: &Siblings) -> Vec<Message> {
        let Siblings { from, to, others, .. } = siblings;
        match (self.taken.get(*from), self.taken.get(*to)) {
            (Some(list), Some(done)) => prompts::each(agent, list, done, others),
            _ => Vec::new(),
        }
    }

    /// How likely it is that the task means the others too.
    pub(super) fn for_each(
        &mut self,
        agent: &Agent,
        number: u64,
        siblings: &Siblings,
        odds: f32,
    ) -> Decision {
        self.each.push(siblings.tool.clone());
        self.stage = Stage::Choose;
        if odds < thresholds(agent).each {
            return Decision { next: self.choose(agent), ..Decision::default() };
        }
        let Siblings { tool, arguments, argument, others, .. } = siblings;
        let with = |other: &Value| {
            let mut arguments = arguments.clone();
            arguments[argument] = other.clone();
            arguments
        };
        let calls = side_by_side(number, tool, others.iter().map(with));
        let Ok(next) = self.made(agent, calls) else {
            return Decision { next: self.choose(agent), ..Decision::default() };
        };
        self.pending = others.len();
        let plan = Some(format!("next: {tool} for each of the others"));
        Decision { plan, next, ..Decision::default() }
    }
}

/// A value as people write it.
pub(super) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// The first list in a result that has this value: among its items, or as a field of each.
fn list_in(result: &Value, value: &Value) -> Option<Vec<Value>> {
    match result {
        Value::Array(items) => {
            if items.contains(value) {
                return Some(items.clone());
            }
            let field = items.iter().filter_map(Value::as_object).find_map(|item| {
                item.iter().find(|(_, own)| *own == value).map(|(field, _)| field)
            });
            match field {
                Some(field) => {
                    Some(items.iter().filter_map(|item| item.get(field)).cloned().collect())
                }
                None => items.iter().find_map(|item| list_in(item, value)),
            }
        }
        Value::Object(fields) => fields.values().find_map(|inner| list_in(inner, value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_list_that_a_value_is_from_is_found() {
        let found = |result: Value, value: Value| list_in(&result, &value);
        let jobs = json!({"jobs": ["W-1", "W-2"]});
        assert_eq!(found(jobs.clone(), json!("W-2")), Some(vec![json!("W-1"), json!("W-2")]));
        assert_eq!(found(jobs, json!("W-3")), None);
        let rows = json!([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]);
        assert_eq!(found(rows.clone(), json!(2)), Some(vec![json!(1), json!(2)]));
        assert_eq!(found(rows, json!("a")), Some(vec![json!("a"), json!("b")]));
    }
}
