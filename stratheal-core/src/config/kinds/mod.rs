//! What can be checked: one file for each type of check.

mod command;
mod cpu;
mod disk;
mod file;
mod http;
mod kind;
mod load;
mod memory;
mod oom;
mod open_files;
mod pressure;
mod process;
mod tcp;

use kind::{Build, judged, judged_or_report, pattern};

pub(super) use kind::CheckType;

use super::field::Field;

/// The types, in the order in which they are told to people.
pub(super) static TYPES: &[CheckType] = &[
    http::TYPE,
    tcp::TYPE,
    command::TYPE,
    process::TYPE,
    file::TYPE,
    cpu::TYPE,
    load::TYPE,
    memory::TYPE,
    disk::TYPE,
    pressure::TYPE,
    open_files::TYPE,
    oom::TYPE,
];

/// Their keys, in the same order.
pub(super) const FIELDS: [Field; 12] = [
    http::FIELD,
    tcp::FIELD,
    command::FIELD,
    process::FIELD,
    file::FIELD,
    cpu::FIELD,
    load::FIELD,
    memory::FIELD,
    disk::FIELD,
    pressure::FIELD,
    open_files::FIELD,
    oom::FIELD,
];
