//! A tool for Errand is a function: its argument is a type with a schema, its result a type with
//! a schema or a sentence that says what went wrong. [`tools!`] makes a component of functions.
//!
//! ```ignore
//! use errand_sdk::tools;
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Text {
//!     /// The text to look at.
//!     text: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Count {
//!     words: usize,
//! }
//!
//! fn count(Text { text }: Text) -> Result<Count, String> {
//!     Ok(Count { words: text.split_whitespace().count() })
//! }
//!
//! tools! {
//!     description: "Counts what is in a text.";
//!
//!     /// Counts the words of a text.
//!     count: pure,
//! }
//! ```
//!
//! What a component reaches of the world goes through the host: [`files`], [`http`], [`kv`],
//! [`log`], [`progress`], and [`call`] for other tools. Of these it gets what its [`Wants`] name
//! and the agent file grants. A component imports only the modules that its functions use.

#[doc(hidden)]
#[allow(missing_docs, clippy::all, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "tool",
        pub_export_macro: true,
        default_bindings_module: "errand_sdk::bindings",
    });
}

mod declare;
pub mod files;
pub mod http;
pub mod kv;
pub mod log;
pub mod progress;
mod schema;
mod wants;

pub use schemars;
pub use serde;
pub use serde_json::{self, Value, json};
pub use wants::{Secret, Wants};

#[doc(hidden)]
pub use declare::{Effect, description, idempotent, run, spec};

/// The arguments of a tool that takes none.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Calls another tool of the agent. It must be named in [`Wants::tools`], and the call is judged
/// like any other.
///
/// # Errors
/// A sentence: the call is not allowed, or it failed.
pub fn call(tool: &str, arguments: &Value) -> Result<Value, String> {
    let result = bindings::errand::tool::tools::call(tool, &arguments.to_string())?;
    serde_json::from_str(&result).map_err(|error| error.to_string())
}

/// Makes a component of functions `fn(Arguments) -> Result<Output, E>`, where `Arguments` is
/// `Deserialize + JsonSchema`, `Output` is `Serialize + JsonSchema` and `E` can be displayed.
///
/// Each tool is its function's name, after a comment that the model reads, with its effect:
/// `pure` (nothing but its result), `reads` (looks at the world), `writes` (changes it) or
/// `egress` (sends something out). `writes idempotent` and `egress idempotent`: doing it twice is
/// doing it once.
///
/// ```ignore
/// tools! {
///     description: "The weather, and where it was asked for.";
///     wants: Wants { net: &["api.example.com"], kv: true, ..Wants::NOTHING };
///
///     /// The weather of the next days at a place.
///     forecast: reads,
///     /// Marks a place as a favourite.
///     mark: writes idempotent,
/// }
/// ```
#[macro_export]
macro_rules! tools {
    (
        description: $about:expr;
        $(wants: $wants:expr;)?
        $($(#[doc = $doc:literal])+ $tool:ident: $effect:ident $($again:ident)?),+ $(,)?
    ) => {
        const _: () = {
            struct Tools;

            impl $crate::bindings::Guest for Tools {
                fn describe() -> $crate::bindings::Manifest {
                    #[allow(unused_mut, unused_assignments)]
                    let mut wants = $crate::Wants::NOTHING;
                    $(wants = $wants;)?
                    $crate::bindings::Manifest {
                        description: ::std::string::ToString::to_string($about),
                        tools: ::std::vec![$($crate::spec(
                            ::core::stringify!($tool),
                            &$crate::description(&[$($doc),+]),
                            $crate::Effect::$effect,
                            $crate::idempotent(&[$(::core::stringify!($again))?]),
                            $tool,
                        )),+],
                        wants: wants.into(),
                    }
                }

                fn invoke(
                    tool: ::std::string::String,
                    arguments: ::std::string::String,
                ) -> ::core::result::Result<::std::string::String, ::std::string::String> {
                    match tool.as_str() {
                        $(::core::stringify!($tool) => $crate::run($tool, &arguments),)+
                        _ => ::core::result::Result::Err(
                            ::std::format!("this component has no tool `{tool}`"),
                        ),
                    }
                }
            }

            $crate::bindings::export!(Tools with_types_in $crate::bindings);
        };
    };
}
