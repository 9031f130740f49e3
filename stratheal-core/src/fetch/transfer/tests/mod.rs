//! Transfers over real sockets, from servers that do everything wrong that servers do.

mod faults;
mod readers;
mod server;
mod setup;
mod speed;
