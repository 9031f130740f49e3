//! `stratheal report`.
