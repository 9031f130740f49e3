//! `stratheal up`.
