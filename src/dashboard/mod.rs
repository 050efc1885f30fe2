//! A window on the ledger, on loopback. **It cannot send**: it knows neither transport nor inbox nor engine.
//!
//! | file | what is in it |
//! |---|---|
//! | [`loopback`] | where it listens, and which requests are meant for it |
//! | [`status`] | `/health` and `/metrics`, for who watches the service |
//! | [`metrics`] | a campaign's numbers in the text format of Prometheus; pure |

pub mod loopback;
pub mod metrics;
pub mod status;
