//! What services print, kept: `logs/SERVICE.log` in the folder of the services, with older parts beside it.
//!
//! One line a line: `2026-01-31T12:34:56.789Z out text`. `err` is standard error, `log` a note of the keeper's own, and `out+` goes on
//! with a line that was cut after 8 KiB. Secrets are masked before anything is written: the texts and patterns of a
//! [`LogPolicy`](super::LogPolicy), the values of variables whose names sound secret (`KEY`, `TOKEN`, `SECRET`, `PASS`, `CREDENTIAL`,
//! `DSN`, `PRIVATE`), and user-info in URLs.

mod file;
mod follow;
mod line;
mod place;
mod pump;
mod redact;
mod sink;
mod split;
mod tail;

pub use follow::Follow;
pub use line::{Line, Origin};
pub use place::path_of;
pub(super) use pump::{Source, pump};
pub use redact::Redactor;
pub(super) use redact::secrets_of;
pub(super) use sink::Sink;
pub use tail::{MOST_LINES, tail};
