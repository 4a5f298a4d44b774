//! What a lock says that a person looked at and agreed to. Plain data; the file is read elsewhere.

use std::collections::BTreeMap;

use crate::component::Locked;
use crate::mcp::Pinned;

/// The contents of a lock.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Agreed {
    /// Components, by name.
    pub components: BTreeMap<String, Locked>,
    /// MCP servers, by name.
    pub servers: BTreeMap<String, Pinned>,
}
