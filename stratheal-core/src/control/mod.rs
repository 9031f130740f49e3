//! The control socket: how `stratheal status` and its like talk to a running `stratheal up`.
//!
//! A Unix socket in the user's runtime directory (mode 0600), named after the state folder. Only the user who runs the monitor, and
//! root, are answered: the system tells who is at the other end. One JSON document a line, a question and its answer; see
//! [`Request`] and [`Response`].

mod address;
mod client;
mod healing;
mod path;
mod protocol;
mod server;
mod services;

pub use address::{leave_address, left_address};
pub use client::{Client, ControlError};
pub use path::socket_path;
pub use protocol::{Request, Response, ServiceAction};
pub use server::{Control, Reload, answer, serve};
