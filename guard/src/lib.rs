//! What stands between errand and the rest of its machine, each in one place: how another program is
//! started ([`Program`]), who may read what errand keeps ([`private`]), what no agent may write
//! ([`Kept`]), and what a person is shown ([`visible`]). It decides nothing about agents and knows none.

mod environment;
mod kept;
pub mod private;
mod program;
mod python;
mod visible;
mod work;

pub use environment::Need;
pub use kept::Kept;
pub use program::{Missing, Program, settle};
pub use python::{pip, python};
pub use visible::{hides, visible, visible_json};
pub use work::Work;
