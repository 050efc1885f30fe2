//! What we intend: whom we write to, what we say, and the plan. Pure.

pub mod blocks;
pub mod calendar;
mod channel;
mod columns;
pub mod day;
pub mod definition;
pub mod detect;
pub mod encoding;
pub mod file_name;
pub mod front_matter;
pub mod headings;
pub mod letter;
pub mod manuscript;
mod markdown;
mod merge;
pub mod placeholder;
pub mod plan;
pub mod problem;
pub mod recipient;
pub mod roster;
mod script;
pub mod stationery;
pub mod table;
mod tags;
pub mod twice;
pub mod words;
