//! Who stands in the roster twice: found in two passes, with sixteen bytes a row.
//!
//! The first pass keeps a hash of each address and each key; those that occur twice are suspects. The second pass,
//! the real one, keeps the text and the place of the suspects alone, so two texts with one hash do no harm.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use super::problem::{Problem, RowPlace};
use super::recipient::{Addressees, Recipient};
use crate::mail::address::Address;

/// Why a row is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// An earlier row has the same address, perhaps in another spelling.
    SameAddress,
    /// An earlier row has the same key.
    SameKey,
}

impl Why {
    /// Returns the reason as a warning that names both rows.
    pub fn warning(self, file: &str, at: RowPlace, first: RowPlace, recipient: &Recipient) -> Problem {
        let place = at.in_file(file);
        match self {
            Why::SameAddress => Problem::warning(
                "same-address",
                place,
                format!("`{}` stands on {first} already; this row is left out", recipient.whereto()),
            ),
            Why::SameKey => Problem::warning(
                "same-key",
                place,
                format!("the key `{}` stands on {first} already; this row is left out", recipient.key),
            )
            .hint("give each recipient a key of its own"),
        }
    }
}

/// The first pass.
#[derive(Debug, Default)]
pub struct Duplicates {
    addresses: Vec<u64>,
    /// Of those who get a letter to somebody else along.
    others: Vec<u64>,
    keys: Vec<u64>,
}

impl Duplicates {
    /// Notes a recipient.
    pub fn note(&mut self, recipient: &Recipient) {
        if let Some(address) = recipient.address() {
            push(&mut self.addresses, hash(&address.canonical()));
        }
        for other in recipient.addressees().into_iter().flat_map(Addressees::others) {
            push(&mut self.others, hash(&other.address.canonical()));
        }
        push(&mut self.keys, hash(&recipient.key));
    }

    /// Returns those that may stand there twice.
    pub fn suspects(mut self) -> Suspects {
        self.addresses.sort_unstable();
        self.keys.sort_unstable();
        let shared = |other: &u64| self.addresses.binary_search(other).is_ok();
        Suspects {
            shared_hashes: self.others.into_iter().filter(shared).collect(),
            address_hashes: twice(&self.addresses),
            key_hashes: twice(&self.keys),
            addresses: HashMap::new(),
            keys: HashMap::new(),
        }
    }
}

/// Grows by an eighth and not to the double, so that the memory stays near what it holds.
pub(super) fn push<T>(hashes: &mut Vec<T>, hash: T) {
    if hashes.len() == hashes.capacity() {
        hashes.reserve_exact((hashes.len() / 8).max(1024));
    }
    hashes.push(hash);
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn twice(sorted: &[u64]) -> HashSet<u64> {
    sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}

/// Who may stand in the roster twice, and, as the second pass goes on, where they stand first.
#[derive(Clone, Debug, Default)]
pub struct Suspects {
    shared_hashes: HashSet<u64>,
    address_hashes: HashSet<u64>,
    key_hashes: HashSet<u64>,
    addresses: HashMap<String, RowPlace>,
    keys: HashMap<String, RowPlace>,
}

impl Suspects {
    /// Judges the rows in their order: `None` for one that gets its letter, else why it does not, and where the
    /// row stands that does. A row that is left out takes neither its key nor its address from a later one.
    pub fn judge(&mut self, at: RowPlace, recipient: &Recipient) -> Option<(Why, RowPlace)> {
        if self.address_hashes.is_empty() && self.key_hashes.is_empty() {
            return None;
        }
        let address = recipient.address().map(Address::canonical);
        if let Some(first) = address.as_ref().and_then(|address| self.addresses.get(address)) {
            return Some((Why::SameAddress, *first));
        }
        if let Some(first) = self.keys.get(&recipient.key) {
            return Some((Why::SameKey, *first));
        }
        if let Some(address) = address.filter(|address| self.address_hashes.contains(&hash(address))) {
            self.addresses.insert(address, at);
        }
        if self.key_hashes.contains(&hash(&recipient.key)) {
            self.keys.insert(recipient.key.clone(), at);
        }
        None
    }
    /// Returns a warning for each further addressee of a row who also has a row of their own.
    pub fn shared(&self, file: &str, at: RowPlace, recipient: &Recipient) -> Vec<Problem> {
        if self.shared_hashes.is_empty() {
            return Vec::new();
        }
        let others = recipient.addressees().into_iter().flat_map(Addressees::others);
        others
            .filter(|other| self.shared_hashes.contains(&hash(&other.address.canonical())))
            .map(|other| {
                let said = format!("{} also has a row of its own, and would get two letters", other.address);
                Problem::warning("shared-address", at.in_file(file), said)
                    .hint("leave one of the two out if that is not meant")
            })
            .collect()
    }
}
