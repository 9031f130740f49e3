//! `stratheal init`.
