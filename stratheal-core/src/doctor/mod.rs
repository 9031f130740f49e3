//! Is this machine fit to install and run Python applications?
//!
//! Each part gathers facts and judges them by a pure function into [`Finding`]s: what was found, how bad it is, and what to do next.
//! Nothing here changes anything.

mod disk;
mod environment;
mod finding;
mod interpreter;
mod member;
mod proxy;
mod tools;

pub use disk::{Room, judge_room};
pub use environment::{EnvironmentFacts, examine_environment, judge_environment};
pub use finding::{Diagnosis, Finding};
pub use interpreter::{Interpreter, InterpreterError, examine_interpreter, judge_interpreter};
pub use member::{Answer, MemberFacts, judge_clock, judge_member};
pub use proxy::judge_proxies;
pub use tools::{Tool, find_tools, judge_tools};
