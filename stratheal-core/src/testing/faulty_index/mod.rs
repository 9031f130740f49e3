//! An index server that misbehaves on purpose, for tests of everything that has to survive one.
//!
//! A tiny HTTP/1.1 server written directly on sockets, because a real one would not reset, truncate, stall and lie on demand. What it
//! offers is [`Content`], made of [`Package`]s in memory; how it misbehaves is a list of [`Rule`]s, each a [`Fault`] and when it
//! strikes; what it did is in its log of [`Served`] answers. It listens on loopback only, and is bounded in connections, bytes and
//! time. Sources of what it imitates: RFC 9110 and 9112, PEP 503, 592, 658, 691, 700, 714.
//!
//! ```
//! use stratheal_core::testing::faulty_index::{Content, Fault, FaultyIndex, Package, Rule};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let content = Content::new([Package::new("alpha", "1.0").payload(10_000)]);
//! let index = FaultyIndex::start(content, vec![Rule::files(Fault::ResetWithin(4_000)).first(2)]).await?;
//! assert!(index.url().starts_with("http://127.0.0.1:"));
//! // Let something fetch from it, then ask what was served.
//! assert!(index.log().is_empty());
//! # Ok(())
//! # }
//! ```

mod answer;
mod archive;
mod body;
mod bomb;
mod connection;
mod content;
mod delivery;
mod fault;
mod hole;
mod log;
mod package;
mod page;
mod pattern;
mod patterns;
mod request;
mod rule;
mod server;
mod settings;
mod stream;
#[cfg(feature = "gateway")]
mod tls;

#[cfg(test)]
mod tests;

pub use body::Body;
pub use content::{Content, OfferedFile};
pub use fault::{Fault, RetryAfter};
pub use hole::{BlackHole, ClosedPort};
pub use log::Served;
pub use package::Package;
pub use pattern::{Pattern, Scenario};
pub use patterns::{mirrored, single};
pub use rule::{Rule, Target};
pub use server::FaultyIndex;
pub use settings::Settings;
