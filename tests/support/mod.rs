//! What several test files share.

pub(crate) mod browser;
pub(crate) mod imap;
pub(crate) mod mail_config;
pub(crate) mod maildir;
pub(crate) mod post_office;
pub(crate) mod servers;
pub(crate) mod town;
pub(crate) mod trap;
pub(crate) mod typesetter;
