//! Acting by code, for a small constrained model.

use super::{Ask, Turn};
use crate::agent::Agent;
use crate::event::Observation;
use crate::message::{Message, ToolCall};
use crate::model::Reply;
use crate::tool::ToolSpec;

#[derive(Debug, Clone, Default)]
pub(crate) struct Guide {}

pub(crate) fn open(agent: &Agent, tools: &[ToolSpec]) -> Vec<Message> {
    super::code::open(agent, tools)
}

impl Guide {
    pub(crate) fn ask(&self, agent: &Agent, last: bool) -> Ask {
        super::code::ask(agent, false, last)
    }
    pub(crate) fn read(&mut self, agent: &Agent, number: u64, reply: &Reply, last: bool) -> Turn {
        super::code::read(agent, number, reply, last)
    }
    pub(crate) fn observe(
        &mut self,
        _agent: &Agent,
        _asked: &ToolCall,
        _observation: &Observation,
        text: &str,
    ) -> Vec<Message> {
        vec![Message::user(text)]
    }
}
