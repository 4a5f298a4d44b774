//! What the three protocols share of how an answer is written: chance, length, where it ends.

use agent_core::model::Sampling;
use serde::Deserialize;

use crate::error::ApiError;
use crate::generator::{Calls, Generator, How, Prompt};
use crate::user::User;

/// The most answers to one request.
const CHOICES: u32 = 8;

/// The most strings that end an answer, and the most bytes of one.
const STOPS: usize = 16;
const STOP: usize = 1024;

/// Where an answer ends: one string or several.
#[derive(Deserialize, Default, Debug)]
#[serde(untagged, expecting = "`stop` is a text or a list of texts")]
pub(crate) enum Stop {
    #[default]
    None,
    One(String),
    Several(Vec<String>),
}

impl Stop {
    pub(crate) fn strings(self) -> Result<Vec<String>, ApiError> {
        let strings = match self {
            Stop::None => Vec::new(),
            Stop::One(text) => vec![text],
            Stop::Several(texts) => texts,
        };
        let fits = |text: &String| (1..=STOP).contains(&text.len());
        if strings.len() > STOPS || !strings.iter().all(fits) {
            let wanted = format!("at most {STOPS} texts of 1 to {STOP} bytes");
            return Err(ApiError::param("stop", wanted));
        }
        Ok(strings)
    }
}

/// How tokens are chosen, as the request says it or else as the model was set up.
pub(crate) fn how(
    user: &User,
    model: &dyn Generator,
    temperature: Option<f64>,
    top_p: Option<f64>,
    seed: Option<i64>,
    prompt: Prompt,
    calls: Calls,
) -> Result<How, ApiError> {
    within("temperature", temperature, 0.0, 2.0)?;
    within("top_p", top_p, 0.0, 1.0)?;
    let own = model.sampling();
    let seed = seed.map(|seed| seed as u64);
    let sampling = Sampling {
        temperature: temperature.map_or(own.temperature, |value| value as f32),
        top_p: top_p.map_or(own.top_p, |value| value as f32),
        seed: seed.unwrap_or_else(rand::random),
    };
    Ok(How { sampling, seed, prompt, calls, logprobs: None, asker: user.number() })
}

fn within(name: &str, value: Option<f64>, least: f64, most: f64) -> Result<(), ApiError> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(ApiError::param(name, format!("`{name}` is a number from {least} to {most}")))
        }
        _ => Ok(()),
    }
}

/// The most tokens of an answer; as many as there is room for where nothing is said.
pub(crate) fn limit(name: &str, value: Option<u64>) -> Result<u32, ApiError> {
    match value {
        Some(0) => Err(ApiError::param(name, format!("`{name}` is at least 1"))),
        Some(most) => Ok(u32::try_from(most).unwrap_or(u32::MAX)),
        None => Ok(u32::MAX),
    }
}

/// How many answers.
pub(crate) fn choices(n: Option<u32>) -> Result<u32, ApiError> {
    match n.unwrap_or(1) {
        n @ 1..=CHOICES => Ok(n),
        _ => Err(ApiError::param("n", format!("`n` is a number from 1 to {CHOICES}"))),
    }
}
