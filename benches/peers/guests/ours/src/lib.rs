//! The work as a tool of errand, written with the SDK as its authors do.

use errand_sdk::tools;
use work::{Count, Text};

fn count(text: Text) -> Result<Count, String> {
    Ok(work::count(&text))
}

tools! {
    description: "Counts what is in a text.";

    /// Counts the words and bytes of a text.
    count: pure,
}
