//! The fetcher as a server: a loopback Simple API for every installer, and a proxy for those that write URLs into locks.
