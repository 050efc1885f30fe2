//! PDF letters, by the real typesetter: what is on the pages, what is in the file, and what is told when something is wrong.
//!
//! `make test` builds `letter-pdf` first and sets `WITH_TYPESETTER`. Where it has not been built, these tests are left out and say so.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test whose stage cannot be set has failed")]

#[path = "../support/mod.rs"]
mod support;

mod again;
mod campaigns;
mod faults;
mod frozen;
mod hostile;
mod pages;
mod stage;
mod starter;
mod without;
