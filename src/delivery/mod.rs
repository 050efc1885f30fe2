//! The life of one letter: what was tried, what it means, what comes next. Pure: values in, values out.

pub mod attempt;
pub mod breaker;
pub mod enrollment;
pub mod inbound;
pub mod judgement;
pub mod pace;
pub mod patience;
pub mod retry;
pub mod standing;
pub mod state;
