//! One verb, one file.
pub mod ask;
pub mod bar;
pub mod status_csv;
