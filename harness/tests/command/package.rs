//! `datapackage.json` against the files of a real experiment: a small validator of its own for Table Schemas. What it
//! accepts was checked once with `frictionless` from PyPI.

use crate::campaign::tiny;
use serde_json::Value;
use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// What is wrong with the files of a folder, by its `datapackage.json`.
fn errors(dir: &Path) -> Vec<String> {
    let package = fs::read(dir.join("datapackage.json")).unwrap();
    let package: Value = serde_json::from_slice(&package).unwrap();
    let resources = package["resources"].as_array().unwrap();
    let mut errors = vec![];
    for resource in resources {
        let (schema, file) = (&resource["schema"], resource["path"].as_str().unwrap());
        let fields = schema["fields"].as_array().unwrap();
        let (header, rows) = read(&dir.join(file));
        if header != fields.iter().map(|f| f["name"].as_str().unwrap()).collect::<Vec<_>>() {
            errors.push(format!("{file}: other columns"));
        }
        for (n, row) in rows.iter().enumerate() {
            let bad = fields.iter().zip(row).filter(|(field, cell)| !fits(field, cell));
            errors.extend(bad.map(|(f, cell)| format!("{file}, row {n}, {}: {cell:?}", f["name"])));
        }
        // Without a key, two rows may be equal.
        let key = schema.get("primaryKey").map(columns).unwrap_or_default();
        if !key.is_empty() && picked(&header, &rows, &key).len() != rows.len() {
            errors.push(format!("{file}: {key:?} does not tell its rows apart"));
        }
        for foreign in schema["foreignKeys"].as_array().into_iter().flatten() {
            let (own, other) = (columns(&foreign["fields"]), &foreign["reference"]);
            let (_, path) = resources
                .iter()
                .map(|r| (&r["name"], r["path"].as_str().unwrap()))
                .find(|(name, _)| **name == other["resource"])
                .expect("a file that exists");
            let (their_header, their_rows) = read(&dir.join(path));
            let theirs = picked(&their_header, &their_rows, &columns(&other["fields"]));
            if !picked(&header, &rows, &own).is_subset(&theirs) {
                errors.push(format!("{file}: {own:?} is not always in {path}"));
            }
        }
    }
    errors
}

fn read(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let mut from = csv::Reader::from_path(path).unwrap();
    let header = from.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = from.records().map(|r| r.unwrap().iter().map(str::to_owned).collect());
    (header, rows.collect())
}

fn fits(field: &Value, cell: &str) -> bool {
    let bounds = &field["constraints"];
    if cell.is_empty() {
        return bounds["required"] == false;
    }
    let typed = match field["type"].as_str().unwrap() {
        "integer" => cell.parse::<i128>().is_ok(),
        "number" => cell.parse::<f64>().is_ok_and(f64::is_finite),
        "boolean" => ["true", "false"].contains(&cell),
        "string" => true,
        other => panic!("no type of a Table Schema: {other}"),
    };
    let words = bounds["enum"].as_array();
    typed && words.is_none_or(|words| words.iter().any(|w| w == cell))
}

fn columns(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

/// These columns of all rows, each combination once.
fn picked(header: &[String], rows: &[Vec<String>], names: &[&str]) -> HashSet<Vec<String>> {
    let places = names.iter().map(|name| header.iter().position(|h| h == name).unwrap());
    let places: Vec<_> = places.collect();
    rows.iter().map(|row| places.iter().map(|p| row[*p].clone()).collect()).collect()
}

#[test]
fn each_table_is_what_its_schema_says_and_what_is_not_is_found() {
    let scratch = tiny();
    scratch.okiagari("experiment tiny.toml --out out").with(0);
    let out = scratch.path("out");
    assert_eq!(errors(&out), [""; 0]);
    let package = fs::read_to_string(out.join("datapackage.json")).unwrap();
    let package: Value = serde_json::from_str(&package).unwrap();
    for resource in package["resources"].as_array().unwrap() {
        for field in resource["schema"]["fields"].as_array().unwrap() {
            assert!(field["description"].as_str().unwrap().len() > 3, "{field}");
            let name = field["name"].as_str().unwrap();
            assert_eq!(name.ends_with("_ns"), field["unit"] == "ns", "{field}");
        }
    }
    for (file, from, to, said) in [
        ("items.csv", ",done,", ",gone,", "\"state\": \"gone\""),
        ("items.csv", "\n7,1,", "\n7,0,", "does not tell its rows apart"),
        ("items.csv", "\n7,1,", "\n8,1,", "[\"run\"] is not always in runs.csv"),
        ("events.csv", "\n7,", "\n8,", "[\"run\"] is not always in runs.csv"),
        ("injections.csv", ",abort,crash,", ",abort,crash,x", "\"item\": \"x"),
        ("runs.csv", "baseline,true,", "baseline,yes,", "\"faults\": \"yes\""),
        ("runs.csv", "wall_ns", "wall_ms", "other columns"),
        ("claims.csv", ",yes,", ",,", "\"held\": \"\""),
        (
            "measures.csv",
            "baseline,false,items,items,2,",
            "baseline,false,items,items,x,",
            "\"n\": \"x\"",
        ),
    ] {
        let good = fs::read_to_string(out.join(file)).unwrap();
        assert!(good.contains(from), "{file} has no {from:?}: {good}");
        fs::write(out.join(file), good.replacen(from, to, 1)).unwrap();
        let found = errors(&out);
        assert!(found.iter().any(|e| e.contains(said)), "{file}, {to:?}: {found:?}");
        fs::write(out.join(file), good).unwrap();
    }
}
