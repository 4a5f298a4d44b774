//! pip, as everything here starts it.

use std::path::Path;
use std::process::{Command, Stdio};

/// pip's own command line, without the folder that errand happens to run in: with `-m pip` a `pip.py`
/// that lies there would be run. `-I` would hide a pip that lies in the user's own site as well.
const PIP: &str = "import sys; sys.path[:] = filter(None, sys.path); import runpy; \
                   runpy.run_module('pip', run_name='__main__', alter_sys=True)";

/// pip of a Python, with whatever mirror or proxy it is set up for. Its arguments are for the caller
/// to add.
pub(super) fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-c", PIP]).stdin(Stdio::null());
    pip
}
