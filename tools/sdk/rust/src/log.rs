//! What a tool says while it works, for the person who runs it: never for the model.

use crate::bindings::errand::tool::log::{Level, write};

/// Of use to whoever looks for a mistake.
pub fn debug(text: impl AsRef<str>) {
    write(Level::Debug, text.as_ref());
}

/// Of use now and then.
pub fn info(text: impl AsRef<str>) {
    write(Level::Info, text.as_ref());
}

/// Something is odd, and the call goes on.
pub fn warn(text: impl AsRef<str>) {
    write(Level::Warn, text.as_ref());
}

/// Something is wrong.
pub fn error(text: impl AsRef<str>) {
    write(Level::Error, text.as_ref());
}
