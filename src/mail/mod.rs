//! The words of the RFCs: pure, and without any idea of what a campaign is.

pub mod address;
pub mod arf;
pub mod auto_submitted;
pub mod domain;
pub mod dsn;
pub mod enhanced_status;
pub mod envelope;
pub mod fields;
pub mod headers;
pub mod html_text;
pub mod mdn;
pub mod media_type;
pub mod message_id;
pub mod mime;
pub mod parsed;
pub mod queue_id;
pub mod quoted_printable;
pub mod smtp_reply;
pub mod threading;
pub mod xtext;
