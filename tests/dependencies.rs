//! What we build on: permissive licences, one registry, and none of the crates that we decided against.
//!
//! Reads what cargo says about the packages of `Cargo.lock` that this machine builds, for this package and for the typesetter.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a check that cannot be made has failed")]

use std::process::Command;

use serde_json::Value;

/// Licences that ask for no more than that their text is kept.
const PERMISSIVE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not come in, also not through others.
const BANNED: &[(&str, &str)] = &[
    ("openssl", "TLS is rustls with ring"),
    ("openssl-sys", "TLS is rustls with ring"),
    ("native-tls", "TLS is rustls with ring"),
    ("aws-lc-rs", "ring is the one provider of cryptography"),
    ("aws-lc-sys", "ring is the one provider of cryptography"),
    ("rsa", "its timing leaks the private key"),
    ("chrono", "time is jiff's"),
    ("async-std", "the runtime is tokio"),
    ("serde_yaml", "unmaintained"),
];

/// Banned crates that another may have all the same, and which. The typesetter is a process of its own, and no letter has YAML.
const EXCUSED: &[(&str, &[&str])] = &[("serde_yaml", &["typst-library", "hayagriva"])];

/// What the source of a package from the registry begins with; others are `git+…`.
const REGISTRY: &str = "registry+";

/// Says whether a licence expression (SPDX, or the old way with a slash) can be met with the list alone.
fn is_permissive(expression: &str) -> bool {
    // `(A OR B) AND C`: every part joined by AND must have a choice that is on the list. No crate nests deeper.
    expression.split(" AND ").all(|part| {
        let part = part.trim().trim_start_matches('(').trim_end_matches(')');
        part.split(" OR ")
            .flat_map(|choice| choice.split('/'))
            .any(|choice| PERMISSIVE.contains(&choice.trim()))
    })
}

/// What is wrong with one package, if anything.
fn objections(package: &Value) -> Vec<String> {
    let text = |key: &str| package[key].as_str().unwrap_or_default();
    let mut found = Vec::new();
    if !is_permissive(text("license")) {
        found.push(format!("its licence is `{}`, which is not on the list", text("license")));
    }
    // Our own package has no source.
    if !package["source"].is_null() && !text("source").starts_with(REGISTRY) {
        found.push(format!("it comes from `{}` and not from the package registry", text("source")));
    }
    if let Some((_, why)) = BANNED.iter().find(|(name, _)| *name == text("name")) {
        found.push(format!("it is banned: {why}"));
    }
    found.iter().map(|what| format!("{} {}: {what}", text("name"), text("version"))).collect()
}

/// The triple of the machine that builds, from `rustc -vV`.
fn host() -> String {
    let told = Command::new("rustc").arg("-vV").output().expect("rustc is there");
    let told = String::from_utf8(told.stdout).unwrap();
    told.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc tells its host").to_owned()
}

fn metadata() -> Value {
    let ask = |network: &[&str]| {
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host()])
            .args(network)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo is there")
    };
    // Everything this package builds has been fetched before this test could run. What the typesetter builds has not, where
    // nobody has built it: then cargo fetches it now.
    let offline = ask(&["--offline"]);
    let told = if offline.status.success() { offline } else { ask(&[]) };
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

/// The banned crates that nobody has but those who may.
fn excused(metadata: &Value) -> Vec<&'static str> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let has = |node: &Value, name: &str| {
        node["deps"].as_array().unwrap().iter().any(|dependency| dependency["name"] == name)
    };
    let name = |node: &Value| {
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages.iter().find(|package| package["id"] == node["id"]).unwrap();
        package["name"].as_str().unwrap().to_owned()
    };
    let only_they = |(banned, who): &&(&str, &[&str])| {
        nodes.iter().filter(|node| has(node, banned)).all(|node| who.contains(&name(node).as_str()))
    };
    EXCUSED.iter().filter(only_they).map(|(banned, _)| *banned).collect()
}

#[test]
fn every_dependency_is_permissive_and_from_the_registry_and_not_banned() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50, "cargo names only {} packages", packages.len());
    assert!(
        packages.iter().any(|package| package["name"] == "typst"),
        "the typesetter's packages are looked at, too"
    );
    let excused = excused(&metadata);
    let judged = packages.iter().filter(|package| !excused.contains(&package["name"].as_str().unwrap()));
    let found: Vec<String> = judged.flat_map(objections).collect();
    assert!(found.is_empty(), "{} objections:\n{}", found.len(), found.join("\n"));
}

#[test]
fn an_unwelcome_package_is_noticed() {
    let package = |name: &str, licence: &str, source: &str| serde_json::json!({"name": name, "version": "1.0.0", "license": licence, "source": source});
    assert_eq!(objections(&package("good", "MIT OR GPL-3.0-only", REGISTRY)), [] as [String; 0]);
    assert_eq!(objections(&package("old", "MIT/Apache-2.0", REGISTRY)), [] as [String; 0]);
    assert_eq!(
        objections(&package("both", "(Apache-2.0 OR MIT) AND BSD-3-Clause", REGISTRY)),
        [] as [String; 0]
    );
    assert_eq!(objections(&package("copyleft", "MIT AND GPL-3.0-only", REGISTRY)).len(), 1);
    assert_eq!(objections(&package("none", "", REGISTRY)).len(), 1);
    assert_eq!(objections(&package("elsewhere", "MIT", "git+https://host.example/x")).len(), 1);
    assert_eq!(objections(&package("openssl", "Apache-2.0", REGISTRY)).len(), 1);
}
