//! Telling people: by a program, or by a web hook; kept until it is taken, also over a restart.
//!
//! [`Delivery`] has the messages and the [notifiers](crate::contract::Notifier). What is due when is decided by the outbox, which is pure.
//! [`DeadMansSwitch`] is the other direction: somebody else is told that all is well, and notices when that stops.

mod command;
mod delivery;
mod outbox;
mod signature;
mod switch;
mod webhook;

pub use command::CommandNotifier;
pub use delivery::{Delivery, DeliveryHandle};
pub use switch::DeadMansSwitch;
pub use webhook::{InvalidWebhook, WebhookNotifier};
