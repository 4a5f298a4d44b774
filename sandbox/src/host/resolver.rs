//! Names to addresses for guests' requests: private ones are not given back, so no name leads to
//! this machine or its neighbours, whatever the name's owner answers and however often it changes.

use std::net::{SocketAddr, ToSocketAddrs};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::public;

/// The system's resolver, without its private answers.
#[derive(Debug)]
pub struct Resolver;

/// All addresses of a name are private.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is an address of this machine or its private network, and names may not lead there")]
pub(crate) struct Private(String);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_string();
            let addresses = tokio::task::spawn_blocking(move || lookup(&name)).await??;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn lookup(name: &str) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let all = (name, 0).to_socket_addrs()?;
    let open: Vec<_> = all.filter(|address| public(address.ip())).collect();
    if open.is_empty() { Err(Private(name.to_string()).into()) } else { Ok(open) }
}
