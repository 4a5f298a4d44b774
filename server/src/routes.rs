//! The addresses of the server: a router, and beside it the list of what it takes. An address gets into the one
//! only together with the other, so what is asserted of each route of the list is asserted of the server.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};

use crate::shared::Shared;

/// A method that an address takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The address, as OpenAPI writes it: what is in braces stands for any text.
    pub path: &'static str,
    /// `GET`, which `HEAD` is too; `POST` or `DELETE`.
    pub method: &'static str,
}

/// A router and its list.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<Arc<Shared>>,
    list: Vec<Route>,
}

impl Routes {
    pub(crate) fn get<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Shared>>,
        T: 'static,
    {
        self.with(Route { path, method: "GET" }, routing::get(handler))
    }

    pub(crate) fn post<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Shared>>,
        T: 'static,
    {
        self.with(Route { path, method: "POST" }, routing::post(handler))
    }

    pub(crate) fn delete<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Shared>>,
        T: 'static,
    {
        self.with(Route { path, method: "DELETE" }, routing::delete(handler))
    }

    fn with(mut self, route: Route, method: MethodRouter<Arc<Shared>>) -> Self {
        self.list.push(route);
        Self { router: self.router.route(route.path, method), list: self.list }
    }

    /// These and those.
    pub(crate) fn and(mut self, others: Routes) -> Self {
        self.list.extend(others.list);
        Self { router: self.router.merge(others.router), list: self.list }
    }

    pub(crate) fn list(&self) -> &[Route] {
        &self.list
    }

    pub(crate) fn router(self) -> Router<Arc<Shared>> {
        self.router
    }
}
