//! Errand as a whole: the binary on real folders, loopback servers and scripted models.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, missing_docs)]

mod agents;
mod approvals;
mod attacks;
mod author;
mod batch;
mod browser;
mod chat;
mod cli;
mod components;
mod demo;
mod docs;
mod doctor;
mod faults;
mod home;
mod journal;
mod lent;
mod library;
mod mcp;
mod moment;
mod outputs;
mod person;
mod place;
mod private;
mod programs;
mod research;
mod runs;
mod search;
mod selfmod;
mod server;
mod shown;
mod sources;
mod steps;
mod stepwise;
mod task;
mod tidy;
