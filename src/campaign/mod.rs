//! What we intend: whom we write to, what we say, and the plan. Pure.

pub mod calendar;
pub mod definition;
pub mod detect;
pub mod encoding;
pub mod headings;
pub mod problem;
pub mod recipient;
pub mod roster;
pub mod table;
pub mod twice;
