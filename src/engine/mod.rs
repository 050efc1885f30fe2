//! x
pub mod pace;
pub mod shutdown;
