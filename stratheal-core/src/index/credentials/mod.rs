//! User names and passwords for indexes: where they come from, and who gets them.
//!
//! A credential belongs to one origin. It never goes to another host or port, and never from `https` to `http`.

mod keyring;
mod netrc;
mod store;

pub use keyring::{KeyringCommand, KeyringProvider};
pub use netrc::{InvalidNetrc, Netrc};
pub use store::{Basic, Credentials};
