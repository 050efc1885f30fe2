//! The words of the RFCs: pure, and without any idea of what a campaign is.

pub mod address;
pub mod envelope;
pub mod message_id;
pub mod smtp_reply;
