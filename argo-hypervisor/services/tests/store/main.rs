//! The store, through its messages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to stop")]

mod directories;
mod domains;
mod garbage;
mod history;
mod messages;
mod model;
mod nodes;
mod paths;
mod permissions;
mod quotas;
mod steps;
mod support;
mod transactions;
mod watches;
