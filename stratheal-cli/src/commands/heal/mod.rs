//! `stratheal heal` and `stratheal remedy`: what would be done, doing it, and what came of it.

mod attempt;
mod follow;
mod prospect;
mod remedy;
mod run;

pub(crate) use self::remedy::run as run_remedy;
pub(crate) use self::run::run;
