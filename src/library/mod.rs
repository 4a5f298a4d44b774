//! What a program that uses errand as a library adds to it: tools that are its own functions
//! ([`FnTool`]), a model, a policy and an approver of its own ([`Builder`]), agents made in code, and
//! runs whose events are a stream ([`Running`]).

mod builder;
mod function;
mod running;

pub use builder::Builder;
pub use function::FnTool;
pub use running::Running;

pub(crate) use builder::Own;
