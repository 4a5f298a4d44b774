//! What a helper is given of the environment: what it needs, by name, and nothing else.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// What a helper needs beside the search path, the home folder and the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Proxies and certificates.
    Network,
    /// Which Python is meant, and which index pip asks.
    Pip,
    /// Which registry npm asks.
    Npm,
    /// Where cargo and rustup keep things, and which registries they ask.
    Cargo,
}

const ALWAYS: [&str; 5] = ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE"];

impl Need {
    /// Compared without case, as these programs do: `http_proxy`, `NPM_CONFIG_REGISTRY`. A name
    /// that ends with `*` is a beginning.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Network => &[
                "HTTP_PROXY",
                "HTTPS_PROXY",
                "ALL_PROXY",
                "NO_PROXY",
                "SSL_CERT_FILE",
                "SSL_CERT_DIR",
                "REQUESTS_CA_BUNDLE",
                "CURL_CA_BUNDLE",
            ],
            Self::Pip => &[
                "PYENV_ROOT",
                "PYENV_VERSION",
                "XDG_CONFIG_HOME",
                "PIP_CONFIG_FILE",
                "PIP_INDEX_URL",
                "PIP_EXTRA_INDEX_URL",
                "PIP_FIND_LINKS",
                "PIP_NO_INDEX",
                "PIP_TRUSTED_HOST",
                "PIP_PROXY",
                "PIP_CERT",
                "PIP_CLIENT_CERT",
                "PIP_TIMEOUT",
                "PIP_DEFAULT_TIMEOUT",
                "PIP_RETRIES",
                "PIP_KEYRING_PROVIDER",
            ],
            Self::Npm => &[
                "NODE_EXTRA_CA_CERTS",
                "NPM_TOKEN",
                "NPM_CONFIG_USERCONFIG",
                "NPM_CONFIG_REGISTRY",
                "NPM_CONFIG_PROXY",
                "NPM_CONFIG_HTTPS_PROXY",
                "NPM_CONFIG_NOPROXY",
                "NPM_CONFIG_CAFILE",
                "NPM_CONFIG_CACHE",
            ],
            Self::Cargo => &[
                "CARGO_HOME",
                "CARGO_TARGET_DIR",
                "CARGO_HTTP_*",
                "CARGO_NET_*",
                "CARGO_REGISTRY_*",
                "CARGO_REGISTRIES_*",
                "CARGO_SOURCE_*",
                "RUSTUP_HOME",
                "RUSTUP_TOOLCHAIN",
                "RUSTUP_DIST_SERVER",
                "RUSTUP_UPDATE_ROOT",
                "RUSTUP_AUTO_INSTALL",
            ],
        }
    }
}

/// Of these, a relative value is meant from the folder that errand was started in.
const FILES: [&str; 14] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CONFIG_FILE",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_USERCONFIG",
    "NPM_CONFIG_CAFILE",
    "NPM_CONFIG_CACHE",
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "RUSTUP_HOME",
];

/// What these needs name of this process's environment.
pub(crate) fn of(needs: &[Need]) -> Vec<(OsString, OsString)> {
    std::env::vars_os().filter_map(|(name, value)| kept(needs, name, value)).collect()
}

fn kept(needs: &[Need], name: OsString, value: OsString) -> Option<(OsString, OsString)> {
    let upper = name.to_str()?.to_ascii_uppercase();
    let meant = |known: &&str| match known.strip_suffix('*') {
        Some(beginning) => upper.starts_with(beginning),
        None => upper == **known,
    };
    let always = ALWAYS.iter().any(|known| name == *known);
    if !always && !needs.iter().any(|need| need.names().iter().any(&meant)) {
        return None;
    }
    let value = match &*upper {
        "PATH" => absolute_only(&value),
        known if FILES.contains(&known) && !value.is_empty() => {
            std::path::absolute(Path::new(&value)).ok()?.into_os_string()
        }
        _ => value,
    };
    Some((name, value))
}

/// Where programs are looked for: the absolute folders of the search path.
pub fn search_path() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    absolute_only(&path).to_string_lossy().into_owned()
}

/// A search path without what is relative in it.
pub(crate) fn absolute_only(path: &OsStr) -> OsString {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    std::env::join_paths(folders).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(needs: &[Need], name: &str, value: &str) -> Option<String> {
        let (kept, value) = kept(needs, name.into(), value.into())?;
        assert_eq!(kept, name);
        value.into_string().ok()
    }

    #[test]
    fn what_makes_a_program_run_other_code_is_left_out() {
        let all = [Need::Network, Need::Pip, Need::Npm, Need::Cargo];
        for name in [
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PYTHONHOME",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "NODE_OPTIONS",
            "NODE_PATH",
            "RUSTC_WRAPPER",
            "RUSTFLAGS",
            "PIP_PYTHON",
            "PIP_TARGET",
            "npm_config_script_shell",
            "BASH_ENV",
            "ENV",
            "AWS_SECRET_ACCESS_KEY",
            "OPENAI_API_KEY",
        ] {
            assert_eq!(given(&all, name, "x"), None, "{name}");
        }
    }

    #[test]
    fn a_mirror_and_its_certificates_are_kept() {
        let needs = [Need::Network, Need::Pip];
        let here = std::env::current_dir().unwrap().join("ca.pem");
        for (name, value, meant) in [
            ("PIP_INDEX_URL", "https://mirror.example/simple", "https://mirror.example/simple"),
            ("https_proxy", "http://127.0.0.1:3128", "http://127.0.0.1:3128"),
            ("PIP_CERT", "ca.pem", here.to_str().unwrap()),
            ("SSL_CERT_FILE", "/etc/ca.pem", "/etc/ca.pem"),
            ("PATH", "bin:/usr/bin:.", "/usr/bin"),
            ("HOME", "/home/me", "/home/me"),
        ] {
            assert_eq!(given(&needs, name, value).as_deref(), Some(meant), "{name}");
        }
        assert_eq!(given(&[], "PIP_INDEX_URL", "x"), None);
    }
}
