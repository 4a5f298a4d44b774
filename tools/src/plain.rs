//! An untrusted text, as it may be shown.

/// An untrusted text without what would act on a terminal, and not longer than this.
pub(crate) fn plain(text: &str, most: usize) -> String {
    let shown = |c: &char| !guard::hides(*c) || matches!(c, '\n' | '\t');
    text.chars().filter(shown).take(most).collect()
}
