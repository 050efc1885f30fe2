//! What we intend: whom we write to, what we say, and the plan. Pure.

pub mod attachments;
pub mod calendar;
mod channel;
mod columns;
pub mod day;
pub mod definition;
pub mod detect;
pub mod enclosure;
pub mod encoding;
pub mod file_name;
pub mod front_matter;
pub mod headings;
pub mod letter;
mod markdown;
mod merge;
pub mod parts;
pub mod placeholder;
pub mod plan;
pub mod problem;
pub mod recipient;
pub mod roster;
mod script;
pub mod table;
mod tags;
pub mod twice;
pub mod words;
