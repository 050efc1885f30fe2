//! The loops. They are async and decide nothing: every decision is a function in `campaign` or `delivery`.

pub mod deliver;
pub mod enclose;
pub mod files;
pub mod journal;
pub mod lookout;
pub mod pace;
pub mod press;
pub mod progress;
pub mod replies;
pub mod reprint;
pub mod sent;
pub mod sequence;
pub mod service;
pub mod shutdown;
pub mod summary;
pub mod watch;
