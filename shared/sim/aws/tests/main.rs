//! The Lambda host, asked over its own wire. One program, so that it is linked once.

mod host;
mod host_api;
mod host_async;
mod host_bootstrap;
mod host_connections;
