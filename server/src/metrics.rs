//! What the server has done, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::user::User;

/// Counters since the server began.
#[derive(Default)]
pub(crate) struct Metrics {
    /// By route and status.
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    /// Tokens by model: read, of them from its cache, written.
    tokens: Mutex<BTreeMap<String, [u64; 3]>>,
    /// Runs by agent and how they ended.
    runs: Mutex<BTreeMap<(String, String), u64>>,
    busy_ms: AtomicU64,
    pub(crate) answering: AtomicU64,
    pub(crate) connections: AtomicU64,
}

impl Metrics {
    /// A request on this route was answered with this status after so long.
    pub(crate) fn answered(&self, route: &str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route.to_string(), status)).or_default() += 1;
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.busy_ms.fetch_add(took, Ordering::Relaxed);
    }

    /// A model read and wrote so many tokens.
    pub(crate) fn tokens(&self, model: &str, read: u64, cached: u64, written: u64) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = tokens.entry(model.to_string()).or_default();
        for (count, more) in counts.iter_mut().zip([read, cached, written]) {
            *count += more;
        }
    }

    /// Tokens of a model: read, of them from its cache, written.
    pub(crate) fn tokens_of(&self, model: &str) -> [u64; 3] {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(model).copied().unwrap_or_default()
    }

    /// A run of this agent came to such an end, for now or for good.
    pub(crate) fn run(&self, agent: &str, end: &str) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        *runs.entry((agent.to_string(), end.to_string())).or_default() += 1;
    }

    /// All of it that this user may know; `gauges` are what others know at this moment, by name and label.
    pub(crate) fn text(&self, gauges: &[(&str, &str, u64)], user: &User) -> String {
        let mut out = String::new();
        let mut head = "";
        let mut line = |name: &'static str, kind, labels: &[(&str, &str)], value: f64| {
            if head != name {
                let _ = writeln!(out, "# TYPE {name} {kind}");
                head = name;
            }
            let labels: Vec<String> =
                labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
            let labels =
                if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(out, "{name}{labels} {value}");
        };
        for ((route, status), count) in
            &*self.requests.lock().unwrap_or_else(PoisonError::into_inner)
        {
            let labels = [("route", &**route), ("status", &*status.to_string())];
            line("errand_http_requests_total", "counter", &labels, *count as f64);
        }
        let seconds = self.busy_ms.load(Ordering::Relaxed) as f64 / 1000.0;
        line("errand_http_request_seconds_total", "counter", &[], seconds);
        let names = [
            "errand_tokens_read_total",
            "errand_tokens_cached_total",
            "errand_tokens_written_total",
        ];
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, name) in names.into_iter().enumerate() {
            for (model, counts) in tokens.iter().filter(|(model, _)| user.asks(model)) {
                line(name, "counter", &[("model", &**model)], counts[place] as f64);
            }
        }
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        for ((agent, end), count) in runs.iter().filter(|((agent, _), _)| user.runs(agent)) {
            line("errand_runs_total", "counter", &[("agent", agent), ("end", end)], *count as f64);
        }
        let answering = self.answering.load(Ordering::Relaxed) as f64;
        line("errand_http_requests_active", "gauge", &[], answering);
        let connections = self.connections.load(Ordering::Relaxed) as f64;
        line("errand_http_connections_active", "gauge", &[], connections);
        for (name, model, value) in gauges {
            let labels: &[(&str, &str)] = if model.is_empty() { &[] } else { &[("model", model)] };
            match *name {
                "queue" => line("errand_model_queue", "gauge", labels, *value as f64),
                _ => line("errand_runs_active", "gauge", labels, *value as f64),
            }
        }
        out
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::TokenHash;

    #[test]
    fn counters_are_lines_and_labels_cannot_break_out() {
        let metrics = Metrics::default();
        metrics.answered("/v1/models", 200, Duration::from_millis(1500));
        metrics.answered("/v1/models", 200, Duration::from_millis(500));
        metrics.tokens("a\"b\nc", 10, 4, 2);
        metrics.run("hidden", "done");
        let user = User {
            name: "ada".to_string(),
            token: TokenHash::of(""),
            models: None,
            agents: Some(Vec::new()),
            most: None,
        };
        let text = metrics.text(&[("queue", "m", 3)], &user);
        assert_eq!(
            text,
            "# TYPE errand_http_requests_total counter\n\
             errand_http_requests_total{route=\"/v1/models\",status=\"200\"} 2\n\
             # TYPE errand_http_request_seconds_total counter\n\
             errand_http_request_seconds_total 2\n\
             # TYPE errand_tokens_read_total counter\n\
             errand_tokens_read_total{model=\"a\\\"b\\nc\"} 10\n\
             # TYPE errand_tokens_cached_total counter\n\
             errand_tokens_cached_total{model=\"a\\\"b\\nc\"} 4\n\
             # TYPE errand_tokens_written_total counter\n\
             errand_tokens_written_total{model=\"a\\\"b\\nc\"} 2\n\
             # TYPE errand_http_requests_active gauge\n\
             errand_http_requests_active 0\n\
             # TYPE errand_http_connections_active gauge\n\
             errand_http_connections_active 0\n\
             # TYPE errand_model_queue gauge\n\
             errand_model_queue{model=\"m\"} 3\n"
        );
    }
}
