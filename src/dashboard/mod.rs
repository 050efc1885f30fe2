//! A window on the ledger, on loopback unless somebody sees to TLS and a password. **It cannot send**: it knows neither transport nor inbox nor engine. What a person wants
//! done is written into the ledger as a wish, and whoever sends obeys it.
//!
//! | file | what is in it |
//! |---|---|
//! | [`loopback`] | addresses of this machine alone, and which requests mean it |
//! | [`reach`] | `serve --listen`: what must be there where others can come; pure |
//! | [`meant`] | which hosts and origins are ours; pure |
//! | [`certificate`] | what TLS shows to browsers |
//! | [`password`] | the password, and how guessing it is slowed; pure |
//! | `connections` | connections, plain or within TLS, so many and no more |
//! | [`status`] | `/health` and `/metrics`, for who watches the service |
//! | [`metrics`] | a campaign's numbers in the text format of Prometheus; pure |
//! | [`page`] | `postduif serve`: the routes |
//! | [`desk`] | what the page is given, and how a request gets at the ledger |
//! | [`proofs`] | what there is to read before anything goes |
//! | [`board`] | the board of answers as values; pure |
//! | [`paper`] | the report and the table as values to typeset; pure |
//! | `door` | the page before the door, where the password is asked |
//! | `guard` | who is let in, and which requests may change anything |
//! | `texts` | every text, in both languages |
//! | `register` | all recipients in memory, in step with the ledger |
//! | `reasons` | why something that came back is what it is, in both languages; pure |
//! | `view` | what is drawn and cut into pages; pure |
//!
//! The other files are the rooms of the page, each with its template in `assets/dashboard/pages/`.

pub mod board;
pub mod certificate;
pub mod desk;
pub mod loopback;
pub mod meant;
pub mod metrics;
pub mod page;
pub mod paper;
pub mod password;
pub mod proofs;
pub mod reach;
pub mod status;

mod answers;
mod approve;
mod came;
mod connections;
mod door;
mod follow_ups;
mod guard;
mod overview;
mod preview;
mod progress;
mod reasons;
mod recipients;
mod register;
mod report;
mod review;
mod tasks;
mod texts;
mod view;
