//! What we intend: whom we write to, what we say, and the plan. Pure.

pub mod calendar;
pub mod definition;
pub mod letter;
mod markdown;
mod merge;
pub mod problem;
pub mod recipient;
mod script;
mod tags;
pub mod words;
