//! A TOML document held against the schema: every unknown key and wrong value at once, each with its place.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::campaign::headings::nearest;
use crate::campaign::problem::{Place, Problem, Problems};

/// A parsed file with the places of its keys.
pub struct Document<'a> {
    file: String,
    text: &'a str,
    table: Spanned<DeTable<'a>>,
}

impl<'a> Document<'a> {
    /// Parses a file; what breaks its syntax goes to `problems`.
    pub fn parse(file: &str, text: &'a str, problems: &mut Problems) -> Option<Self> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let document = Self { file: file.to_owned(), text, table };
        for error in &errors {
            let place = match error.span() {
                Some(span) => document.at(span.start),
                None => Place::file(file),
            };
            let said = error.message().trim().lines().collect::<Vec<_>>().join(", ");
            problems.push(Problem::error("toml-syntax", place, said));
        }
        errors.is_empty().then_some(document)
    }

    fn at(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() as u64 + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        Place::column(&self.file, line, u32::try_from(column).unwrap_or(u32::MAX))
    }

    fn find(&self, path: &[&str]) -> Option<usize> {
        let mut table = self.table.get_ref();
        let mut found = None;
        for key in path {
            let (_, value) = table.iter().find(|(name, _)| name.get_ref() == key)?;
            found = Some(value.span().start);
            table = match value.get_ref() {
                DeValue::Table(inner) => inner,
                DeValue::Array(items) => match items.first().map(Spanned::get_ref) {
                    Some(DeValue::Table(inner)) => inner,
                    _ => return found.filter(|_| path.last() == Some(key)),
                },
                _ => return found.filter(|_| path.last() == Some(key)),
            };
        }
        found
    }

    /// Returns whether a key stands in the file, whatever its value.
    pub fn has(&self, path: &[&str]) -> bool {
        self.find(path).is_some()
    }

    /// Returns where the value of a key stands, or the nearest table that should hold it.
    pub fn place(&self, path: &[&str]) -> Place {
        (1..=path.len())
            .rev()
            .find_map(|length| self.find(&path[..length]))
            .map_or_else(|| Place::file(&self.file), |offset| self.at(offset))
    }

    /// Returns where the value of a key of one of a list of tables stands, by the table's number from 0; nothing where it has no
    /// such key.
    pub fn place_in_item(&self, list: &str, number: usize, key: &str) -> Option<Place> {
        let (_, found) = self.table.get_ref().iter().find(|(name, _)| name.get_ref() == list)?;
        let DeValue::Array(items) = found.get_ref() else { return None };
        let DeValue::Table(item) = items.get(number)?.get_ref() else { return None };
        let (_, value) = item.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(self.at(value.span().start))
    }

    /// Returns where one of a list of tables stands, by its number from 0.
    pub fn place_of_item(&self, path: &[&str], number: usize) -> Place {
        let mut table = self.table.get_ref();
        for key in path {
            match table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value.get_ref()) {
                Some(DeValue::Table(inner)) => table = inner,
                Some(DeValue::Array(items)) => {
                    return items
                        .get(number)
                        .map_or_else(|| self.place(path), |item| self.at(item.span().start));
                }
                _ => break,
            }
        }
        self.place(path)
    }

    /// Returns whether a key stands in one of a list of tables, by its number from 0, whatever its value.
    pub fn item_has(&self, list: &str, number: usize, key: &str) -> bool {
        let found = self.table.get_ref().iter().find(|(name, _)| name.get_ref() == list);
        let Some(DeValue::Array(items)) = found.map(|(_, value)| value.get_ref()) else { return false };
        match items.get(number).map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => table.iter().any(|(name, _)| name.get_ref() == key),
            _ => false,
        }
    }

    /// Holds the document against the schema and returns what of it is right.
    pub fn accepted(&self, schema: &Value, problems: &mut Problems) -> toml::Table {
        let walk = Walk { document: self, root: schema };
        walk.table(self.table.get_ref(), schema, "", problems)
    }
}

struct Walk<'a> {
    document: &'a Document<'a>,
    root: &'a Value,
}

