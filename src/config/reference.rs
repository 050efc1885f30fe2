//! The schema of `config.toml` and its reference for people, both made from the raw tables.

use std::fmt::Write as _;

use serde_json::Value;

use super::schema::Raw;

/// Returns the JSON Schema that editors and our own check read.
pub fn schema() -> Value {
    schema_of::<Raw>()
}

/// Returns the schema of any of our files.
pub(super) fn schema_of<Raw: schemars::JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(Raw).to_value();
    simplify(&mut schema);
    schema
}

/// Takes out what TOML cannot say: null, and Rust's names of number types.
fn simplify(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::Array(kinds)) = object.get("type") {
                let kinds: Vec<Value> = kinds.iter().filter(|kind| *kind != "null").cloned().collect();
                if let [one] = &kinds[..] {
                    object.insert("type".to_owned(), one.clone());
                }
            }
            if let Some(Value::Array(either)) = object.get_mut("anyOf") {
                either.retain(|one| one.get("type").is_none_or(|kind| kind != "null"));
            }
            // That a text is a date is for people and for editors; which number Rust keeps is not.
            if object.get("format").and_then(Value::as_str).is_some_and(|format| format != "date") {
                object.remove("format");
            }
            object.remove("default");
            object.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}

/// Returns the schema as the file `config.schema.json`.
pub fn schema_file() -> String {
    let mut text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    text.push('\n');
    text
}

/// Returns the reference as Markdown.
pub fn reference() -> String {
    let schema = schema();
    let mut text = String::from(
        "# `config.toml`, key by key\n\nMade from the program itself. Spans of time are texts such as `\"30s\"` or \
         `\"5 min\"`; paths are relative to the campaign's folder.\n",
    );
    section(&schema, &schema, "", &mut text);
    text
}

/// Returns the reference of `rehearsal.toml` as Markdown.
pub fn rehearsal_reference() -> String {
    let schema = schema_of::<super::rehearsal::Raw>();
    let mut text = String::from(
        "# `rehearsal.toml`, key by key\n\nMade from the program itself. The file says what the people of the built-in town do in \
         `postduif rehearse`; without it, all of it is left to chance. Spans of time are texts such as `\"20 min\"`, `\"3 h\"` \
         or `\"2 days\"`.\n",
    );
    section(&schema, &schema, "", &mut text);
    text
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = ["/anyOf/0", "/items"].iter().find_map(|way| schema.pointer(way)).unwrap_or(schema);
    match target.get("$ref").and_then(Value::as_str) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap_or(target),
        None => target,
    }
}

fn line(schema: &Value) -> String {
    schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn section(root: &Value, schema: &Value, path: &str, text: &mut String) {
    let Some(keys) = schema.get("properties").and_then(Value::as_object) else { return };
    let mut tables = Vec::new();
    let mut begun = false;
    for (key, value) in keys {
        let target = resolve(root, value);
        if target.get("properties").is_some() {
            tables.push((key, value, target));
            continue;
        }
        if !begun {
            begun = true;
            text.push_str("\n| key | value | what it is |\n|---|---|---|\n");
        }
        let kind =
            match (value.get("enum").and_then(Value::as_array), value.get("type").and_then(Value::as_str)) {
                (Some(words), _) => {
                    let word = |word: &Value| format!("`{}`", word.to_string().replace('|', "\\|"));
                    words.iter().map(word).collect::<Vec<_>>().join(", ")
                }
                (None, Some("boolean")) => "`true`, `false`".to_owned(),
                (None, Some("array")) => "texts, `[\"…\", \"…\"]`".to_owned(),
                (None, Some("integer")) => {
                    let bound = |name| value.get(name).and_then(Value::as_i64).unwrap_or_default();
                    format!("{} to {}", bound("minimum"), bound("maximum"))
                }
                _ if value.get("format").is_some() => "date".to_owned(),
                _ => "text".to_owned(),
            };
        let _ = writeln!(text, "| `{key}` | {kind} | {} |", line(value));
    }
    for (key, value, target) in tables {
        let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let title = if value.get("items").is_some() { format!("[[{full}]]") } else { format!("[{full}]") };
        let _ = write!(text, "\n## `{title}`\n\n{}\n", line(value));
        section(root, target, &full, text);
    }
}
