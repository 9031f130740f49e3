//! Interpreters and the environments made from them: what they are, what they accept, and how a new one is laid out.

mod interpreter;
mod known;
mod layout;
mod pyvenv;
mod tags;

pub use interpreter::{Interpreter, InterpreterError, Libc, Scheme};
pub use known::KnownInterpreters;
pub(in crate::installer) use layout::base_layout;
pub use pyvenv::PyvenvCfg;
pub use tags::Compatibility;
