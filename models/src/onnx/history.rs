//! What a step costs by how much the model has read before it, on made-up tokens: one token written, and a
//! piece of a prompt of fixed size. What grows with it is attention alone.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::bench::{busy, median, synthetic};
use super::session::CHUNK;
use super::{EngineError, Options, Session};

/// The tokens of a piece: a prompt is read in such.
pub const PIECE: usize = CHUNK;
/// How many lengths of history are measured, at equal distances.
const POINTS: usize = 8;
/// Tokens written at each of them in a round.
const STEPS: usize = 16;

/// What was measured after so many tokens of history.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// How many tokens had been read.
    pub history: usize,
    /// The milliseconds that one more token takes to be written, the median of all.
    pub step_ms: f64,
    /// The milliseconds that a piece of [`PIECE`] tokens takes to be read, the median of the rounds.
    pub piece_ms: f64,
    /// The step's processor time, of all threads.
    pub step_busy_ms: f64,
    /// The piece's processor time, of all threads.
    pub piece_busy_ms: f64,
}

/// A straight line through points, by least squares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Line {
    /// Its value without any history.
    pub at_zero: f64,
    /// By how much it rises with each token of history.
    pub per_token: f64,
    /// The share of the points' variance that it explains.
    pub r2: f64,
}

/// Measures the model in `folder` after an eighth of `most` tokens of history, two eighths, up to all. A round
/// goes through all lengths, so that what else the machine does falls on each of them alike.
///
/// # Errors
/// The model does not open, does not run, or does not hold `most` tokens and a piece.
pub fn history(
    folder: &Path,
    most: usize,
    rounds: usize,
    threads: usize,
) -> Result<Vec<Cost>, EngineError> {
    let stride = (most / POINTS).max(1);
    let context = (stride * POINTS + PIECE) as u32;
    let mut session = Session::open(folder, Options { threads, context, ..Options::default() })?;
    let tokens = synthetic(context as usize, session.vocab());
    session.feed(&tokens[..STEPS])?;
    let mut steps = vec![Timed::default(); POINTS];
    let mut pieces = vec![Timed::default(); POINTS];
    for _ in 0..rounds.max(1) {
        session.rewind(0);
        for (point, (steps, pieces)) in steps.iter_mut().zip(&mut pieces).enumerate() {
            let history = stride * (point + 1);
            session.feed(&tokens[session.len()..history])?;
            for token in &tokens[history..history + STEPS] {
                steps.feed(&mut session, std::slice::from_ref(token))?;
            }
            session.rewind(history);
            pieces.feed(&mut session, &tokens[history..history + PIECE])?;
            session.rewind(history);
        }
    }
    let costs =
        steps.iter_mut().zip(&mut pieces).enumerate().map(|(point, (steps, pieces))| Cost {
            history: stride * (point + 1),
            step_ms: 1000.0 * median(&mut steps.wall),
            piece_ms: 1000.0 * median(&mut pieces.wall),
            step_busy_ms: 1000.0 * median(&mut steps.busy),
            piece_busy_ms: 1000.0 * median(&mut pieces.busy),
        });
    Ok(costs.collect())
}

/// How long the same work took, each time.
#[derive(Debug, Clone, Default)]
struct Timed {
    wall: Vec<Duration>,
    busy: Vec<Duration>,
}

impl Timed {
    fn feed(&mut self, session: &mut Session, tokens: &[u32]) -> Result<(), EngineError> {
        let (start, before) = (Instant::now(), busy());
        session.feed(tokens)?;
        self.wall.push(start.elapsed());
        self.busy.push(busy().saturating_sub(before));
        Ok(())
    }
}

impl Line {
    /// The line through one of the costs.
    pub fn through(costs: &[Cost], cost: fn(&Cost) -> f64) -> Line {
        let count = costs.len().max(1) as f64;
        let mean = |get: &dyn Fn(&Cost) -> f64| costs.iter().map(get).sum::<f64>() / count;
        let (x, y) = (mean(&|it| it.history as f64), mean(&cost));
        let both = mean(&|it| (it.history as f64 - x) * (cost(it) - y));
        let across = mean(&|it| (it.history as f64 - x).powi(2));
        let per_token = if across > 0.0 { both / across } else { 0.0 };
        let at_zero = y - per_token * x;
        let off = mean(&|it| (cost(it) - at_zero - per_token * it.history as f64).powi(2));
        let spread = mean(&|it| (cost(it) - y).powi(2));
        Line { at_zero, per_token, r2: if spread > 0.0 { 1.0 - off / spread } else { 1.0 } }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cost, Line};

    fn cost(history: usize, step_ms: f64, piece_ms: f64) -> Cost {
        Cost { history, step_ms, piece_ms, step_busy_ms: 0.0, piece_busy_ms: 0.0 }
    }

    #[test]
    fn a_line_is_what_its_points_lie_on() {
        let step = |history: usize| 3.0 + 0.5 * history as f64;
        let cost = |history| cost(history, step(history), 7.0);
        let costs = [cost(2), cost(4), cost(10)];
        let line = Line::through(&costs, |cost| cost.step_ms);
        assert!((line.at_zero - 3.0).abs() < 1e-9 && (line.per_token - 0.5).abs() < 1e-9);
        assert!((line.r2 - 1.0).abs() < 1e-9);
        let flat = Line::through(&costs, |cost| cost.piece_ms);
        assert_eq!((flat.at_zero, flat.per_token, flat.r2), (7.0, 0.0, 1.0));
    }

    #[test]
    fn points_off_a_line_are_told_by_r2() {
        let costs = [cost(1, 1.0, 0.0), cost(2, 9.0, 0.0), cost(3, 1.0, 0.0)];
        assert!(Line::through(&costs, |cost| cost.step_ms).r2 < 0.1);
    }
}
