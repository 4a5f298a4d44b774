//! Cedar policies: the default ones, what an agent file grants, and the verdict.
