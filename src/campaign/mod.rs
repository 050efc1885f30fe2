//! What we intend: whom we write to, what we say, and the plan. Pure.

mod addressees;
pub mod calendar;
mod channel;
mod columns;
pub mod day;
pub mod definition;
pub mod detect;
pub mod document;
pub mod encoding;
mod front_matter;
pub mod headings;
mod html;
pub mod letter;
mod markdown;
mod merge;
pub mod placeholder;
pub mod plan;
pub mod problem;
pub mod recipient;
pub mod roster;
mod row;
mod script;
pub mod table;
mod tags;
pub mod twice;
pub mod words;
pub mod workbook;