impl Walk<'_> {
    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.root.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null);
        }
        // An optional table is "this or null".
        match schema.get("anyOf").and_then(Value::as_array).and_then(|either| either.first()) {
            Some(first) => self.resolve(first),
            None => schema,
        }
    }

    fn lists_texts(&self, schema: &Value) -> bool {
        let items = schema.get("items").map(|items| self.resolve(items));
        items.and_then(|items| items.get("type")).and_then(Value::as_str) == Some("string")
    }

    fn table(&self, table: &DeTable<'_>, schema: &Value, path: &str, problems: &mut Problems) -> toml::Table {
        let empty = serde_json::Map::new();
        let keys = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let free = schema.get("additionalProperties").filter(|free| free.is_object());
        let mut accepted = toml::Table::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let full = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let place = self.document.at(key.span().start);
            if matches!(path, "transport" | "inbox") && matches!(name, "password" | "token" | "secret") {
                problems.push(
                    Problem::error(
                        "literal-secret",
                        place,
                        format!("`{full}` would put a secret into this file"),
                    )
                    .hint(
                        "files like this one get copied, committed and mailed; name where the secret is kept \
                             with `password-env`, `password-command` or `password-file`",
                    ),
                );
                continue;
            }
            let Some(expected) = keys.get(name).or(free) else {
                let hint = match nearest(name, keys.keys().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        let known: Vec<String> = keys.keys().map(|key| format!("`{key}`")).collect();
                        format!("known here are {}", known.join(", "))
                    }
                };
                problems.push(
                    Problem::error("unknown-key", place, format!("the key `{}` is unknown", shown(&full)))
                        .hint(hint),
                );
                continue;
            };
            // A free key one letter away from a known one is a typing error, not a field of the letter.
            if !keys.contains_key(name)
                && let Some(near) = nearest(name, keys.keys().map(String::as_str))
                && near.len() > 4
            {
                problems.push(
                    Problem::warning(
                        "unknown-key",
                        place,
                        format!("`{}` is a key of your own", shown(&full)),
                    )
                    .hint(format!("did you mean `{near}`?")),
                );
            }
            if let Some(value) = self.value(value, expected, &full, problems) {
                accepted.insert(name.to_owned(), value);
            }
        }
        accepted
    }

    fn value(
        &self,
        value: &Spanned<DeValue<'_>>,
        schema: &Value,
        path: &str,
        problems: &mut Problems,
    ) -> Option<toml::Value> {
        let schema = self.resolve(schema);
        let wanted = match schema.get("type") {
            Some(Value::String(one)) => one.as_str(),
            Some(Value::Array(several)) => {
                several.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("string")
            }
            _ => "string",
        };
        let place = || self.document.at(value.span().start);
        let right = match (wanted, value.get_ref()) {
            ("string", DeValue::String(text)) => Some(toml::Value::String(text.to_string())),
            // TOML has dates of its own; a text does as well.
            ("string", DeValue::Datetime(date)) if schema.get("format").is_some() => {
                Some(toml::Value::String(date.to_string()))
            }
            ("boolean", DeValue::Boolean(is)) => Some(toml::Value::Boolean(*is)),
            ("integer", DeValue::Integer(number)) => {
                let digits = number.as_str().replace('_', "");
                Some(toml::Value::Integer(
                    i64::from_str_radix(&digits, number.radix()).unwrap_or(if digits.starts_with('-') {
                        i64::MIN
                    } else {
                        i64::MAX
                    }),
                ))
            }
            ("object", DeValue::Table(table)) => {
                return Some(toml::Value::Table(self.table(table, schema, path, problems)));
            }
            ("array", DeValue::Array(items)) => {
                let each = schema.get("items").unwrap_or(&Value::Null);
                return Some(toml::Value::Array(
                    items.iter().filter_map(|item| self.value(item, each, path, problems)).collect(),
                ));
            }
            _ => None,
        };
        let Some(right) = right else {
            let found = match value.get_ref() {
                DeValue::String(_) => "a text",
                DeValue::Integer(_) => "a whole number",
                DeValue::Float(_) => "a broken number",
                DeValue::Boolean(_) => "true or false",
                DeValue::Datetime(_) => "a date or time",
                DeValue::Array(_) => "a list",
                DeValue::Table(_) => "a table",
            };
            let (wanted, hint) = match wanted {
                "string" if schema.get("format").is_some() => {
                    ("a date", Some("write one such as `2025-10-28`".to_owned()))
                }
                "string" => ("a text", Some("put it in quotes".to_owned())),
                "integer" => ("a whole number", Some("write digits, without quotes".to_owned())),
                "boolean" => ("true or false", Some("without quotes".to_owned())),
                "object" => ("a table", Some(format!("write `[{}]`", shown(path)))),
                _ if self.lists_texts(schema) => {
                    ("a list of texts", Some("write `[\"…\", \"…\"]`".to_owned()))
                }
                _ => ("a list of tables", Some(format!("write `[[{}]]`", shown(path)))),
            };
            let said = format!("`{}` must be {wanted}, and is {found}", shown(path));
            let mut problem = Problem::error("wrong-type", place(), said);
            problem.hint = hint;
            problems.push(problem);
            return None;
        };
        if let Some(number) = right.as_integer() {
            let bound = |name| schema.get(name).and_then(Value::as_i64);
            let (low, high) =
                (bound("minimum").unwrap_or(0), bound("maximum").unwrap_or(i64::from(u32::MAX)));
            if number < low || number > high {
                problems.push(Problem::error(
                    "out-of-range",
                    place(),
                    format!("`{}` must lie between {low} and {high}", shown(path)),
                ));
                return None;
            }
        }
        if let (Some(text), Some(words)) = (right.as_str(), schema.get("enum").and_then(Value::as_array)) {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            if !words.contains(&text) {
                let hint = match nearest(text, words.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        let words: Vec<String> =
                            words.iter().map(|word| format!("`{}`", word.replace('\t', "\\t"))).collect();
                        format!("it is one of {}", words.join(", "))
                    }
                };
                problems.push(
                    Problem::error(
                        "unknown-word",
                        place(),
                        format!("`{}` cannot be `{}`", shown(path), shown(text)),
                    )
                    .hint(hint),
                );
                return None;
            }
        }
        Some(right)
    }
}

/// A value for a message: short and without control characters.
pub fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(80).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}
