//! Values that a component keeps between its calls: its own, no other component sees them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::errand::tool::kv;

/// The value of a key, if it has one.
///
/// # Errors
/// A sentence: it was not granted, or holds something else.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, String> {
    let Some(value) = kv::get(key)? else { return Ok(None) };
    serde_json::from_slice(&value).map(Some).map_err(|error| format!("`{key}`: {error}"))
}

/// Sets the value of a key, or leaves it as it was.
///
/// # Errors
/// A sentence: it was not granted, or there is no room.
pub fn set(key: &str, value: &impl Serialize) -> Result<(), String> {
    let value = serde_json::to_vec(value).map_err(|error| format!("`{key}`: {error}"))?;
    kv::set(key, &value)
}

/// Removes a key; one that is not there is fine.
///
/// # Errors
/// It was not granted.
pub fn delete(key: &str) -> Result<(), String> {
    kv::delete(key)
}

/// All keys, sorted.
///
/// # Errors
/// It was not granted.
pub fn keys() -> Result<Vec<String>, String> {
    kv::keys()
}
