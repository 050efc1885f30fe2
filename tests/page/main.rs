//! The page in a real Chromium, as a person uses it, and as an attacker does.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a story whose stage cannot be set has failed")]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod beyond;
mod door;
mod letters;
mod look;
mod paper;
mod pictures;
mod rooms;
mod stage;
