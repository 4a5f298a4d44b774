//! The work as a plug-in of extism, written with its PDK as its authors do.

use extism_pdk::{FnResult, Json, plugin_fn};
use work::{Count, Text};

/// Counts the words and bytes of a text.
#[plugin_fn]
pub fn count(Json(text): Json<Text>) -> FnResult<Json<Count>> {
    Ok(Json(work::count(&text)))
}
