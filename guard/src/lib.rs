//! What stands between errand and the rest of its machine, each in one place: how another program is
//! started ([`Program`]), who may read what errand keeps ([`private`]), and what no agent may write
//! ([`Kept`]). It decides nothing about agents and knows none.

mod environment;
mod kept;
pub mod private;
mod program;
mod python;
mod work;

pub use environment::Need;
pub use kept::Kept;
pub use program::{Missing, Program, settle};
pub use python::{pip, python};
pub use work::Work;
