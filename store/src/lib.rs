//! SQLite under ERRAND_HOME: the journal of every run.
