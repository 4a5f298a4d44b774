//! The token of this machine's user: made once, and kept where only that user can read it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use guard::private;

/// Its file in `ERRAND_HOME`.
const FILE: &str = "serve.token";

/// The token, and where it is kept.
pub struct Token {
    /// The token.
    pub text: String,
    /// Its file.
    pub path: PathBuf,
    /// Whether it was made just now.
    pub new: bool,
}

/// The token in this home, made where there is none.
///
/// # Errors
/// It cannot be read or kept, or what is there is no token.
pub fn token(home: &Path) -> anyhow::Result<Token> {
    let path = home.join(FILE);
    let shown = path.display().to_string();
    match fs::read_to_string(&path) {
        Ok(text) => {
            let text = text.trim().to_string();
            private::made(&path).with_context(|| format!("`{shown}`"))?;
            anyhow::ensure!(
                text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_graphic()),
                "`{shown}` holds no token\nhint: remove it, and a new one is made"
            );
            Ok(Token { text, path, new: false })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = server::new_token();
            private::folder(home)
                .and_then(|()| private::write(&path, format!("{text}\n").as_bytes()))
                .with_context(|| format!("the token cannot be kept in `{shown}`"))?;
            Ok(Token { text, path, new: true })
        }
        Err(error) => Err(error).with_context(|| format!("`{shown}`")),
    }
}
