//! The way back: mailboxes of a real Dovecot, Maildirs, and a server that does what no decent one would.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test whose mailbox cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod both;
mod cuts;
mod dovecot;
mod hostile;
mod login;
mod office;
mod server;
mod wire;
