//! How much the server takes on.

use std::time::Duration;

/// How much the server takes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Open connections.
    pub connections: usize,
    /// Requests a minute of one user.
    pub rate: u32,
    /// Requests of one user that are being answered, those that wait for a model among them.
    pub concurrent: usize,
    /// Requests that wait for one model, beside the one that it answers.
    pub queue: usize,
    /// Runs at once.
    pub runs: usize,
    /// How long one answer may take, the wait for the model with it.
    pub request: Duration,
    /// How long a client may take to send a request, and how long it may leave unread what it was sent.
    pub client: Duration,
    /// How long requests that are being answered may go on once the server shall stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 4 << 20,
            connections: 256,
            rate: 600,
            concurrent: 16,
            queue: 32,
            runs: 4,
            request: Duration::from_secs(600),
            client: Duration::from_secs(30),
            drain: Duration::from_secs(30),
        }
    }
}
