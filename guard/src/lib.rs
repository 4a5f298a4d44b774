//! What stands between errand and the rest of its machine, each in one place: how another program is
//! started ([`Program`]), who may read what errand keeps ([`private`]), what no agent may write
//! ([`Kept`]), what a person is shown ([`visible`]), which secrets never are ([`Redactor`]), what many
//! processes use together ([`cgroup`]), and whether a file is on this machine ([`disk`]). It decides nothing
//! about agents and knows none.

pub mod cgroup;
mod disk;
mod environment;
pub mod file;
mod kept;
pub mod private;
mod program;
mod python;
mod real;
mod redact;
mod visible;
mod work;

pub use disk::{Disk, disk, disk_at, moment, stamped_from};
pub use environment::{Need, search_path};
pub use kept::{Kept, LOOKED_AT};
pub use program::{Missing, Program, settle};
pub use python::{pip, python};
pub use real::real;
pub use redact::{Pieces, Redactor, SHORTEST};
pub use visible::{hides, visible, visible_json};
pub use work::Work;
