//! The words of the RFCs: pure, and without any idea of what a campaign is.

pub mod address;
pub mod domain;
pub mod envelope;
pub mod headers;
pub mod media_type;
pub mod message_id;
pub mod mime;
pub mod queue_id;
pub mod quoted_printable;
pub mod smtp_reply;
pub mod xtext;
