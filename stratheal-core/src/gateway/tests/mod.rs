//! The server over real sockets.

mod asking;
mod files;
mod pages;
mod proxied;
mod start;
