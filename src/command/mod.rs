//! One verb, one file.
pub mod bar;
pub mod ask;
pub mod status_csv;
