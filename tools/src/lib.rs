//! The tools an agent can be granted: their schemas, their plans, their guests.
