//! What we intend: whom we write to, what we say, and the plan. Pure.

pub mod calendar;
pub mod definition;
pub mod placeholder;
pub mod plan;
pub mod problem;
pub mod recipient;
