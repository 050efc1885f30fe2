//! `config.toml`, read exactly once: from raw tables to settled values, every mistake told at once.

pub mod check;
pub mod environment;
mod inbox;
pub mod load;
pub mod pace;
mod page;
pub mod reference;
pub mod rehearsal;
pub mod schema;
mod sequence;
mod server;
mod way;
pub mod words;

pub use environment::Environment;
pub use load::{Config, load};
